#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "lineage/base/clock.h"
#include "lineage/base/error.h"
#include "lineage/data/text_data.h"
#include "lineage/rlhf/advantages.h"
#include "lineage/rlhf/kl_controller.h"
#include "lineage/rlhf/losses.h"
#include "lineage/stages/feedback_outcome.h"
#include "lineage/stages/node_run.h"
#include "lineage/stages/pretraining_mix.h"
#include "lineage/stages/recipe_effects.h"
#include "lineage/stages/rollouts.h"
#include "lineage/stages/stage_of.h"
#include "lineage/train/trainer.h"

namespace lineage {
namespace {

struct PpoConfig {
  RolloutConfig rollouts;
  double beta = 0.02, target_kl = 0, kl_gain = 0.1;
  double gamma = 1, lambda = 0.95;
  double clip = 0.2, value_clip = 0.2;
  bool whiten_rewards = false;
  PretrainingMixConfig mix;
  double ema = 0.992;
  int64_t warmup_iterations = 10;
  double final_lr = 1;
  std::optional<LoraConfig> lora;
  OptimizerConfig optimizer, value_optimizer;
  GuardConfig guard;
};

template <class V>
void fields(V& v, PpoConfig& c) {
  fields(v, c.rollouts);
  v("beta", c.beta, "of the KL to the parent, taken from the reward of every token",
    between(0, 1e6));
  v("target_kl", c.target_kl,
    "beta moves so that an answer's KL goes there, in nats; 0: beta is fixed", between(0, 1e9));
  v("kl_gain", c.kl_gain, "of that move, in an iteration", between(0, 1));
  v("gamma", c.gamma, "discount of a later token's reward", between(0, 1));
  v("lambda", c.lambda, "of generalised advantage estimation", between(0, 1));
  v("clip", c.clip, "how far a token's probability ratio may leave 1", from_above_to(0, 1e9));
  v("value_clip", c.value_clip, "how far a value may leave the one before the update",
    from_above_to(0, 1e9));
  v("whiten_rewards", c.whiten_rewards,
    "rewards of tokens are scaled to variance 1, their mean kept");
  fields(v, c.mix);
  v("ema", c.ema,
    "decay, an optimizer step, of the average of weights that is kept; 0: the last "
    "weights",
    from_to_below(0, 1));
  v("warmup_iterations", c.warmup_iterations, "learning rates rise from a tenth over these",
    between(0, 1e9));
  v("final_lr", c.final_lr, "share of the peak at the end, fallen to linearly; 1: constant",
    between(0, 1));
  v("lora", c.lora, "with this table adapters are trained, of the policy and of the value model");
  v("optimizer", c.optimizer, "of the policy");
  v("value_optimizer", c.value_optimizer, "of the value model");
  v("guard", c.guard, "what to do when the run diverges");
}

void validate_ppo(const PpoConfig& config, const RecipeNode& node, const Recipe& recipe) {
  validate_rollouts(config.rollouts, node, recipe);
  validate_mix(config.mix, node, recipe);
  validate_lora(config.lora, node);
}

StageRemarks ppo_remarks(const PpoConfig& config, const RecipeNode&) {
  StageRemarks remarks;
  const auto idle = [&](bool effective, const char* key, const char* why) {
    if (!effective) remarks.idle[key] = why;
  };
  idle(config.target_kl > 0, "kl_gain", "target_kl is 0");
  for (const char* table : {"optimizer.", "value_optimizer."}) {
    const OptimizerConfig& o = table[0] == 'o' ? config.optimizer : config.value_optimizer;
    for (const char* key : {"muon_lr", "muon_momentum"})
      if (o.kind != OptimizerKind::muon)
        remarks.idle[std::string(table) + key] = "it takes kind = \"muon\"";
  }
  idle(config.rollouts.reward != RewardKind::utility, "no_end_penalty",
       "the utility counts an end itself");
  for (const auto& [key, why] : idle_mix_keys(config.mix)) remarks.idle[key] = why;
  for (const auto& [key, why] : idle_request_keys(config.rollouts.requests))
    remarks.idle[key] = why;
  return remarks;
}

// The value model: the reward model, of any size, or the parent with a head that starts at 0.
Model first_values(const RecipeNode& node, const StageContext& context, const PpoConfig& config) {
  Model values;
  if (config.rollouts.reward == RewardKind::model) {
    values = load_model(context.parents[1], /*with_gradients=*/!config.lora);
    if (config.lora)
      config.lora->validate(values.config, fmt::format("{}: its reward model {}: ppo.lora",
                                                       node.name, node.parents[1]));
  } else {
    GptConfig model = node.model;
    model.scalar_head = true;
    values = make_model(model, /*with_gradients=*/!config.lora);
    values.parameters->initialize(context.recipe.seed);
    Checkpoint::open(context.parents[0])
        .load(*values.parameters, {.may_lack = kScalarHeadParameters});
    for (const char* name : kScalarHeadParameters)
      std::ranges::fill(values.parameters->at(name).value.data<float>(), 0.0f);
  }
  if (config.lora) adapt(values, *config.lora, context.recipe.seed);
  return values;
}

class Ppo {
 public:
  Ppo(const PpoConfig& config, const RecipeNode& node, const StageContext& context)
      : config_(config),
        node_(node),
        ranks_(context.ranks),
        policy_(first_model(node, context, config.lora)),
        values_(first_values(node, context, config)),
        worker_(config.rollouts, node, context, policy_, &values_),
        mix_(config.mix, node, context),
        policy_trainer_(node.name, policy_.trained(), config.optimizer, config.guard, ranks_),
        value_trainer_(node.name + "'s value model", values_.trained(), config.value_optimizer,
                       config.guard, ranks_),
        average_(policy_.trained().values(), config.ema),
        kl_{config.beta, config.target_kl, config.kl_gain} {}

  Model& policy() { return policy_; }
  const RolloutWorker& worker() const { return worker_; }
  const TextData* texts() const { return mix_.texts(); }
  // The model that is kept.
  void keep_average() {
    if (config_.ema > 0)
      std::ranges::copy(average_.values().data<float>(),
                        policy_.trained().values().data<float>().begin());
  }

  StepReport iteration(int64_t index) {
    const auto began = Clock::now();
    Rollouts rollouts = worker_.run(index, 1);  // sample, score
    check_health(rollouts.sums, config_.rollouts, node_.name);
    estimate(rollouts);  // KL, advantages
    const auto updating = Clock::now();
    StepReport report;
    update(index, rollouts, report);
    const double update_seconds = seconds_since(updating);

    report.tokens = static_cast<int64_t>(rollouts.sums.tokens);
    add_health(rollouts.sums, report.values);
    report.values[{"beta"}] = kl_.beta;
    kl_.update(rollouts.sums.kl / rollouts.sums.answers);
    const double all = seconds_since(began);
    report.values[{"sampling_share"}] = rollouts.sampling_seconds / all;
    report.values[{"scoring_share"}] = rollouts.scoring_seconds / all;
    report.values[{"update_share"}] = update_seconds / all;
    if (report.event.empty()) report.event = health_warning(report.values, index);
    // As many iterations; a run whose every update is skipped does not end well.
    const RolloutConfig& r = config_.rollouts;
    report.skipped = policy_trainer_.skipped() / (r.inner_epochs * (r.batch / r.minibatch));
    return report;
  }

  void save(TrainingState& state) {
    policy_trainer_.save(state, "policy.");
    value_trainer_.save(state, "value.");
    state.tensors["average"] = average_.values();
    state.json["beta"] = kl_.beta;
  }
  void restore(const TrainingState& state) {
    policy_trainer_.restore(state, "policy.");
    value_trainer_.restore(state, "value.");
    std::ranges::copy(state.tensors.at("average").data<float>(),
                      average_.values().data<float>().begin());
    kl_.beta = state.json.at("beta");
  }

 private:
  // An answer's values, advantages and returns, beside its EpisodeRows.
  struct Estimates {
    std::vector<float> values, advantages, returns;
  };

  void estimate(const Rollouts& rollouts) {
    estimates_.clear();
    std::vector<std::vector<float>> rewards;
    for (const EpisodeRows& e : rollouts.rows)
      rewards.push_back(
          kl_rewards(e.old_log_probs, e.reference_log_probs, e.scores, e.rows.first, kl_.beta));
    if (config_.whiten_rewards) whiten_all(rewards, WhitenMean::keep);
    std::vector<std::vector<float>> advantages;
    for (size_t i = 0; i < rewards.size(); ++i) {
      const AnswerRows& rows = rollouts.rows[i].rows;
      const Tensor values = answer_values(*values_.gpt, rows);
      const auto v = values.data<float>();
      Advantages a =
          generalised_advantages(rewards[i], v, rows.first, config_.gamma, config_.lambda);
      advantages.push_back(std::move(a.advantages));
      estimates_.push_back({{v.begin(), v.end()}, {}, std::move(a.returns)});
    }
    whiten_all(advantages, WhitenMean::remove);
    for (size_t i = 0; i < advantages.size(); ++i)
      estimates_[i].advantages = std::move(advantages[i]);
  }

  // Over the tokens of all ranks.
  void whiten_all(std::vector<std::vector<float>>& parts, WhitenMean mean) {
    std::vector<float> all;
    for (const auto& part : parts) all.insert(all.end(), part.begin(), part.end());
    const Moments m = moments(all, ranks_);
    for (auto& part : parts) whiten(part, m, mean);
  }

  double learning_rate(int64_t iteration) const {
    const auto i = static_cast<double>(iteration),
               n = static_cast<double>(config_.rollouts.iterations()),
               warmup = static_cast<double>(config_.warmup_iterations);
    if (i < warmup) return 0.1 + 0.9 * i / warmup;
    return 1 + (config_.final_lr - 1) * (i - warmup) / std::max(1.0, n - warmup);
  }

  void update(int64_t iteration, const Rollouts& rollouts, StepReport& report) {
    const RolloutConfig& r = config_.rollouts;
    const int64_t steps = r.batch / r.minibatch;
    const double scale = learning_rate(iteration);
    Sums sums;
    for (int64_t epoch = 0; epoch < r.inner_epochs; ++epoch)
      for (int64_t step = 0; step < steps; ++step) {
        const int64_t number = (iteration * r.inner_epochs + epoch) * steps + step;
        const bool first = epoch == 0 && step == 0;
        policy_step(rollouts, step, number, scale, first, sums);
        value_step(rollouts, step, scale, sums);
        average_.update(policy_.trained().values());
      }
    report.lr = scale * config_.optimizer.lr;
    report.event = sums.event;
    report.grad_norm = sums.gradient / sums.steps;
    report.values[{"policy_loss"}] = sums.policy / sums.steps;
    report.values[{"value_loss"}] = sums.value / sums.steps;
    report.values[{"clip_fraction"}] = sums.policy_numbers[0] / sums.steps;
    report.values[{"approx_kl"}] = sums.policy_numbers[1] / sums.steps;
    report.values[{"first_ratio_difference"}] = sums.first_ratio;
    report.values[{"value_clip_fraction"}] = sums.value_clipped / sums.steps;
    report.values[{"explained_variance"}] = variance_explained(rollouts);
    if (mix_.used()) {
      report.values[{"ptx_loss"}] = sums.ptx / sums.steps;
      report.values[{"ptx_weight"}] = sums.ptx_weight / sums.steps;
      report.values[{"ptx_norm_ratio"}] = sums.ptx_norm / sums.steps;
    }
  }

  struct Sums {
    double steps = 0, policy = 0, value = 0, gradient = 0, ptx = 0, ptx_weight = 0, ptx_norm = 0;
    std::array<double, 2> policy_numbers{};  // clipped, k3; means over tokens
    double value_clipped = 0, first_ratio = 0;
    std::string event;
  };

  void policy_step(const Rollouts& rollouts, int64_t step, int64_t number, double scale, bool first,
                   Sums& sums) {
    std::array<double, 2> numbers{};
    double largest = 0;
    std::vector<MicroBatch> micro;
    for (size_t i = 0; i < rollouts.rows.size(); ++i) {
      const EpisodeRows& e = rollouts.rows[i];
      if (e.step != step) continue;
      micro.push_back({static_cast<double>(e.rows.answer_tokens()), [&, i](float tokens) {
                         const Tensor now =
                             answer_log_probs(*policy_.gpt, e.rows,
                                              static_cast<float>(config_.rollouts.temperature))
                                 .log_probs;
                         const PolicyLoss loss =
                             clipped_policy_loss(now.data<float>(), e.old_log_probs,
                                                 estimates_[i].advantages, config_.clip, tokens);
                         numbers[0] += loss.sums.clipped / tokens;
                         numbers[1] += loss.sums.k3 / tokens;
                         largest = std::max(largest, loss.sums.largest_ratio);
                         return differentiable(now, loss);
                       }});
    }
    const auto text = mix_.micro_batches(*policy_.gpt, number, ranks_);
    const Trainer::Step s = policy_trainer_.step(micro, scale, numbers, mix_.added(text));
    if (first) check_first_ratio(largest, sums);
    sums.steps += 1;
    sums.policy += s.loss;
    sums.gradient += s.grad_norm;
    sums.ptx += s.added_loss;
    sums.ptx_weight += s.added_weight;
    sums.ptx_norm += s.first_norm > 0 ? s.added_weight * s.added_norm / s.first_norm : 0;
    for (size_t i = 0; i < numbers.size(); ++i) sums.policy_numbers[i] += numbers[i];
    if (!s.why.empty()) sums.event = "policy: " + s.why;
  }

  // Nothing has been updated since the old log-probabilities, and the kernels are the same.
  void check_first_ratio(double largest, Sums& sums) {
    sums.first_ratio = ranks_.all_reduce(largest, Reduce::max);
    if (sums.first_ratio != 0)
      throw Error(
          fmt::format("{}: the first minibatch's probability ratio differs from 1 by {:.3g}; "
                      "wanted exactly 1",
                      node_.name, sums.first_ratio),
          "the update computes other log-probabilities than the scoring pass: a fault of "
          "lineage's, please report it with this recipe");
  }

  void value_step(const Rollouts& rollouts, int64_t step, double scale, Sums& sums) {
    double clipped = 0;
    std::vector<MicroBatch> micro;
    for (size_t i = 0; i < rollouts.rows.size(); ++i) {
      const EpisodeRows& e = rollouts.rows[i];
      if (e.step != step) continue;
      micro.push_back({static_cast<double>(e.rows.answer_tokens()), [&, i](float tokens) {
                         const Tensor now = answer_values(*values_.gpt, e.rows);
                         const ValueLoss loss =
                             clipped_value_loss(now.data<float>(), estimates_[i].values,
                                                estimates_[i].returns, config_.value_clip, tokens);
                         clipped += loss.sums.clipped / tokens;
                         return differentiable(now, loss);
                       }});
    }
    const Trainer::Step s = value_trainer_.step(micro, scale, {&clipped, 1});
    sums.value += s.loss;
    sums.value_clipped += clipped;
    if (!s.why.empty()) sums.event = "value model: " + s.why;
  }

  // Of this iteration's returns, by the values before the update.
  double variance_explained(const Rollouts&) const {
    std::vector<float> values, returns;
    for (const Estimates& e : estimates_) {
      values.insert(values.end(), e.values.begin(), e.values.end());
      returns.insert(returns.end(), e.returns.begin(), e.returns.end());
    }
    return explained_variance(values, returns);
  }

  const PpoConfig& config_;
  const RecipeNode& node_;
  Communicator& ranks_;
  Model policy_, values_;
  RolloutWorker worker_;
  PretrainingMix mix_;
  Trainer policy_trainer_, value_trainer_;
  WeightAverage average_;
  KlController kl_;
  std::vector<Estimates> estimates_;  // of each EpisodeRows
};

void run_ppo(const PpoConfig& config, const RecipeNode& node, const StageContext& context) {
  Ppo ppo(config, node, context);
  LoopSteps steps;
  steps.count = config.rollouts.iterations();
  steps.tokens = steps.count * config.rollouts.batch * config.rollouts.max_tokens / 4;
  steps.flops_per_token = training_flops_per_token(node.model, config.lora);
  steps.shown = {"reward"};
  int64_t tokens = 0;
  steps.step = [&](int64_t index) {
    StepReport report = ppo.iteration(index);
    tokens += report.tokens;
    return report;
  };
  steps.save = [&](TrainingState& state) {
    ppo.save(state);
    state.json["sampled"] = tokens;
  };
  steps.restore = [&](const TrainingState& state) {
    ppo.restore(state);
    tokens = state.json.at("sampled");
  };
  run_loop(loop_context(node, context), steps);
  ppo.keep_average();
  write_feedback_outcome(ppo.worker(), ppo.policy(), ppo.texts(), node, context);
  write_node(node, context, steps.count, tokens,
             request_datasets(ppo.worker(), steps.count * config.rollouts.batch), ppo.policy());
}

}  // namespace

// Proximal policy optimisation of answers, with the KL to the parent in the reward and the gradient
// of pretraining text added to the policy's (Ouyang et al. 2022, section 3.5, eq. 2 and appendix
// C.4; Schulman et al. 2017).
const Stage& ppo_stage() {
  static const StageOf<PpoConfig> stage({
      .name = "ppo",
      .text = {StageKind::feedback, "PPO",
               "The model answers requests, a reward model judges the answers, and the model moves "
               "towards those of more reward without leaving its parent far behind."},
      .tunes_on_conversations = true,
      .complete = [](PpoConfig& config, const RecipeNode& node) { complete_mix(config.mix, node); },
      .validate = validate_ppo,
      .remarks = ppo_remarks,
      .reads =
          [](const PpoConfig& config, const RecipeNode& node, const Recipe& recipe) {
            StageReads reads;
            reads.texts = mix_texts(config.mix, node, recipe);
            add_request_sets(config.rollouts.requests, recipe, reads);
            return reads;
          },
      .plan =
          [](const PpoConfig& config, const RecipeNode& node, const Recipe&, int ranks) {
            return rollout_plan(config.rollouts, config.optimizer, config.lora, node, 2, ranks);
          },
      .run = run_ppo,
  });
  return stage;
}

}  // namespace lineage
