#include "lineage/train/trainer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

#include "lineage/base/clock.h"
#include "lineage/base/error.h"
#include "lineage/base/interrupted.h"
#include "lineage/checkpoint/training_state.h"
#include "lineage/ops/ops.h"
#include "lineage/ops/tape.h"
#include "lineage/train/gradient_reducer.h"

namespace lineage {
namespace {

// Below this share of rows that weigh something it pays to take them out, as in demonstrations, of
// which only the answers do.
constexpr double kWorthTaking = 0.9;

// Rows [first, first + count) of rank r of R: the batch in R nearly equal, contiguous parts.
std::pair<int64_t, int64_t> part(int64_t first, int64_t count, int rank, int ranks) {
  const int64_t begin = count * rank / ranks, end = count * (rank + 1) / ranks;
  return {first + begin, end - begin};
}

}  // namespace

void TrainConfig::validate(const std::string& place, int64_t context) const {
  const auto wants = [&](bool ok, std::string_view field, auto seen, std::string_view wanted) {
    require(ok, place, ".", field, " is ", seen, "; wanted ", wanted);
  };
  wants(tokens >= context, "tokens", tokens, fmt::format("at least one row of {}", context));
  wants(batch_tokens >= context, "batch_tokens", batch_tokens,
        fmt::format("at least one row of {}", context));
  wants(ramp_from <= batch_tokens, "ramp_from", ramp_from, "0 to batch_tokens");
}

std::string warmup_note(std::string_view node, const TrainConfig& c) {
  return fmt::format(
      "{}: schedule.warmup_tokens is {} of a run of {} tokens; the rate never comes to its peak",
      node, c.schedule.warmup_tokens, c.tokens);
}

Tensor language_model_loss(const Gpt& gpt, const Batch& batch, float weight) {
  std::vector<int32_t> rows;  // that weigh something
  const auto weights = batch.weights.data<float>();
  for (size_t n = 0; n < weights.size(); ++n)
    if (weights[n] != 0) rows.push_back(static_cast<int32_t>(n));
  const double share = static_cast<double>(rows.size()) / static_cast<double>(weights.size());
  if (rows.empty() || share > kWorthTaking) {
    const Tensor hidden = gpt.hidden(batch.tokens, batch.positions, batch.starts);
    return ops::linear_cross_entropy(hidden, gpt.head(), batch.targets, batch.weights, weight);
  }
  const auto R = static_cast<int64_t>(rows.size());
  Tensor targets = Tensor::empty({R}, DType::i32), some_weights = Tensor::empty({R});
  for (size_t i = 0; i < rows.size(); ++i) {
    const auto n = static_cast<size_t>(rows[i]);
    targets.data<int32_t>()[i] = batch.targets.data<int32_t>()[n];
    some_weights.data<float>()[i] = weights[n];
  }
  const Tensor hidden = gpt.hidden(batch.tokens, batch.positions, batch.starts,
                                   Tensor::from({R}, std::span<const int32_t>(rows)));
  return ops::linear_cross_entropy(hidden, gpt.head(), targets, some_weights, weight);
}

Trainer::Trainer(Gpt& gpt, Parameters& parameters, const TrainConfig& config, const RunConfig& run,
                 TrainContext context)
    : gpt_(gpt),
      parameters_(parameters),
      config_(config),
      run_(run),
      context_(std::move(context)),
      plan_(config.tokens / gpt.config.context, config.batch_tokens / gpt.config.context,
            config.ramp_from / gpt.config.context, config.ramp_tokens / gpt.config.context),
      bounds_(Optimizer::shards(config.optimizer, parameters, context_.ranks.size())),
      guard_(config.guard, {}) {
  const size_t rank = static_cast<size_t>(context_.ranks.rank());
  optimizer_ =
      std::make_unique<Optimizer>(config.optimizer, parameters, bounds_[rank], bounds_[rank + 1]);
}

Trainer::~Trainer() = default;

double Trainer::gradients(const std::vector<Batch>& batches, const LossFunction& loss,
                          float weight) {
  GradientReducer reducer(context_.ranks, parameters_, bounds_);
  double sum = 0;
  for (size_t i = 0; i < batches.size(); ++i) {
    Tape tape;
    parameters_.watch(tape, i > 0);
    if (i + 1 == batches.size()) reducer.follow(tape);
    const Tensor part = loss(gpt_, batches[i], weight);
    sum += static_cast<double>(part.data<float>()[0]);
    tape.backward(part);
  }
  if (batches.empty()) {  // more ranks than rows: this one adds nothing
    std::ranges::fill(parameters_.grads().data<float>(), 0.0f);
  }
  reducer.finish();
  return context_.ranks.all_reduce(sum);
}

Trainer::Step Trainer::step(int64_t index, const BatchSource& source, const LossFunction& loss) {
  const int64_t T = gpt_.config.context, rows = plan_.rows(index);
  const auto [first, count] =
      part(plan_.first_row(index), rows, context_.ranks.rank(), context_.ranks.size());
  const int64_t micro = std::max<int64_t>(1, config_.micro_tokens / T);
  std::vector<Batch> batches;
  for (int64_t at = 0; at < count; at += micro)
    batches.push_back(source(first + at, std::min(micro, count - at)));
  double weight = 0;
  for (const Batch& b : batches) weight += b.total_weight;
  weight = context_.ranks.all_reduce(weight);

  Step result;
  result.tokens = rows * T;
  result.share =
      schedule_share(config_.schedule, (plan_.first_row(index) + rows) * T, config_.tokens);
  result.loss = gradients(batches, loss, static_cast<float>(std::max(weight, 1.0)));
  const size_t rank = static_cast<size_t>(context_.ranks.rank());
  const Tensor shard =
      parameters_.grads().slice(bounds_[rank], {bounds_[rank + 1] - bounds_[rank]});
  result.grad_norm = std::sqrt(context_.ranks.all_reduce(kernels().sum_squares(shard)));

  const Guard::Verdict verdict =
      guard_.judge(context_.name, index + 1, result.loss, result.grad_norm);
  result.updated = verdict.update;
  result.why = verdict.why;
  if (!verdict.update) return result;
  constexpr double kTiny = 1e-6;  // as PyTorch's clip_grad_norm_
  const double clip = config_.optimizer.clip;
  const double scale = clip > 0 ? std::min(1.0, clip / (result.grad_norm + kTiny)) : 1;
  optimizer_->update(parameters_, result.share, scale, index + 1);
  context_.ranks.all_gather(parameters_.values(), bounds_);
  return result;
}

// --- saved states ----------------------------------------------------------------------------

void Trainer::gather(Tensor shard, Tensor& whole) {
  const size_t rank = static_cast<size_t>(context_.ranks.rank());
  const auto from = shard.data<float>();
  std::ranges::copy(from, whole.data<float>().begin() + bounds_[rank]);
  context_.ranks.all_gather(whole, bounds_);
}

void Trainer::save(int64_t steps_done) {
  Tensor m = Tensor::empty({parameters_.numel()}), v = Tensor::empty({parameters_.numel()});
  gather(optimizer_->first_moment(), m);
  gather(optimizer_->second_moment(), v);
  if (context_.ranks.rank() != 0) return;
  const Guard::State& g = guard_.state();
  const nlohmann::json json = {{"mean", g.mean},
                               {"variance", g.variance},
                               {"seen", g.seen},
                               {"skips_in_row", g.skips_in_row},
                               {"skipped", g.skipped}};
  save_training_state(context_.state, steps_done,
                      {{"values", parameters_.values()}, {"m", m}, {"v", v}}, json);
}

int64_t Trainer::resume() {
  const auto saved = load_training_state(context_.state);
  if (!saved) return 0;
  const size_t rank = static_cast<size_t>(context_.ranks.rank());
  const int64_t begin = bounds_[rank], n = bounds_[rank + 1] - begin;
  const auto restore = [&](const char* name, Tensor& into, int64_t from, int64_t count) {
    const Tensor& whole = saved->tensors.at(name);
    require(whole.numel() == parameters_.numel(), context_.state.string(), ": ", name, " has ",
            whole.numel(), " elements; the model has ", parameters_.numel());
    std::ranges::copy(
        whole.data<float>().subspan(static_cast<size_t>(from), static_cast<size_t>(count)),
        into.data<float>().begin());
  };
  restore("values", parameters_.values(), 0, parameters_.numel());
  restore("m", optimizer_->first_moment(), begin, n);
  restore("v", optimizer_->second_moment(), begin, n);
  const nlohmann::json& json = saved->json;
  guard_ = Guard(config_.guard, {json.at("mean"), json.at("variance"), json.at("seen"),
                                 json.at("skips_in_row"), json.at("skipped")});
  return saved->step;
}

// --- the run ---------------------------------------------------------------------------------

constexpr const char* kDiverged =
    "the run diverged; lower optimizer.lr or lengthen schedule.warmup_tokens, and grow again";

// Held-out losses, of the model that would be kept.
void check_finite(const nlohmann::json& measured, const std::string& name) {
  for (const auto& [what, value] : measured.items())
    if (value.is_number_float() && !std::isfinite(value.get<double>()))
      throw Error(fmt::format("{}: {} is {} after the last step; wanted a finite one", name, what,
                              value.get<double>()),
                  kDiverged);
}

constexpr int64_t kTimedSteps = 10;
constexpr double kSecondsBetweenSaves = 60;

int64_t steps_between_measurements(const RunConfig& run, int64_t steps) {
  return run.eval_every ? run.eval_every : std::max<int64_t>(1, steps / 10);
}

int64_t measured_tokens(const RunConfig& run, const TrainConfig& train, int64_t steps,
                        size_t sources) {
  constexpr int64_t kMost = 65536;
  constexpr double kShareOfTraining = 0.1;
  if (run.eval_tokens > 0) return run.eval_tokens;
  const int64_t times = std::max<int64_t>(1, steps / steps_between_measurements(run, steps));
  const double all = kShareOfTraining / kReadingShare * static_cast<double>(train.tokens);
  const double each =
      all / static_cast<double>(times) / static_cast<double>(std::max<size_t>(1, sources));
  return std::clamp<int64_t>(static_cast<int64_t>(each), 1, kMost);
}

namespace {

// What a run has left to do, from how long its parts took so far.
class TimeLeft {
 public:
  TimeLeft(int64_t each, int64_t last) : each_(each), last_(last) {}
  void measured(double seconds, int64_t tokens) {
    if (tokens > 0) seconds_per_token_ = seconds / static_cast<double>(tokens);
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

std::string time_text(double seconds) {
  const auto s = static_cast<int64_t>(seconds + 0.5);
  if (s < 600) return fmt::format("{} s", s);
  if (s < 36000) return fmt::format("{} min", s / 60);
  return fmt::format("{} h", s / 3600);
}

}  // namespace

void Trainer::run(const BatchSource& source, const LossFunction& loss,
                  const std::filesystem::path& metrics) {
  const int64_t begin = resume(), total = steps(), T = gpt_.config.context;
  Communicator& ranks = context_.ranks;
  const bool chief = ranks.rank() == 0;
  MetricLog log = chief ? MetricLog(metrics, begin) : MetricLog();
  if (begin > 0)
    context_.progress.note(
        fmt::format("{}: resumed after step {} of {}", context_.name, begin, total));
  const double flops = training_flops_per_token(gpt_.config);
  const int64_t eval_every = steps_between_measurements(run_, total);
  TimeLeft time_left(context_.measured_tokens, context_.measured_last);
  int64_t save_every = run_.checkpoint_every;
  auto mark = Clock::now();
  const auto start = mark;
  double rate = 0;  // tokens/s, smoothed
  double last_loss = 0;
  for (int64_t i = begin; i < total; ++i) {
    const Step s = step(i, source, loss);
    const double took = std::max(1e-9, seconds_since(mark));
    mark = Clock::now();
    const double now = static_cast<double>(s.tokens) / took;
    rate = rate == 0 ? now : 0.9 * rate + 0.1 * now;
    const int64_t done = i + 1, seen = (plan_.first_row(i) + plan_.rows(i)) * T;
    const bool last = done == total;
    const double fraction = static_cast<double>(done) / static_cast<double>(total);
    const double gflops = rate * flops * 1e-9;
    nlohmann::json line = {{"step", done},
                           {"tokens", seen},
                           {"loss", s.loss},
                           {"grad_norm", s.grad_norm},
                           {"lr", s.share * config_.optimizer.lr},
                           {"tokens_per_s", now}};
    if (context_.peak_gflops > 0) line["mfu"] = now * flops * 1e-9 / context_.peak_gflops;
    if (!s.why.empty()) {
      line["event"] = s.why;
      context_.progress.note(fmt::format("{}: step {}: {}", context_.name, done, s.why));
    }
    if (chief) log.write(line.dump());
    const int64_t to_measure =
        context_.measure ? total / eval_every - i / eval_every + (total % eval_every > 0) : 0;
    const double left = time_left.seconds(static_cast<double>(config_.tokens - seen),
                                          std::max(1.0, rate), to_measure);
    context_.progress.update(
        context_.name, fraction,
        fmt::format("step {}/{}  loss {:.3f}  {:.0f} tok/s{}  {} left", done, total, s.loss, rate,
                    context_.peak_gflops > 0
                        ? fmt::format("  {:.0f} % of peak", 100 * gflops / context_.peak_gflops)
                        : "",
                    time_text(left)));
    last_loss = s.loss;
    if (context_.measure && (done % eval_every == 0 || last)) {
      const auto began = Clock::now();
      const auto tell = [&](double share) {
        // A piece is over once its last measurement is.
        constexpr double kNotOver = 0.999;
        context_.progress.update(context_.name, share < 1 ? std::min(fraction, kNotOver) : fraction,
                                 fmt::format("step {}/{}  measuring what is held out, {:.0f} %",
                                             done, total, 100 * share));
      };
      tell(0);
      nlohmann::json measured = context_.measure(last, tell);
      time_left.measured(seconds_since(began),
                         last ? context_.measured_last : context_.measured_tokens);
      if (last) check_finite(measured, context_.name);
      measured.update({{"step", done}, {"tokens", seen}});
      if (chief) log.write(measured.dump());
    }
    if (save_every == 0 && done - begin == kTimedSteps)  // the same on all ranks
      save_every = std::max<int64_t>(
          1, static_cast<int64_t>(kTimedSteps * kSecondsBetweenSaves /
                                  ranks.all_reduce(seconds_since(start), Reduce::max)));
    const bool stop = context_.interrupted && context_.interrupted();
    const bool stop_all = ranks.all_reduce(stop ? 1.0 : 0.0, Reduce::max) > 0;
    if (!last && (stop_all || (save_every > 0 && done % save_every == 0))) save(done);
    if (!last && stop_all) {
      ranks.barrier();  // none ends the others while one still writes
      throw Interrupted(fmt::format("{}: interrupted after step {} of {}; its state is saved",
                                    context_.name, done, total),
                        "run the same command again to go on from there");
    }
    mark = Clock::now();
  }
  check_end(begin, last_loss);
}

// A run that ends well has learnt something, and its model a loss.
void Trainer::check_end(int64_t begin, double last_loss) const {
  const int64_t total = steps(), skipped = guard_.state().skipped;
  if (total > 0 && skipped == total)
    throw Error(fmt::format("{}: all {} steps were skipped; wanted steps that are taken",
                            context_.name, total),
                "metrics.jsonl says why, step by step; lower optimizer.lr or look at the data");
  if (begin < total && !std::isfinite(last_loss))
    throw Error(fmt::format("{}: the loss of the last step is {}; wanted a finite one",
                            context_.name, last_loss),
                kDiverged);
  if (skipped > 0)
    context_.progress.note(
        fmt::format("{}: {} of {} steps were skipped", context_.name, skipped, total));
}

int64_t training_bytes(const GptConfig& c, const TrainConfig& t, int ranks) {
  const AttentionSpec a = c.attention(0);
  // In doubles, which a product of large sizes does not overflow.
  const auto P = static_cast<double>(parameter_count(c));
  const int64_t W = a.qkv_width(), HD = a.heads * a.head_width;
  const int64_t F = c.hidden_width(), F1 = gated(c.activation) ? 2 * F : F;
  const int64_t rank_tokens = std::max(c.context, t.batch_tokens / ranks);
  const int64_t N = std::min(rank_tokens, std::max(t.micro_tokens, c.context));
  const int64_t heads = W * (1 + (c.qk_norm ? 1 : 0) + (c.positions == Positions::rotary ? 1 : 0));
  const int64_t kept = 4 * c.width + heads + HD + a.heads + F1;  // a row and a block
  const int64_t passing = 4 * c.width + 2 * W + F1 + 2 * F;      // gradients of one block
  constexpr double kLossScratch = 192 << 20, kMost = 4611686018427387904;
  const auto f32 = static_cast<double>(size_of(DType::f32));
  const auto rows = static_cast<double>(N);
  const double logits = std::min(kLossScratch, 3 * rows * static_cast<double>(c.vocab) * f32);
  const double bytes =
      f32 * (2 * P + 2 * P / ranks + rows * static_cast<double>(c.layers * kept + passing)) +
      logits;
  return static_cast<int64_t>(std::min(bytes, kMost));
}

}  // namespace lineage
