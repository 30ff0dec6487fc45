#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

#include "lineage/base/error.h"
#include "lineage/base/file.h"
#include "lineage/data/permutation.h"
#include "lineage/rlhf/answer_rows.h"
#include "lineage/rlhf/losses.h"
#include "lineage/stages/best_weights.h"
#include "lineage/stages/comparisons.h"
#include "lineage/stages/node_run.h"
#include "lineage/stages/recipe_effects.h"
#include "lineage/stages/reward_report.h"
#include "lineage/stages/stage_of.h"
#include "lineage/train/trainer.h"

namespace lineage {
namespace {

struct RewardConfig {
  ComparisonsConfig comparisons;
  int64_t batch_prompts = 32;
  int64_t micro_tokens = 16384;
  int64_t epochs = 1;
  int64_t trainings = 1;
  std::optional<LoraConfig> lora;
  OptimizerConfig optimizer;
  ScheduleConfig schedule;
  GuardConfig guard;
};

template <class V>
void fields(V& v, RewardConfig& c) {
  fields(v, c.comparisons);
  v("batch_prompts", c.batch_prompts,
    "prompts of one optimizer step; all pairs of a prompt's answers are in it", between(1, 1e6));
  v("micro_tokens", c.micro_tokens,
    "at most so many tokens of a rank's batch are in memory at once", between(1, 1e12));
  v("epochs", c.epochs, "how often to go through the comparisons; more than once overfits",
    between(1, 1000));
  v("trainings", c.trainings,
    "trainings from different heads and orders; that of the least loss on validation is kept",
    between(1, 100));
  v("lora", c.lora, kLoraDoc);
  v("optimizer", c.optimizer, "");
  v("schedule", c.schedule, "");
  v("guard", c.guard, "what to do when the run diverges");
}

GptConfig reward_model(GptConfig parent) {
  parent.scalar_head = true;
  return parent;
}

void validate_reward(const RewardConfig& config, const RecipeNode& node, const Recipe& recipe) {
  const std::string place = fmt::format("{}: nodes.{}", node.place, node.name);
  require(node.parents.size() == 1, place, " has ", node.parents.size(),
          " parents; a stage reward wants one, whose answers are compared and whose weights it "
          "starts from");
  const RecipeNode& parent = recipe.node(node.parents[0]);
  require(!parent.model.scalar_head || stage_of(parent).judges_answers(), place, "'s parent, ",
          parent.name, ", is of stage ", parent.stage,
          " and writes no answers; wanted a language model");
  validate_comparisons(config.comparisons, node, recipe);
  validate_lora(config.lora, node);
}

StageRemarks reward_remarks(const RewardConfig& config, const RecipeNode& node) {
  TrainConfig train;
  train.optimizer = config.optimizer, train.schedule = config.schedule, train.guard = config.guard;
  train.batch_tokens = train.micro_tokens = node.model.context;
  StageRemarks remarks = train_remarks(train, node);
  remarks.idle.erase("ramp_from");
  for (const auto& [key, why] : idle_comparison_keys(config.comparisons)) remarks.idle[key] = why;
  return remarks;
}

// Some comparisons as one micro-batch: their answers as rows.
struct RankedRows {
  AnswerRows rows;
  std::vector<int> ranks;
  std::vector<int64_t> first = {0};  // answers by prompt
};
RankedRows ranked_rows(std::span<const LabeledComparison* const> comparisons, int64_t context) {
  RankedRows out;
  std::vector<AnsweredPrompt> texts;
  for (const LabeledComparison* c : comparisons) {
    for (const Tokens& answer : c->comparison.answers)
      texts.push_back({c->comparison.prompt, answer});
    out.ranks.insert(out.ranks.end(), c->comparison.ranks.begin(), c->comparison.ranks.end());
    out.first.push_back(std::ssize(texts));
  }
  out.rows = answer_rows(texts, context);
  return out;
}

int64_t tokens_of(const LabeledComparison& c) {
  int64_t n = 0;
  for (const Tokens& answer : c.comparison.answers)
    n += std::ssize(answer) + std::ssize(c.comparison.prompt);
  return n;
}

// Cuts comparisons into groups of at most `most` tokens, at least one comparison each.
std::vector<std::span<const LabeledComparison* const>> groups(
    std::span<const LabeledComparison* const> all, int64_t most) {
  std::vector<std::span<const LabeledComparison* const>> out;
  for (size_t begin = 0; begin < all.size();) {
    size_t end = begin + 1;
    int64_t tokens = tokens_of(*all[begin]);
    while (end < all.size() && tokens + tokens_of(*all[end]) <= most)
      tokens += tokens_of(*all[end++]);
    out.push_back(all.subspan(begin, end - begin));
    begin = end;
  }
  return out;
}

// Rewards of all answers, comparison by comparison.
std::vector<std::vector<float>> rewards_of(const Gpt& gpt, std::span<const LabeledComparison> all,
                                           int64_t most) {
  std::vector<const LabeledComparison*> pointers;
  for (const LabeledComparison& c : all) pointers.push_back(&c);
  std::vector<std::vector<float>> out;
  for (const auto group : groups(pointers, most)) {
    const RankedRows ranked = ranked_rows(group, gpt.config.context);
    const Tensor rewards = answer_rewards(gpt, ranked.rows);
    for (size_t p = 0; p + 1 < ranked.first.size(); ++p) {
      const auto r =
          rewards.data<float>().subspan(static_cast<size_t>(ranked.first[p]),
                                        static_cast<size_t>(ranked.first[p + 1] - ranked.first[p]));
      out.emplace_back(r.begin(), r.end());
    }
  }
  return out;
}

// All trainings of a reward model, one after the other, as the steps of one loop.
class RewardRun {
 public:
  RewardRun(const RewardConfig& config, const RecipeNode& node, const StageContext& context,
            const LabeledComparisons& data)
      : config_(config), node_(node), context_(context), data_(data), best_(context.folder) {
    // A tenth of the training prompts decides which training is kept.
    const size_t validation =
        config.trainings > 1 ? std::max<size_t>(1, data.train.size() / 10) : 0;
    validation_ = std::span(data.train).first(validation);
    training_ = std::span(data.train).subspan(validation);
    require(!training_.empty(), node.name,
            ": no prompt has answers of different rank; wanted some to compare");
    const auto batches = (std::ssize(training_) + config.batch_prompts - 1) / config.batch_prompts;
    steps_each_ = std::max<int64_t>(1, batches * config.epochs);
    for (const LabeledComparison& c : training_) tokens_each_ += config.epochs * tokens_of(c);
    begin(0);
  }

  void run() {
    LoopContext loop = loop_context(node_, context_);
    loop.measurement.run = [&](bool, const std::function<void(double)>&) { return measure(); };
    LoopSteps steps;
    steps.count = steps_each_ * config_.trainings;
    steps.tokens = tokens_each_ * config_.trainings;
    steps.flops_per_token = training_flops_per_token(node_.model, config_.lora);
    steps.shown = {"ranking_loss"};
    steps.step = [&](int64_t index) { return step(index); };
    steps.save = [&](TrainingState& state) { trainer_->save(state); };
    steps.restore = [&](const TrainingState& state) {
      begin(state.step / steps_each_);
      if (state.step % steps_each_ > 0) trainer_->restore(state);
    };
    run_loop(loop, steps);
    context_.ranks.barrier();
    if (config_.trainings > 1) best_.load(model_.trained());
    center();
    tokens = steps.tokens;
    steps_taken = steps.count;
  }

  Model& model() { return model_; }
  // Once the node is written: a run that is killed before that needs it.
  void remove_best() const {
    if (context_.ranks.rank() == 0) best_.remove();
    context_.ranks.barrier();
  }
  std::vector<std::vector<float>> heldout_rewards() const {
    return rewards_of(*model_.gpt, data_.heldout, config_.micro_tokens);
  }
  int64_t tokens = 0, steps_taken = 0;

 private:
  Rng key() const {
    return Rng(context_.recipe.seed).fold("reward").fold(static_cast<uint64_t>(training_index_));
  }

  void begin(int64_t training) {
    training_index_ = training;
    model_ = Model();  // before the next takes its memory
    model_ = first_model(node_, context_, config_.lora);
    // The head of each training starts elsewhere.
    if (training > 0) {
      const Model other = make_model(node_.model, false);
      other.parameters->initialize(key().key());
      for (const char* name : kScalarHeadParameters)
        std::ranges::copy(other.parameters->at(name).value.data<float>(),
                          model_.trained().at(name).value.data<float>().begin());
    }
    trainer_.emplace(node_.name, model_.trained(), config_.optimizer, config_.guard,
                     context_.ranks);
  }

  // The comparisons of a step, in an order of the training's own.
  std::vector<const LabeledComparison*> batch(int64_t step) const {
    const auto n = std::ssize(training_);
    const int64_t a_pass = (n + config_.batch_prompts - 1) / config_.batch_prompts;
    const Permutation order(key().fold("order").fold(static_cast<uint64_t>(step / a_pass)), n);
    std::vector<const LabeledComparison*> out;
    const int64_t first = step % a_pass * config_.batch_prompts;
    for (int64_t i = first; i < std::min(first + config_.batch_prompts, n); ++i)
      out.push_back(&training_[order(i)]);
    return out;
  }

  StepReport step(int64_t index) {
    const int64_t training = index / steps_each_, within = index % steps_each_;
    if (training != training_index_) begin(training);
    const std::vector<const LabeledComparison*> all = batch(within);
    const auto own = micro_batches({0, std::ssize(all)}, std::ssize(all), context_.ranks.rank(),
                                   context_.ranks.size());
    std::vector<const LabeledComparison*> mine;
    for (const RowRange& r : own)
      mine.insert(mine.end(), all.begin() + r.first, all.begin() + r.first + r.count);
    std::array<double, 2> right_pairs{};
    std::vector<MicroBatch> micro;
    for (const auto group : groups(mine, config_.micro_tokens)) {
      auto ranked = std::make_shared<RankedRows>(ranked_rows(group, node_.model.context));
      const auto prompts = static_cast<double>(prompts_with_pair(ranked->ranks, ranked->first));
      micro.push_back({prompts, [this, ranked, &right_pairs](float total) {
                         const Tensor rewards = answer_rewards(*model_.gpt, ranked->rows);
                         const RankingLoss loss = ranking_loss(rewards.data<float>(), ranked->ranks,
                                                               ranked->first, total);
                         right_pairs[0] += static_cast<double>(loss.right);
                         right_pairs[1] += static_cast<double>(loss.pairs);
                         return differentiable(rewards, loss);
                       }});
    }
    const double scale =
        lr_scale(config_.schedule, tokens_each_ * (within + 1) / steps_each_, tokens_each_);
    const Trainer::Step s = trainer_->step(micro, scale, right_pairs);
    StepReport report;
    for (const LabeledComparison* c : all) report.tokens += tokens_of(*c);
    report.lr = scale * config_.optimizer.lr;
    report.grad_norm = s.grad_norm;
    report.values[{"ranking_loss"}] = s.loss;
    report.values[{"accuracy"}] = right_pairs[0] / std::max(1.0, right_pairs[1]);
    report.event = s.why;
    report.skipped = trainer_->skipped();
    if (config_.trainings > 1 && within + 1 == steps_each_) validate(report);
    return report;
  }

  void validate(StepReport& report) {
    double loss = 0, prompts = 0;
    const auto rewards = rewards_of(*model_.gpt, validation_, config_.micro_tokens);
    for (size_t i = 0; i < rewards.size(); ++i) {
      const std::vector<int64_t> first = {0, std::ssize(rewards[i])};
      loss += ranking_loss(rewards[i], validation_[i].comparison.ranks, first, 1).loss;
      ++prompts;
    }
    report.values[{"validation_loss"}] = loss / prompts;
    if (context_.ranks.rank() == 0) best_.consider(loss / prompts, model_.trained());
  }

  // The share of held-out pairs that the rewards order as the annotators did, by kind of request.
  MetricValues measure() const {
    std::map<std::string, std::array<double, 2>> right;
    const auto rewards = heldout_rewards();
    for (size_t i = 0; i < rewards.size(); ++i)
      for (const RankedPair& p : ranked_pairs(data_.heldout[i].comparison.ranks))
        for (const std::string& part : std::set<std::string>{"", data_.heldout[i].kind}) {
          right[part][0] += rewards[i][p.better] > rewards[i][p.worse];
          right[part][1] += 1;
        }
    MetricValues values;
    for (const auto& [part, r] : right) values[{"accuracy", true, part}] = r[0] / r[1];
    return values;
  }

  // Demonstrations get 0 on average (Ouyang et al. 2022, section 3.5).
  void center() {
    std::vector<LabeledComparison> references;
    for (const Comparison& c : data_.references) references.push_back({c, ""});
    double sum = 0;
    for (const auto& r : rewards_of(*model_.gpt, references, config_.micro_tokens)) sum += r[0];
    model_.trained().at("scalar_head.bias").value.data<float>()[0] -=
        static_cast<float>(sum / static_cast<double>(references.size()));
  }

  const RewardConfig& config_;
  const RecipeNode& node_;
  const StageContext& context_;
  const LabeledComparisons& data_;
  BestWeights best_;
  std::span<const LabeledComparison> training_, validation_;
  int64_t steps_each_ = 0, tokens_each_ = 0;  // of one training
  int64_t training_index_ = 0;
  Model model_;
  std::optional<Trainer> trainer_;
};

void run_reward(const RewardConfig& config, const RecipeNode& node, const StageContext& context) {
  LabeledComparisons data = load_comparisons(config.comparisons, node, context);
  data.record.epochs = static_cast<double>(config.epochs);
  context.progress.note(fmt::format("{}: {} prompts with ranked answers ({})", node.name,
                                    data.train.size(), describe_dropped(data.record)));
  RewardRun run(config, node, context, data);
  run.run();
  if (context.ranks.rank() == 0 && !data.heldout.empty())
    write_file_atomic(context.folder / kRewardReport,
                      reward_report(data, run.heldout_rewards()).dump(1) + "\n");
  write_node(node, context, run.steps_taken, run.tokens, {{data.record.name, data.record}},
             run.model());
  run.remove_best();
}

}  // namespace

// A reward model: the parent with a scalar head, trained to order answers as people do (Ouyang et
// al. 2022, section 3.5, eq. 1; Stiennon et al. 2020).
const Stage& reward_stage() {
  static const StageOf<RewardConfig> stage({
      .name = "reward",
      .text = {StageKind::feedback, "reward model",
               "The parent writes several answers to each request, annotators rank them, and the "
               "model learns to give the better answer the greater number."},
      .tunes_on_conversations = true,
      .judges_answers = true,
      .model = reward_model,
      .validate = validate_reward,
      .remarks = reward_remarks,
      .reads =
          [](const RewardConfig& config, const RecipeNode&, const Recipe& recipe) {
            StageReads reads;
            add_comparison_sets(config.comparisons, recipe, reads);
            return reads;
          },
      .plan =
          [](const RewardConfig& config, const RecipeNode& node, const Recipe&, int ranks) {
            const ComparisonsConfig& c = config.comparisons;
            return comparison_plan(c, config.optimizer, config.micro_tokens, config.lora,
                                   answers_a_prompt(c) * config.epochs * config.trainings,
                                   config.batch_prompts, node, ranks);
          },
      .run = run_reward,
  });
  return stage;
}

}  // namespace lineage
