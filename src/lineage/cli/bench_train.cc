#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>

#include "lineage/base/clock.h"
#include "lineage/base/rng.h"
#include "lineage/checkpoint/model.h"
#include "lineage/cli/bench.h"
#include "lineage/kernels/timed.h"
#include "lineage/train/language_model.h"
#include "lineage/train/machine.h"

namespace lineage::cli {
namespace {

Batch random_batch(const BenchConfig& c) {
  const int64_t B = c.rows, T = c.model.context;
  Batch batch;
  batch.tokens = Tensor::empty({B, T}, DType::i32);
  batch.targets = Tensor::empty({B * T}, DType::i32);
  batch.weights = Tensor::full({B * T}, 1);
  const Rng rng = Rng(1).fold("bench");
  for (int64_t i = 0; i < B * T; ++i) {
    const auto token = [&](int64_t at) {
      return static_cast<int32_t>(
          rng.below(static_cast<uint64_t>(c.model.vocab), static_cast<uint64_t>(at)));
    };
    batch.tokens.data<int32_t>()[i] = token(i);
    batch.targets.data<int32_t>()[i] = token(i + 1);
  }
  batch.total_weight = static_cast<double>(B * T);
  return batch;
}

// Every step takes its time, however the loss of random tokens goes.
GuardConfig never_skip() {
  GuardConfig guard;
  guard.non_finite = guard.spike = GuardAction::ignore;
  return guard;
}

void print_breakdown(const TimedKernels& timed, double total, int64_t steps) {
  double sum = 0;
  for (const auto& [name, t] : timed.times()) {
    fmt::print("    {:28} {:8.3f} ms a step  {:5.1f} %  {:6.0f} calls\n", name,
               1e3 * t.seconds / static_cast<double>(steps), 100 * t.seconds / total,
               static_cast<double>(t.calls) / static_cast<double>(steps));
    sum += t.seconds;
  }
  fmt::print("    {:28} {:8.3f} ms a step  {:5.1f} %\n", "(outside the kernels)",
             1e3 * (total - sum) / static_cast<double>(steps), 100 * (total - sum) / total);
}

void bench_one(const BenchConfig& c, const BenchOptions& o) {
  constexpr double kPeakSeconds = 0.15;  // for each shape, before and after
  double peak = sgemm_peak(products(c), kPeakSeconds);
  Model model = make_model(c.model, true);
  model.parameters->initialize(1);
  OptimizerConfig config;
  config.kind = c.optimizer;
  const auto alone = single_process();
  Trainer trainer("bench", *model.parameters, config, never_skip(), *alone);
  const MicroBatch batch = language_model_batch(*model.gpt, random_batch(c));
  constexpr int kWarmup = 2;
  for (int i = 0; i < kWarmup; ++i) trainer.step({&batch, 1}, 1);
  std::vector<double> times;
  for (const auto start = Clock::now(); times.size() < 3 || seconds_since(start) < o.seconds;) {
    const auto begin = Clock::now();
    trainer.step({&batch, 1}, 1);
    times.push_back(seconds_since(begin));
  }
  peak = std::max(peak, sgemm_peak(products(c), kPeakSeconds));
  std::ranges::nth_element(times, times.begin() + static_cast<int64_t>(times.size() / 2));
  const double median = times[times.size() / 2];
  const double mean =
      std::accumulate(times.begin(), times.end(), 0.0) / static_cast<double>(times.size());
  const double tokens = batch.weight / median;
  const double gflops = tokens * training_flops_per_token(c.model) * 1e-9;
  if (o.json)
    fmt::print("{}\n", nlohmann::json{{"config", c.name},
                                      {"params", parameter_count(c.model)},
                                      {"tokens_per_s", tokens},
                                      {"mean_tokens_per_s", tokens * median / mean},
                                      {"model_gflops", gflops},
                                      {"peak_gflops", peak},
                                      {"mfu", gflops / peak},
                                      {"peak_rss_mb", static_cast<double>(peak_memory()) / 1048576},
                                      {"steps", times.size()}}
                           .dump());
  else
    fmt::print(
        "{:6} {:>11} parameters  B{} T{}: {:9.0f} tokens/s  {:6.1f} of {:6.1f} GFLOP/s  "
        "mfu {:.3f}  {:.0f} MiB  (median of {} steps)\n",
        c.name, parameter_count(c.model), c.rows, c.model.context, tokens, gflops, peak,
        gflops / peak, static_cast<double>(peak_memory()) / 1048576, times.size());
  if (o.breakdown) {
    TimedKernels timed(kernels());
    const UseKernels use(timed);
    const auto start = Clock::now();
    int64_t steps = 0;
    for (; steps < 3 || seconds_since(start) < o.seconds / 2; ++steps) trainer.step({&batch, 1}, 1);
    print_breakdown(timed, seconds_since(start), steps);
  }
}

}  // namespace

void bench_train(const BenchOptions& o) {
  for (const BenchConfig& c : chosen_configs(o)) {
    bench_one(c, o);
  }
}

}  // namespace lineage::cli
