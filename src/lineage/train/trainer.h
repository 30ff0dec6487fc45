#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "lineage/base/config.h"
#include "lineage/base/progress.h"
#include "lineage/comm/communicator.h"
#include "lineage/data/batch.h"
#include "lineage/nn/gpt.h"
#include "lineage/train/guard.h"
#include "lineage/train/metric_log.h"
#include "lineage/train/optimizer.h"
#include "lineage/train/schedule.h"

namespace lineage {

// What every training stage shares and what determines its result.
struct TrainConfig {
  int64_t tokens = 0;           // to train on
  int64_t batch_tokens = 4096;  // of one optimizer step, over all ranks
  int64_t ramp_from = 0, ramp_tokens = 0;
  int64_t micro_tokens = 16384;
  OptimizerConfig optimizer;
  ScheduleConfig schedule;
  GuardConfig guard;

  void validate(const std::string& place, int64_t context) const;
};

template <class V>
void fields(V& v, TrainConfig& c) {
  v("tokens", c.tokens, "tokens to train on", between(0, 1e15));
  v("batch_tokens", c.batch_tokens, "tokens of one optimizer step, over all ranks",
    between(1, 1e12));
  v("ramp_from", c.ramp_from, "tokens of the first step, when the batch grows (GPT-3's ramp)",
    between(0, 1e12));
  v("ramp_tokens", c.ramp_tokens, "tokens over which the batch grows; 0: no ramp",
    between(0, 1e15));
  v("micro_tokens", c.micro_tokens,
    "at most so many tokens of a rank's batch are in memory at once", between(1, 1e12));
  v("optimizer", c.optimizer, "");
  v("schedule", c.schedule, "");
  v("guard", c.guard, "what to do when the run diverges");
}

// The line that says of a node's warm-up that it is longer than its run.
std::string warmup_note(std::string_view node, const TrainConfig&);

// What does not determine the result: how often to save, to measure and to tell.
struct RunConfig {
  int64_t checkpoint_every = 0;  // steps; 0: about once a minute
  int64_t eval_every = 0;        // steps; 0: ten times in the run
  int64_t eval_tokens = 0;       // of each source; 0: in proportion to the run
};

template <class V>
void fields(V& v, RunConfig& c) {
  v("checkpoint_every", c.checkpoint_every, "steps between saved states; 0: about a minute",
    between(0, 1e15));
  v("eval_every", c.eval_every, "steps between held-out measurements; 0: ten times in the run",
    between(0, 1e15));
  v("eval_tokens", c.eval_tokens,
    "held-out tokens of each source in a measurement; 0: 65536, or as many as take a tenth of the "
    "time of training; the last takes them all",
    between(0, 1e15));
}

// Steps between the measurements of a run, and the held-out tokens of each of its `sources` that
// one on the way reads.
int64_t steps_between_measurements(const RunConfig&, int64_t steps);
int64_t measured_tokens(const RunConfig&, const TrainConfig&, int64_t steps, size_t sources);
// A token that is only read takes this share of the time of one that is trained on.
constexpr double kReadingShare = 1.0 / 3;

// Rows [first, first + count) of a stage's data; a pure function, so resuming is asking again.
using BatchSource = std::function<Batch(int64_t first, int64_t count)>;
// The loss of one micro-batch, its weights over `total_weight`, that of the whole step.
using LossFunction = std::function<Tensor(const Gpt&, const Batch&, float total_weight)>;

// Weighted next-token cross-entropy.
Tensor language_model_loss(const Gpt&, const Batch&, float total_weight);

// What a run needs from its surroundings. All references outlive the trainer.
struct TrainContext {
  std::string name;             // of the node, for messages
  std::filesystem::path state;  // the folder of saved states
  Communicator& ranks;
  Progress& progress;
  double peak_gflops = 0;  // of this machine's matrix product; 0: not measured
  // Measured on held-out data now and then, and at the end (`last`): an object of numbers for the
  // metrics. It tells `done` how far it is, from 0 to 1. May be empty. Every rank calls it.
  std::function<nlohmann::json(bool last, const std::function<void(double)>& done)> measure;
  int64_t measured_tokens = 0, measured_last = 0;  // that it reads, on the way and at the end
  std::function<bool()> interrupted;               // asked after every step; true: save and stop
};

// The step that every stage shares: gradients of a global batch, data-parallel over the ranks and
// accumulated over micro-batches; clipping, guard, update; metrics; saved states and resume.
class Trainer {
 public:
  Trainer(Gpt&, Parameters&, const TrainConfig&, const RunConfig&, TrainContext);
  ~Trainer();

  // Trains from the last saved state, if there is one, to the end. `metrics` is a JSONL file.
  void run(const BatchSource&, const LossFunction&, const std::filesystem::path& metrics);
  // One optimizer step; the loss is that before the update.
  struct Step {
    double loss = 0, grad_norm = 0, share = 0;
    int64_t tokens = 0;
    bool updated = true;
    std::string why;
  };
  Step step(int64_t index, const BatchSource&, const LossFunction&);

  const BatchPlan& plan() const { return plan_; }
  int64_t steps() const { return plan_.steps(); }
  const Guard::State& guard() const { return guard_.state(); }

 private:
  int64_t resume();
  void save(int64_t steps_done);
  void check_end(int64_t begin, double last_loss) const;
  double gradients(const std::vector<Batch>& batches, const LossFunction&, float total_weight);
  void gather(Tensor shard, Tensor& whole);

  Gpt& gpt_;
  Parameters& parameters_;
  TrainConfig config_;
  RunConfig run_;
  TrainContext context_;
  BatchPlan plan_;
  std::vector<int64_t> bounds_;  // of the ranks' shards
  std::unique_ptr<Optimizer> optimizer_;
  Guard guard_;
};

// Bytes that training takes on one rank, at most 2^62: parameters, gradients, moments, activations
// of a micro-batch and the scratch of the loss.
int64_t training_bytes(const GptConfig&, const TrainConfig&, int ranks);

}  // namespace lineage
