#include "lineage/train/trainer.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "lineage/base/error.h"
#include "lineage/ops/tape.h"
#include "lineage/train/gradient_reducer.h"

namespace lineage {

Trainer::Trainer(std::string name, Parameters& parameters, const OptimizerConfig& optimizer,
                 const GuardConfig& guard, Communicator& ranks)
    : name_(std::move(name)),
      parameters_(parameters),
      ranks_(ranks),
      clip_(optimizer.clip),
      bounds_(Optimizer::shards(optimizer, parameters, ranks.size())),
      optimizer_(optimizer, parameters, shard_begin(), shard_begin() + shard_size()),
      guard_(guard, {}) {}

double Trainer::gradients(std::span<const MicroBatch> micro_batches) {
  double weight = 0;
  for (const MicroBatch& b : micro_batches) weight += b.weight;
  const auto total_weight = static_cast<float>(std::max(ranks_.all_reduce(weight), 1.0));
  GradientReducer reducer(ranks_, parameters_, bounds_);
  double sum = 0;
  for (size_t i = 0; i < micro_batches.size(); ++i) {
    Tape tape;
    parameters_.watch(tape, i > 0);
    if (i + 1 == micro_batches.size()) reducer.follow(tape);
    const Tensor loss = micro_batches[i].loss(total_weight);
    sum += static_cast<double>(loss.data<float>()[0]);
    tape.backward(loss);
  }
  if (micro_batches.empty()) {  // more ranks than examples: this one adds nothing
    std::ranges::fill(parameters_.grads().data<float>(), 0.0f);
  }
  reducer.finish();
  return ranks_.all_reduce(sum);
}

double Trainer::shard_norm() {
  const Tensor shard = parameters_.grads().slice(shard_begin(), {shard_size()});
  return std::sqrt(ranks_.all_reduce(kernels().sum_squares(shard)));
}

void Trainer::add_gradients(const AddedLoss& added, Step& result) {
  Tensor shard = parameters_.grads().slice(shard_begin(), {shard_size()});
  const Tensor first = Tensor::empty({shard_size()});
  std::ranges::copy(shard.data<float>(), first.data<float>().begin());
  result.first_norm = result.grad_norm;
  result.added_loss = gradients(added.micro_batches);
  result.added_norm = shard_norm();
  result.added_weight = added.weight;
  if (added.relative)
    result.added_weight =
        result.added_norm > 0 ? added.weight * result.first_norm / result.added_norm : 0;
  kernels().axpby(shard, 1, first, static_cast<float>(result.added_weight));
  result.grad_norm = shard_norm();
}

Trainer::Step Trainer::step(std::span<const MicroBatch> micro_batches, double lr_scale,
                            std::span<double> sums, const AddedLoss& added) {
  Step result;
  result.loss = gradients(micro_batches);
  if (!sums.empty()) ranks_.all_reduce(sums);
  result.grad_norm = shard_norm();
  if (added.weight > 0) add_gradients(added, result);

  const auto verdict = guard_.judge(name_, ++steps_, result.loss, result.grad_norm);
  result.updated = verdict.update;
  result.why = verdict.why;
  if (!verdict.update) return result;
  constexpr double kTiny = 1e-6;  // as PyTorch's clip_grad_norm_
  const double scale = clip_ > 0 ? std::min(1.0, clip_ / (result.grad_norm + kTiny)) : 1;
  optimizer_.update(parameters_, lr_scale, scale, steps_);
  ranks_.all_gather(parameters_.values(), bounds_);
  return result;
}

Tensor Trainer::all_gathered(const Tensor& shard) {
  Tensor whole = Tensor::empty({parameters_.numel()});
  std::ranges::copy(shard.data<float>(), whole.data<float>().begin() + shard_begin());
  ranks_.all_gather(whole, bounds_);
  return whole;
}

void Trainer::save(TrainingState& state, const std::string& prefix) {
  state.tensors[prefix + "values"] = parameters_.values();
  state.tensors[prefix + "m"] = all_gathered(optimizer_.first_moment());
  state.tensors[prefix + "v"] = all_gathered(optimizer_.second_moment());
  const DivergenceGuard::State& g = guard_.state();
  nlohmann::json& json = prefix.empty() ? state.json : state.json[prefix];
  json["steps"] = steps_;
  json["mean"] = g.mean;
  json["variance"] = g.variance;
  json["seen"] = g.seen;
  json["skips_in_row"] = g.skips_in_row;
  json["skipped"] = g.skipped;
}

void Trainer::restore(const TrainingState& state, const std::string& prefix) {
  const auto restore = [&](const char* what, Tensor& into, int64_t from) {
    const auto whole = state.tensors.find(prefix + what);
    require(whole != state.tensors.end() && whole->second.numel() == parameters_.numel(), name_,
            ": the saved state has ", whole == state.tensors.end() ? 0 : whole->second.numel(),
            " elements of ", prefix, what, "; the model has ", parameters_.numel());
    std::ranges::copy(whole->second.data<float>().subspan(static_cast<size_t>(from),
                                                          static_cast<size_t>(into.numel())),
                      into.data<float>().begin());
  };
  restore("values", parameters_.values(), 0);
  restore("m", optimizer_.first_moment(), shard_begin());
  restore("v", optimizer_.second_moment(), shard_begin());
  const nlohmann::json& json = prefix.empty() ? state.json : state.json.at(prefix);
  steps_ = json.at("steps");
  guard_.restore({json.at("mean"), json.at("variance"), json.at("seen"), json.at("skips_in_row"),
                  json.at("skipped")});
}

}  // namespace lineage
