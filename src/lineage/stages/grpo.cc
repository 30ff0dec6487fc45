#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "lineage/base/clock.h"
#include "lineage/base/error.h"
#include "lineage/data/text_data.h"
#include "lineage/rlhf/losses.h"
#include "lineage/stages/feedback_outcome.h"
#include "lineage/stages/node_run.h"
#include "lineage/stages/pretraining_mix.h"
#include "lineage/stages/recipe_effects.h"
#include "lineage/stages/rollouts.h"
#include "lineage/stages/stage_of.h"
#include "lineage/train/trainer.h"

namespace lineage {

constexpr std::array<std::string_view, 3> enum_names(Baseline) {
  return {"leave_one_out", "group_normalised", "group_mean"};
}
constexpr std::array<std::string_view, 3> enum_names(Averaging) {
  return {"sum_of_answer", "mean_of_answer", "mean_of_tokens"};
}

namespace {

struct GrpoConfig {
  RolloutConfig rollouts;
  int64_t group = 4;
  Baseline baseline = Baseline::group_normalised;
  Averaging averaging = Averaging::mean_of_answer;
  double clip = 0.2, beta = 0.02;
  PretrainingMixConfig mix;
  int64_t warmup_iterations = 10;
  std::optional<LoraConfig> lora;
  OptimizerConfig optimizer;
  GuardConfig guard;
};

template <class V>
void fields(V& v, GrpoConfig& c) {
  fields(v, c.rollouts);
  v("group", c.group, "answers to each request, which are each other's baseline", between(2, 1e6));
  v("baseline", c.baseline,
    "leave_one_out: the mean of the others (RLOO); group_normalised: the group's mean, over its "
    "deviation (GRPO); group_mean: its mean alone (Dr. GRPO)");
  v("averaging", c.averaging,
    "sum_of_answer: an answer's tokens are summed (RLOO); mean_of_answer: averaged (GRPO); "
    "mean_of_tokens: one mean over all tokens (DAPO)");
  v("clip", c.clip,
    "how far a token's probability ratio may leave 1; 0: the plain log-probability's gradient "
    "(RLOO)",
    between(0, 1e9));
  v("beta", c.beta, "of the estimated KL to the parent, in the loss", between(0, 1e6));
  fields(v, c.mix);
  v("warmup_iterations", c.warmup_iterations, "the learning rate rises from a tenth over these",
    between(0, 1e9));
  v("lora", c.lora, kLoraDoc);
  v("optimizer", c.optimizer, "");
  v("guard", c.guard, "what to do when the run diverges");
}

void validate_grpo(const GrpoConfig& config, const RecipeNode& node, const Recipe& recipe) {
  validate_rollouts(config.rollouts, node, recipe);
  validate_mix(config.mix, node, recipe);
  require(config.rollouts.minibatch % config.group == 0, node.place, ": nodes.", node.name,
          ".grpo.minibatch is ", config.rollouts.minibatch, "; wanted a multiple of group, ",
          config.group);
  validate_lora(config.lora, node);
}

StageRemarks grpo_remarks(const GrpoConfig& config, const RecipeNode&) {
  StageRemarks remarks;
  for (const auto& [key, why] : idle_mix_keys(config.mix)) remarks.idle[key] = why;
  for (const auto& [key, why] : idle_request_keys(config.rollouts.requests))
    remarks.idle[key] = why;
  if (config.optimizer.kind != OptimizerKind::muon)
    for (const char* key : {"optimizer.muon_lr", "optimizer.muon_momentum"})
      remarks.idle[key] = "it takes kind = \"muon\"";
  if (config.rollouts.reward == RewardKind::utility)
    remarks.idle["no_end_penalty"] = "the utility counts an end itself";
  return remarks;
}

class Grpo {
 public:
  Grpo(const GrpoConfig& config, const RecipeNode& node, const StageContext& context)
      : config_(config),
        ranks_(context.ranks),
        node_(node),
        policy_(first_model(node, context, config.lora)),
        worker_(config.rollouts, node, context, policy_),
        mix_(config.mix, node, context),
        trainer_(node.name, policy_.trained(), config.optimizer, config.guard, ranks_) {}

  Model& policy() { return policy_; }
  const RolloutWorker& worker() const { return worker_; }
  const TextData* texts() const { return mix_.texts(); }
  Trainer& trainer() { return trainer_; }

  StepReport iteration(int64_t index) {
    const auto began = Clock::now();
    Rollouts rollouts = worker_.run(index, config_.group);
    check_health(rollouts.sums, config_.rollouts, node_.name);
    const auto updating = Clock::now();
    StepReport report;
    update(index, rollouts, report);
    const double update_seconds = seconds_since(updating), all = seconds_since(began);
    report.tokens = static_cast<int64_t>(rollouts.sums.tokens);
    add_health(rollouts.sums, report.values);
    const RolloutConfig& r = config_.rollouts;
    report.skipped = trainer_.skipped() / (r.inner_epochs * (r.batch / r.minibatch));
    report.values[{"sampling_share"}] = rollouts.sampling_seconds / all;
    report.values[{"scoring_share"}] = rollouts.scoring_seconds / all;
    report.values[{"update_share"}] = update_seconds / all;
    if (report.event.empty()) report.event = health_warning(report.values, index);
    return report;
  }

 private:
  void update(int64_t iteration, const Rollouts& rollouts, StepReport& report) {
    const RolloutConfig& r = config_.rollouts;
    const int64_t steps = r.batch / r.minibatch;
    const double warm =
        config_.warmup_iterations > 0
            ? std::min(1.0, 0.1 + 0.9 * static_cast<double>(iteration) /
                                      static_cast<double>(config_.warmup_iterations))
            : 1;
    double done = 0, loss = 0, kl = 0, clipped = 0, text_loss = 0;
    for (int64_t epoch = 0; epoch < r.inner_epochs; ++epoch)
      for (int64_t step = 0; step < steps; ++step) {
        const int64_t number = (iteration * r.inner_epochs + epoch) * steps + step;
        std::array<double, 2> sums{};
        const std::vector<MicroBatch> micro = micro_batches_of(rollouts, step, sums);
        const auto text = mix_.micro_batches(*policy_.gpt, number, ranks_);
        const Trainer::Step s = trainer_.step(micro, warm, sums, mix_.added(text));
        done += 1, loss += s.loss, kl += sums[0], clipped += sums[1], text_loss += s.added_loss;
        report.grad_norm += s.grad_norm;
        if (!s.why.empty()) report.event = "policy: " + s.why;
      }
    report.lr = warm * config_.optimizer.lr;
    report.grad_norm /= done;
    report.values[{"policy_loss"}] = loss / done;
    report.values[{"kl_estimate"}] = kl / done;
    report.values[{"clip_fraction"}] = clipped / done;
    if (mix_.used()) report.values[{"ptx_loss"}] = text_loss / done;
  }

  // The answers of a step; a group of them is on one rank, whole.
  std::vector<MicroBatch> micro_batches_of(const Rollouts& rollouts, int64_t step,
                                           std::array<double, 2>& sums) {
    GroupTotals totals{static_cast<double>(config_.rollouts.minibatch), 0};
    std::vector<float> scores;
    std::vector<size_t> which;
    for (size_t i = 0; i < rollouts.rows.size(); ++i)
      if (rollouts.rows[i].step == step) {
        which.push_back(i);
        totals.tokens += static_cast<double>(rollouts.rows[i].rows.answer_tokens());
        scores.insert(scores.end(), rollouts.rows[i].scores.begin(), rollouts.rows[i].scores.end());
      }
    totals.tokens = ranks_.all_reduce(totals.tokens);
    const std::vector<float> advantages = group_advantages(scores, config_.group, config_.baseline);
    std::vector<MicroBatch> micro;
    size_t first = 0;
    for (const size_t i : which) {
      const EpisodeRows& e = rollouts.rows[i];
      const std::vector<float> own(
          advantages.begin() + static_cast<int64_t>(first),
          advantages.begin() + static_cast<int64_t>(first + e.scores.size()));
      first += e.scores.size();
      micro.push_back(
          {static_cast<double>(e.rows.answers()), [this, &e, own, totals, &sums](float) {
             const Tensor now = answer_log_probs(*policy_.gpt, e.rows,
                                                 static_cast<float>(config_.rollouts.temperature))
                                    .log_probs;
             const GroupLoss loss =
                 group_loss(now.data<float>(), e.old_log_probs, e.reference_log_probs, own,
                            e.rows.first, totals, {config_.averaging, config_.clip, config_.beta});
             sums[0] += loss.kl;
             sums[1] += loss.sums.clipped / totals.tokens;
             return differentiable(now, loss);
           }});
    }
    return micro;
  }

  const GrpoConfig& config_;
  Communicator& ranks_;
  const RecipeNode& node_;
  Model policy_;
  RolloutWorker worker_;
  PretrainingMix mix_;
  Trainer trainer_;
};

void run_grpo(const GrpoConfig& config, const RecipeNode& node, const StageContext& context) {
  Grpo grpo(config, node, context);
  LoopSteps steps;
  steps.count = config.rollouts.iterations();
  steps.tokens = steps.count * config.rollouts.batch * config.rollouts.max_tokens / 4;
  steps.flops_per_token = training_flops_per_token(node.model, config.lora);
  steps.shown = {"reward"};
  int64_t tokens = 0;
  steps.step = [&](int64_t index) {
    StepReport report = grpo.iteration(index);
    tokens += report.tokens;
    return report;
  };
  steps.save = [&](TrainingState& state) {
    grpo.trainer().save(state);
    state.json["sampled"] = tokens;
  };
  steps.restore = [&](const TrainingState& state) {
    grpo.trainer().restore(state);
    tokens = state.json.at("sampled");
  };
  run_loop(loop_context(node, context), steps);
  write_feedback_outcome(grpo.worker(), grpo.policy(), grpo.texts(), node, context);
  write_node(node, context, steps.count, tokens,
             request_datasets(grpo.worker(), steps.count * config.rollouts.batch / config.group),
             grpo.policy());
}

}  // namespace

// Policy gradients without a value model: the other answers to a request are the baseline. GRPO
// (Shao et al. 2024) as it is configured by default, RLOO (Ahmadian et al. 2024) by baseline =
// "leave_one_out", averaging = "sum_of_answer" and clip = 0.
const Stage& grpo_stage() {
  static const StageOf<GrpoConfig> stage({
      .name = "grpo",
      .text = {StageKind::feedback, "GRPO",
               "The model answers each request several times and moves towards the answers of more "
               "reward than the others."},
      .tunes_on_conversations = true,
      .complete = [](GrpoConfig& config,
                     const RecipeNode& node) { complete_mix(config.mix, node); },
      .validate = validate_grpo,
      .remarks = grpo_remarks,
      .reads =
          [](const GrpoConfig& config, const RecipeNode& node, const Recipe& recipe) {
            StageReads reads;
            reads.texts = mix_texts(config.mix, node, recipe);
            add_request_sets(config.rollouts.requests, recipe, reads);
            return reads;
          },
      .plan =
          [](const GrpoConfig& config, const RecipeNode& node, const Recipe&, int ranks) {
            return rollout_plan(config.rollouts, config.optimizer, config.lora, node, 1, ranks);
          },
      .run = run_grpo,
  });
  return stage;
}

}  // namespace lineage
