#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "lineage/base/config.h"
#include "lineage/base/progress.h"
#include "lineage/checkpoint/metrics_file.h"
#include "lineage/checkpoint/training_state.h"
#include "lineage/comm/communicator.h"

namespace lineage {

// Intervals for checkpoints, evaluation and logging; they do not affect the weights.
struct RunConfig {
  int64_t checkpoint_every = 0;      // steps; 0: about once a minute
  int64_t eval_every = 0;            // steps; 0: ten times in the run
  int64_t eval_tokens = 0;           // of each source; 0: in proportion to the run
  int64_t behaviour_samples = 1000;  // of each kind of request
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
  v("behaviour_samples", c.behaviour_samples,
    "answers to each kind of request, of the parent and of the model, in which a node of stage ppo "
    "or "
    "grpo counts behaviours at its end",
    between(1, 1e6));
}

// Steps between the evaluations of a run, and the held-out tokens that each one before the last
// reads of each of `sources` sources; `tokens`: trained on in all.
int64_t steps_between_measurements(const RunConfig&, int64_t steps);
int64_t measured_tokens(const RunConfig&, int64_t tokens, int64_t steps, size_t sources);
// The time of a token that is only read, as a share of one that is trained on.
constexpr double kReadingShare = 1.0 / 3;

// Evaluation on held-out data now and then, and after the last step. Every rank calls it.
struct Measurement {
  // Reports its progress to `done`, from 0 to 1. May be empty: nothing is held out.
  std::function<MetricValues(bool last, const std::function<void(double)>& done)> run;
  int64_t tokens = 0, tokens_at_end = 0;  // that it reads, during the run and after the last step
};

// The surroundings of a run. All references outlive it.
struct LoopContext {
  std::string name;              // of the node, for messages
  std::filesystem::path folder;  // of saved states and metrics.jsonl
  Communicator& ranks;
  Progress& progress;
  RunConfig run;
  double peak_gflops = 0;             // of this machine's matrix product; 0: not measured
  std::function<bool()> interrupted;  // called after every step; true: save and stop
  Measurement measurement{};
};

struct StepReport {
  int64_t tokens = 0;  // trained on, all ranks together
  double lr = 0, grad_norm = 0;
  MetricValues values{};
  std::string event{};  // such as a step that the guard skipped
  int64_t skipped = 0;  // updates skipped since the run began
};

// The functions that a loop repeats. Every rank makes the same calls.
struct LoopSteps {
  int64_t count = 0;   // of the whole run
  int64_t tokens = 0;  // of the whole run, for the time left
  double flops_per_token = 0;
  MetricName shown{"loss"};  // in the progress line; it must be finite after the last step
  std::function<StepReport(int64_t index)> step;
  std::function<void(TrainingState&)> save;           // adds what restore() needs
  std::function<void(const TrainingState&)> restore;  // the next step() continues from it
};

// Runs the steps from the last saved state, if there is one, to the end: logs, measures, saves.
// Throws Interrupted, its state saved, and an Error when the run failed: all updates skipped, or a
// loss that is not finite.
void run_loop(const LoopContext&, const LoopSteps&);

}  // namespace lineage
