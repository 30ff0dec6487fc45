#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "lineage/checkpoint/training_state.h"
#include "lineage/comm/communicator.h"
#include "lineage/nn/parameters.h"
#include "lineage/train/divergence_guard.h"
#include "lineage/train/optimizer.h"

namespace lineage {

// A part of a step's batch, on one rank.
struct MicroBatch {
  double weight = 0;  // summed over its examples
  // Its loss (1), with its weights over `total_weight`: that of the whole step, all ranks together.
  std::function<Tensor(float total_weight)> loss;
};

// A second loss of a step. Its gradient, a mean over its own examples, is added to that of the
// first before the one clipping and update, as that of pretraining text in PPO (Ouyang et al. 2022,
// eq. 2 and appendix C.4).
struct AddedLoss {
  std::span<const MicroBatch> micro_batches{};  // this rank's, and may be none
  double weight = 0;                            // of its gradient; 0: there is no second loss
  bool relative = false;  // its gradient becomes `weight` times as long as the first's instead
};

// One optimizer step over any parameters and losses: gradients of a global batch, data-parallel
// over the ranks and accumulated over micro-batches; clipping, guard, update. A stage that trains
// two models has two trainers. Parameters and communicator outlive it; every rank makes the same
// calls in the same order.
class Trainer {
 public:
  // `name` is that of the node, for messages.
  Trainer(std::string name, Parameters&, const OptimizerConfig&, const GuardConfig&, Communicator&);

  struct Step {
    double loss = 0;       // before the update
    double grad_norm = 0;  // before clipping
    bool updated = true;
    std::string why;  // the guard's finding; empty: none
    // Of a second loss: the norm of the first's gradient and of its own, and the weight that it
    // got.
    double added_loss = 0, first_norm = 0, added_norm = 0, added_weight = 0;
  };
  // `micro_batches` are this rank's, and may be none. The learning rates are their peaks times
  // `lr_scale`. The losses add to `sums`, as shares of a mean over the step's total weight; they
  // are returned summed over the ranks. Throws an Error when the guard stops the run.
  Step step(std::span<const MicroBatch> micro_batches, double lr_scale, std::span<double> sums = {},
            const AddedLoss& = {});
  int64_t skipped() const { return guard_.state().skipped; }  // updates, since the run began

  // Adds to a state everything that this trainer needs to resume bit for bit. `prefix` begins the
  // names of its tensors; trainers that share a state have different ones.
  void save(TrainingState&, const std::string& prefix = "");
  void restore(const TrainingState&, const std::string& prefix = "");

 private:
  double gradients(std::span<const MicroBatch>);
  void add_gradients(const AddedLoss&, Step&);
  double shard_norm();
  Tensor all_gathered(const Tensor& shard);
  int64_t shard_begin() const { return bounds_[ranks_.rank()]; }
  int64_t shard_size() const {
    return bounds_[static_cast<size_t>(ranks_.rank()) + 1] - shard_begin();
  }

  std::string name_;
  Parameters& parameters_;
  Communicator& ranks_;
  double clip_;
  std::vector<int64_t> bounds_;  // of the ranks' shards
  Optimizer optimizer_;
  DivergenceGuard guard_;
  int64_t steps_ = 0;  // taken, skipped ones included
};

}  // namespace lineage
