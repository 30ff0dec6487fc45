#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "lineage/base/error.h"
#include "lineage/data/permutation.h"
#include "lineage/rlhf/answer_rows.h"
#include "lineage/rlhf/losses.h"
#include "lineage/stages/comparisons.h"
#include "lineage/stages/feedback_outcome.h"
#include "lineage/stages/node_run.h"
#include "lineage/stages/pretraining_mix.h"
#include "lineage/stages/recipe_effects.h"
#include "lineage/stages/rollouts.h"
#include "lineage/stages/stage_of.h"
#include "lineage/train/trainer.h"

namespace lineage {

constexpr std::array<std::string_view, 2> enum_names(PreferenceLossKind) {
  return {"sigmoid", "ipo"};
}

namespace {

struct DpoConfig {
  ComparisonsConfig comparisons;
  PreferenceLossSpec loss;
  int64_t batch_pairs = 64;
  int64_t pairs_a_prompt = 4;
  int64_t epochs = 1;
  int64_t micro_tokens = 16384;
  PretrainingMixConfig mix;
  std::optional<LoraConfig> lora;
  OptimizerConfig optimizer;
  ScheduleConfig schedule;
  GuardConfig guard;
};

template <class V>
void fields(V& v, DpoConfig& c) {
  fields(v, c.comparisons);
  v("loss", c.loss.kind, "sigmoid (DPO), or ipo");
  v("beta", c.loss.beta, "strength of the pull to the parent", from_above_to(0, 1e6));
  v("label_smoothing", c.loss.label_smoothing,
    "of the sigmoid loss: the share of comparisons taken to be the other way round",
    from_to_below(0, 0.5));
  v("batch_pairs", c.batch_pairs, "pairs of answers in an optimizer step", between(1, 1e9));
  v("pairs_a_prompt", c.pairs_a_prompt, "of a prompt's pairs, at most so many are used",
    between(1, 1e6));
  v("epochs", c.epochs, "how often to go through the pairs", between(1, 1000));
  v("micro_tokens", c.micro_tokens,
    "at most so many tokens of a rank's batch are in memory at once", between(1, 1e12));
  fields(v, c.mix);
  v("lora", c.lora, kLoraDoc);
  v("optimizer", c.optimizer, "");
  v("schedule", c.schedule, "");
  v("guard", c.guard, "what to do when the run diverges");
}

void validate_dpo(const DpoConfig& config, const RecipeNode& node, const Recipe& recipe) {
  const std::string place = fmt::format("{}: nodes.{}", node.place, node.name);
  require(node.parents.size() == 1, place, " has ", node.parents.size(),
          " parents; a stage dpo wants one, the model to tune");
  require(!node.model.scalar_head, place, "'s parent has a scalar head; wanted a language model");
  validate_comparisons(config.comparisons, node, recipe);
  validate_mix(config.mix, node, recipe);
  validate_lora(config.lora, node);
}

StageRemarks dpo_remarks(const DpoConfig& config, const RecipeNode& node) {
  TrainConfig train;
  train.optimizer = config.optimizer, train.schedule = config.schedule, train.guard = config.guard;
  train.batch_tokens = train.micro_tokens = node.model.context;
  StageRemarks remarks = train_remarks(train, node);
  remarks.idle.erase("ramp_from");
  for (const auto& [key, why] : idle_comparison_keys(config.comparisons)) remarks.idle[key] = why;
  for (const auto& [key, why] : idle_mix_keys(config.mix)) remarks.idle[key] = why;
  if (config.loss.kind == PreferenceLossKind::ipo)
    remarks.idle["label_smoothing"] = "it takes loss = \"sigmoid\"";
  return remarks;
}

struct Pair {
  const Comparison* of;
  RankedPair pair;
  int64_t tokens() const {
    return 2 * std::ssize(of->prompt) + std::ssize(of->answers[pair.better]) +
           std::ssize(of->answers[pair.worse]);
  }
};

// Some pairs as rows with the parent's log-probabilities.
struct PairRows {
  AnswerRows rows;
  Tensor reference;
};

class Dpo {
 public:
  Dpo(const DpoConfig& config, const RecipeNode& node, const StageContext& context,
      const LabeledComparisons& data)
      : config_(config),
        context_(context),
        policy_(first_model(node, context, config.lora)),
        parent_(policy_.adapters ? base_of(policy_) : load_model(context.parents[0])),
        mix_(config.mix, node, context),
        trainer_(node.name, policy_.trained(), config.optimizer, config.guard, context.ranks),
        train_(pairs_of(data.train)),
        heldout_(pairs_of(data.heldout)) {
    require(!train_.empty(), node.name, ": no prompt has answers of different rank; wanted some");
    for (const Pair& p : train_) tokens_ += p.tokens();
    a_pass_ = (std::ssize(train_) + config.batch_pairs - 1) / config.batch_pairs;
  }

  int64_t steps() const { return a_pass_ * config_.epochs; }
  int64_t tokens() const { return tokens_ * config_.epochs; }
  Model& policy() { return policy_; }
  Trainer& trainer() { return trainer_; }
  const TextData* texts() const { return mix_.texts(); }

  StepReport step(int64_t index) {
    const int64_t N = std::ssize(train_), first = index % a_pass_ * config_.batch_pairs;
    const Permutation order(
        Rng(context_.recipe.seed).fold("dpo order").fold(static_cast<uint64_t>(index / a_pass_)),
        N);
    const int64_t count = std::min(config_.batch_pairs, N - first);
    std::vector<Pair> mine;
    StepReport report;
    for (int64_t i = 0; i < count; ++i) report.tokens += train_[order(first + i)].tokens();
    for (const RowRange& r :
         micro_batches({first, count}, count, context_.ranks.rank(), context_.ranks.size()))
      for (int64_t i = r.first; i < r.first + r.count; ++i) mine.push_back(train_[order(i)]);
    std::array<double, 2> sums{};  // right, margin
    std::vector<MicroBatch> micro;
    for (const RowRange& piece : pieces(mine)) {
      auto rows = std::make_shared<PairRows>(rows_of(std::span(mine).subspan(
          static_cast<size_t>(piece.first), static_cast<size_t>(piece.count))));
      micro.push_back({static_cast<double>(piece.count), [this, rows, &sums](float pairs) {
                         const Tensor now = answer_log_probs(*policy_.gpt, rows->rows).log_probs;
                         const PreferenceLoss loss =
                             preference_loss(now.data<float>(), rows->reference.data<float>(),
                                             rows->rows.first, pairs, config_.loss);
                         sums[0] += static_cast<double>(loss.right) / pairs;
                         sums[1] += loss.margin / pairs;
                         return differentiable(now, loss);
                       }});
    }
    const double scale = lr_scale(config_.schedule, tokens() * (index + 1) / steps(), tokens());
    const auto text = mix_.micro_batches(*policy_.gpt, index, context_.ranks);
    const Trainer::Step s = trainer_.step(micro, scale, sums, mix_.added(text));
    report.lr = scale * config_.optimizer.lr;
    report.grad_norm = s.grad_norm;
    report.values[{"preference_loss"}] = s.loss;
    report.values[{"accuracy"}] = sums[0];
    report.values[{"margin"}] = sums[1];
    if (mix_.used()) report.values[{"ptx_loss"}] = s.added_loss;
    report.event = s.why;
    report.skipped = trainer_.skipped();
    return report;
  }

  // Of the held-out pairs.
  MetricValues measure() const {
    double loss = 0, right = 0, margin = 0;
    for (const RowRange& piece : pieces(heldout_)) {
      const PairRows rows = rows_of(std::span(heldout_).subspan(static_cast<size_t>(piece.first),
                                                                static_cast<size_t>(piece.count)));
      const Tensor now = answer_log_probs(*policy_.gpt, rows.rows).log_probs;
      const PreferenceLoss l = preference_loss(now.data<float>(), rows.reference.data<float>(),
                                               rows.rows.first, 1, config_.loss);
      loss += l.loss, right += static_cast<double>(l.right), margin += l.margin;
    }
    const auto n = static_cast<double>(heldout_.size());
    if (n == 0) return {};
    return {{{"preference_loss", true}, loss / n},
            {{"accuracy", true}, right / n},
            {{"margin", true}, margin / n}};
  }

 private:
  // The pairs of each prompt, those of the most different ranks first.
  std::vector<Pair> pairs_of(const std::vector<LabeledComparison>& all) const {
    std::vector<Pair> out;
    for (const LabeledComparison& c : all) {
      std::vector<RankedPair> pairs = ranked_pairs(c.comparison.ranks);
      const std::vector<int>& ranks = c.comparison.ranks;
      std::ranges::stable_sort(pairs, std::ranges::greater(), [&](const RankedPair& p) {
        return ranks[p.worse] - ranks[p.better];
      });
      for (size_t i = 0; i < std::min(pairs.size(), static_cast<size_t>(config_.pairs_a_prompt));
           ++i)
        out.push_back({&c.comparison, pairs[i]});
    }
    return out;
  }

  std::vector<RowRange> pieces(std::span<const Pair> pairs) const {
    std::vector<RowRange> out;
    int64_t tokens = 0;
    for (int64_t i = 0; i < std::ssize(pairs); ++i) {
      if (out.empty() || tokens + pairs[i].tokens() > config_.micro_tokens)
        out.push_back({i, 0}), tokens = 0;
      ++out.back().count;
      tokens += pairs[i].tokens();
    }
    return out;
  }

  PairRows rows_of(std::span<const Pair> pairs) const {
    std::vector<AnsweredPrompt> texts;
    for (const Pair& p : pairs) {
      texts.push_back({p.of->prompt, p.of->answers[p.pair.better]});
      texts.push_back({p.of->prompt, p.of->answers[p.pair.worse]});
    }
    PairRows out{answer_rows(texts, policy_.config.context), {}};
    out.reference = answer_log_probs(*parent_.gpt, out.rows).log_probs;
    return out;
  }

  const DpoConfig& config_;
  const StageContext& context_;
  Model policy_, parent_;
  PretrainingMix mix_;
  Trainer trainer_;
  std::vector<Pair> train_, heldout_;
  int64_t tokens_ = 0, a_pass_ = 0;
};

// Against the parent on held-out requests, where a labeler can judge; the reward is its utility, as
// there is no other.
void measure_outcome(const DpoConfig& config, Dpo& dpo, const RecipeNode& node,
                     const StageContext& context) {
  if (!config.comparisons.preferences.empty()) return;
  RolloutConfig rollouts;
  rollouts.requests = config.comparisons.requests;
  rollouts.reward = RewardKind::utility;
  rollouts.max_tokens = config.comparisons.answers.max_tokens;
  const RolloutWorker worker(rollouts, node, context, dpo.policy());
  write_feedback_outcome(worker, dpo.policy(), dpo.texts(), node, context);
}

void run_dpo(const DpoConfig& config, const RecipeNode& node, const StageContext& context) {
  LabeledComparisons data = load_comparisons(config.comparisons, node, context);
  data.record.epochs = static_cast<double>(config.epochs);
  Dpo dpo(config, node, context, data);
  LoopContext loop = loop_context(node, context);
  loop.measurement.run = [&](bool, const std::function<void(double)>&) { return dpo.measure(); };
  LoopSteps steps;
  steps.count = dpo.steps();
  steps.tokens = dpo.tokens();
  steps.flops_per_token = training_flops_per_token(node.model, config.lora);
  steps.shown = {"preference_loss"};
  steps.step = [&](int64_t index) { return dpo.step(index); };
  steps.save = [&](TrainingState& state) { dpo.trainer().save(state); };
  steps.restore = [&](const TrainingState& state) { dpo.trainer().restore(state); };
  run_loop(loop, steps);
  measure_outcome(config, dpo, node, context);
  write_node(node, context, steps.count, steps.tokens, {{data.record.name, data.record}},
             dpo.policy());
}

}  // namespace

// Direct preference optimisation: the policy is tuned on comparisons themselves, without a reward
// model and without sampling (Rafailov et al. 2023); with label smoothing (Mitchell 2023) or IPO's
// loss (Azar et al. 2023).
const Stage& dpo_stage() {
  static const StageOf<DpoConfig> stage({
      .name = "dpo",
      .text =
          {StageKind::feedback, "DPO",
           "Annotators rank the parent's answers, and the model learns to make the better of two "
           "likelier than the parent does, and the worse less likely."},
      .tunes_on_conversations = true,
      .complete = [](DpoConfig& config, const RecipeNode& node) { complete_mix(config.mix, node); },
      .validate = validate_dpo,
      .remarks = dpo_remarks,
      .reads =
          [](const DpoConfig& config, const RecipeNode& node, const Recipe& recipe) {
            StageReads reads;
            reads.texts = mix_texts(config.mix, node, recipe);
            add_comparison_sets(config.comparisons, recipe, reads);
            return reads;
          },
      .plan =
          [](const DpoConfig& config, const RecipeNode& node, const Recipe&, int ranks) {
            return comparison_plan(config.comparisons, config.optimizer, config.micro_tokens,
                                   config.lora, 2 * config.pairs_a_prompt * config.epochs,
                                   config.batch_pairs, node, ranks);
          },
      .run = run_dpo,
  });
  return stage;
}

}  // namespace lineage
