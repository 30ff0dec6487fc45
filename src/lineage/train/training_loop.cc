#include "lineage/train/training_loop.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "lineage/base/clock.h"
#include "lineage/base/error.h"
#include "lineage/base/interrupted.h"

namespace lineage {
namespace {

constexpr const char* kDiverged =
    "the run diverged; lower optimizer.lr or lengthen schedule.warmup_tokens, and grow again";
constexpr double kSecondsBetweenSaves = 60;
constexpr int64_t kTimedSteps = 10;  // whose time decides how many steps a minute holds

std::string time_text(double seconds) {
  const auto s = static_cast<int64_t>(seconds + 0.5);
  if (s < 600) return fmt::format("{} s", s);
  if (s < 36000) return fmt::format("{} min", s / 60);
  return fmt::format("{} h", s / 3600);
}

// Estimates the time left of a run from how long its parts took so far.
class TimeLeft {
 public:
  explicit TimeLeft(const Measurement& m) : each_(m.tokens), last_(m.tokens_at_end) {}
  void measured(double seconds, bool last) {
    if (const int64_t tokens = last ? last_ : each_; tokens > 0)
      seconds_per_token_ = seconds / static_cast<double>(tokens);
  }
  // `rate`: tokens trained on in a second; `times`: measurements to come, the last one included.
  double seconds(double tokens, double rate, int64_t times) const {
    const double reading = seconds_per_token_ > 0 ? seconds_per_token_ : kReadingShare / rate;
    const double to_read =
        static_cast<double>(std::max<int64_t>(0, times - 1) * each_ + (times > 0 ? last_ : 0));
    return tokens / rate + to_read * reading;
  }

 private:
  int64_t each_, last_;
  double seconds_per_token_ = 0;
};

class Loop {
 public:
  Loop(const LoopContext& context, const LoopSteps& steps)
      : context_(context),
        steps_(steps),
        eval_every_(steps_between_measurements(context.run, steps.count)),
        save_every_(context.run.checkpoint_every),
        time_left_(context.measurement) {}

  void run() {
    begin_ = resume();
    if (context_.ranks.rank() == 0) log_ = MetricsWriter(context_.folder / "metrics.jsonl", begin_);
    start_ = mark_ = Clock::now();
    for (done_ = begin_; done_ < steps_.count;) {
      last_ = steps_.step(done_++);
      tokens_ += last_.tokens;
      record_step();
      if (context_.measurement.run && (done_ % eval_every_ == 0 || at_end())) measure();
      save_and_stop();
      mark_ = Clock::now();
    }
    check_end();
  }

 private:
  bool at_end() const { return done_ == steps_.count; }
  double fraction() const { return static_cast<double>(done_) / static_cast<double>(steps_.count); }
  int64_t resume();
  void record_step();
  void measure();
  void save();
  void save_and_stop();
  void check_end() const;

  const LoopContext& context_;
  const LoopSteps& steps_;
  int64_t eval_every_, save_every_;
  TimeLeft time_left_;
  MetricsWriter log_;
  int64_t begin_ = 0, done_ = 0;  // steps
  int64_t tokens_ = 0;            // trained on up to here
  Clock::time_point start_, mark_;
  double rate_ = 0;  // tokens/s, smoothed
  StepReport last_;
};

int64_t Loop::resume() {
  const auto state = load_training_state(context_.folder);
  if (!state) return 0;
  steps_.restore(*state);
  tokens_ = state->json.at("tokens");
  context_.progress.note(
      fmt::format("{}: resumed after step {} of {}", context_.name, state->step, steps_.count));
  return state->step;
}

void Loop::save() {
  TrainingState state;
  state.step = done_;
  state.json["tokens"] = tokens_;
  steps_.save(state);
  if (context_.ranks.rank() == 0)
    save_training_state(context_.folder, done_, state.tensors, state.json);
}

void Loop::record_step() {
  const double took = std::max(1e-9, seconds_since(mark_));
  const double now = static_cast<double>(last_.tokens) / took;
  rate_ = rate_ == 0 ? now : 0.9 * rate_ + 0.1 * now;
  mark_ = Clock::now();
  const double peak = context_.peak_gflops * 1e9;
  MetricsLine line;
  line.step = done_;
  line.tokens = tokens_;
  line.lr = last_.lr;
  line.grad_norm = last_.grad_norm;
  line.tokens_per_s = now;
  if (peak > 0) line.mfu = now * steps_.flops_per_token / peak;
  line.event = last_.event;
  line.values = last_.values;
  log_.write(line);
  if (!last_.event.empty())
    context_.progress.note(fmt::format("{}: step {}: {}", context_.name, done_, last_.event));
  const int64_t total = steps_.count;
  const int64_t to_measure =
      context_.measurement.run
          ? total / eval_every_ - (done_ - 1) / eval_every_ + (total % eval_every_ > 0)
          : 0;
  const int64_t to_read = std::max<int64_t>(0, steps_.tokens - tokens_);  // the plan may be a guess
  const double left =
      time_left_.seconds(static_cast<double>(to_read), std::max(1.0, rate_), to_measure);
  context_.progress.update(
      context_.name, fraction(),
      fmt::format(
          "step {}/{}  {} {:.3f}  {:.0f} tok/s{}  {} left", done_, total, steps_.shown.text(),
          last_.values.at(steps_.shown), rate_,
          peak > 0 ? fmt::format("  {:.0f} % of peak", 100 * rate_ * steps_.flops_per_token / peak)
                   : "",
          time_text(left)));
}

void Loop::measure() {
  const auto began = Clock::now();
  const auto tell = [&](double share) {
    constexpr double kNotOver = 0.999;  // a node is over once its last measurement is
    context_.progress.update(context_.name, share < 1 ? std::min(fraction(), kNotOver) : fraction(),
                             fmt::format("step {}/{}  measuring held-out data, {:.0f} %", done_,
                                         steps_.count, 100 * share));
  };
  tell(0);
  MetricsLine line;
  line.step = done_;
  line.tokens = tokens_;
  line.values = context_.measurement.run(at_end(), tell);
  time_left_.measured(seconds_since(began), at_end());
  if (at_end())  // these are of the model that would be kept
    for (const auto& [name, value] : line.values)
      if (!std::isfinite(value))
        throw Error(fmt::format("{}: {} is {} after the last step; wanted a finite one",
                                context_.name, name.text(), value),
                    kDiverged);
  log_.write(line);
}

void Loop::save_and_stop() {
  Communicator& ranks = context_.ranks;
  if (save_every_ == 0 && done_ - begin_ == kTimedSteps)  // the same on all ranks
    save_every_ = std::max<int64_t>(
        1, static_cast<int64_t>(kTimedSteps * kSecondsBetweenSaves /
                                ranks.all_reduce(seconds_since(start_), Reduce::max)));
  const bool stop = context_.interrupted && context_.interrupted();
  const bool stop_all = ranks.all_reduce(stop ? 1.0 : 0.0, Reduce::max) > 0;
  if (at_end()) return;
  if (stop_all || (save_every_ > 0 && done_ % save_every_ == 0)) save();
  if (!stop_all) return;
  ranks.barrier();  // none ends the others while one still writes
  throw Interrupted(fmt::format("{}: interrupted after step {} of {}; its state is saved",
                                context_.name, done_, steps_.count),
                    "run the same command again to go on from there");
}

void Loop::check_end() const {
  if (begin_ == steps_.count) return;
  if (last_.skipped == steps_.count)
    throw Error(fmt::format("{}: all {} steps were skipped; wanted steps that are taken",
                            context_.name, steps_.count),
                "metrics.jsonl says why, step by step; lower optimizer.lr or look at the data");
  if (const double value = last_.values.at(steps_.shown); !std::isfinite(value))
    throw Error(fmt::format("{}: the {} of the last step is {}; wanted a finite one", context_.name,
                            steps_.shown.text(), value),
                kDiverged);
  if (last_.skipped > 0)
    context_.progress.note(
        fmt::format("{}: {} of {} steps were skipped", context_.name, last_.skipped, steps_.count));
}

}  // namespace

int64_t steps_between_measurements(const RunConfig& run, int64_t steps) {
  return run.eval_every ? run.eval_every : std::max<int64_t>(1, steps / 10);
}

int64_t measured_tokens(const RunConfig& run, int64_t tokens, int64_t steps, size_t sources) {
  constexpr int64_t kMost = 65536;
  constexpr double kShareOfTraining = 0.1;
  if (run.eval_tokens > 0) return run.eval_tokens;
  const int64_t times = std::max<int64_t>(1, steps / steps_between_measurements(run, steps));
  const double all = kShareOfTraining / kReadingShare * static_cast<double>(tokens);
  const double each =
      all / static_cast<double>(times) / static_cast<double>(std::max<size_t>(1, sources));
  return std::clamp<int64_t>(static_cast<int64_t>(each), 1, kMost);
}

void run_loop(const LoopContext& context, const LoopSteps& steps) { Loop(context, steps).run(); }

}  // namespace lineage
