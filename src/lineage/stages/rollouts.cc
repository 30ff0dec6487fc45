#include "lineage/stages/rollouts.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "lineage/base/clock.h"
#include "lineage/base/error.h"
#include "lineage/infer/engine.h"
#include "lineage/rlhf/advantages.h"
#include "lineage/text/chat.h"
#include "lineage/train/train_config.h"

namespace lineage {
namespace {

std::span<double> as_numbers(RolloutSums& s) {
  static_assert(sizeof(RolloutSums) % sizeof(double) == 0);
  return {reinterpret_cast<double*>(&s), sizeof(RolloutSums) / sizeof(double)};
}

// Cuts answers into neighbours of at most `most` tokens together, at least one answer each.
std::vector<RowRange> pieces(std::span<const RolloutWorker::Answer> answers, int64_t most) {
  std::vector<RowRange> out;
  int64_t tokens = 0;
  for (int64_t i = 0; i < std::ssize(answers); ++i) {
    const int64_t n = std::ssize(answers[i].prompt) + std::ssize(answers[i].text);
    if (out.empty() || tokens + n > most) out.push_back({i, 0}), tokens = 0;
    ++out.back().count;
    tokens += n;
  }
  return out;
}

std::vector<AnsweredPrompt> texts_of(std::span<const RolloutWorker::Answer> answers) {
  std::vector<AnsweredPrompt> texts;
  for (const RolloutWorker::Answer& a : answers) texts.push_back({a.prompt, a.text});
  return texts;
}

std::vector<float> floats(const Tensor& t) {
  return {t.data<float>().begin(), t.data<float>().end()};
}

void all_reduce(RolloutSums& sums, Communicator& ranks) {
  double largest = ranks.all_reduce(sums.sampler_difference, Reduce::max);
  ranks.all_reduce(as_numbers(sums));
  sums.sampler_difference = largest;
}

}  // namespace

void validate_rollouts(const RolloutConfig& config, const RecipeNode& node, const Recipe& recipe) {
  const std::string place = fmt::format("{}: nodes.{}", node.place, node.name);
  const std::string stage = fmt::format("{}.{}", place, node.stage);
  const bool wants_model = config.reward == RewardKind::model;
  const size_t parents = wants_model ? 2 : 1;
  if (node.parents.size() != parents)
    throw Error(fmt::format("{} has {} parent{}; wanted {}", place, node.parents.size(),
                            node.parents.size() == 1 ? "" : "s",
                            wants_model ? "two: the model to train and its reward model" : "one"),
                wants_model
                    ? "or set reward = \"utility\" or \"answer\", which take no reward model"
                    : "a reward model is used by reward = \"model\" alone");
  if (wants_model) {
    const RecipeNode& judge = recipe.node(node.parents[1]);
    require(judge.model.scalar_head, place, ": its second parent, ", judge.name,
            ", is no reward model; wanted a node of stage reward");
    require(stage_of(judge).judges_answers(), place, ": its second parent, ", judge.name,
            ", is of stage ", judge.stage, " and judges no answers; wanted a node of stage reward");
  }
  require(!node.model.scalar_head, place,
          "'s first parent has a scalar head; wanted a language model");
  validate_requests(config.requests, node, recipe);
  require(
      config.requests.files.empty() || config.reward != RewardKind::utility, stage,
      ".reward is \"utility\", which no labeler of ours knows of files; wanted model or answer");
  require(config.batch % config.minibatch == 0, stage, ".batch is ", config.batch,
          "; wanted a multiple of minibatch, ", config.minibatch);
  require(config.iterations() > 0, stage, ".episodes is ", config.episodes,
          "; wanted at least one batch, ", config.batch);
  require(config.max_tokens < node.model.context, stage, ".max_tokens is ", config.max_tokens,
          "; wanted less than the context, ", node.model.context);
}

RolloutWorker::RolloutWorker(const RolloutConfig& config, const RecipeNode& node,
                             const StageContext& context, const Model& policy, const Model* values)
    : config_(config),
      node_(node),
      context_(context),
      policy_(policy),
      requests_(open_requests(config.requests, node, context,
                              node.model.context - config.max_tokens,
                              config.reward == RewardKind::answer)),
      parent_(policy.adapters ? base_of(policy) : load_model(context.parents[0])) {
  if (config.reward != RewardKind::model) return;
  reward_model_ = values && values->adapters ? base_of(*values) : load_model(context.parents[1]);
  const std::string place = fmt::format("{}: its reward model {}", node.name, node.parents[1]);
  require(
      reward_model_.tokenizer && reward_model_.tokenizer->digest() == context.tokenizer->digest(),
      place, " has another tokenizer; wanted the policy's");
  require(reward_model_.config.context >= node.model.context, place, " has a context of ",
          reward_model_.config.context, " tokens; wanted the policy's, ", node.model.context);
}

void RolloutWorker::draw(const Model& model, std::span<Answer> answers, const Rng& key) const {
  std::vector<std::vector<Token>> prompts;
  std::vector<Sampling> samplings;
  const Token end = ChatTemplate(*context_.tokenizer).stop();
  for (const Answer& a : answers) {
    prompts.push_back(a.prompt);
    Sampling& s = samplings.emplace_back();
    s.temperature = config_.temperature;
    s.max_tokens = config_.max_tokens;
    s.seed = key.fold(static_cast<uint64_t>(a.number)).key();
    s.stop_tokens = {end};
  }
  const auto writer = language_model(*model.gpt, *context_.tokenizer);
  const std::vector<Completion> completions = writer->generate(prompts, samplings);
  for (size_t i = 0; i < answers.size(); ++i) {
    answers[i].text = completions[i].tokens;
    answers[i].sampled = completions[i].log_probs;
    answers[i].ended = completions[i].end == Completion::End::stop;
    if (answers[i].ended) answers[i].text.push_back(end);
  }
}

std::vector<RolloutWorker::Answer> RolloutWorker::sample(const Requests& requests,
                                                         const Model& model, int64_t first,
                                                         int64_t count, int64_t each, ItemUse use,
                                                         const Rng& key) const {
  std::vector<Answer> answers;
  for (int64_t i = first; i < first + count; ++i)
    for (int64_t k = 0; k < each; ++k)
      answers.push_back(
          {.request = i, .use = use, .number = i * each + k, .prompt = requests.context(i, use)});
  draw(model, answers, key);
  return answers;
}

std::vector<float> RolloutWorker::scores(std::span<const Answer> answers) const {
  std::vector<float> out;
  if (config_.reward == RewardKind::model) {
    for (const RowRange& piece : pieces(answers, config_.micro_tokens)) {
      const auto some =
          answers.subspan(static_cast<size_t>(piece.first), static_cast<size_t>(piece.count));
      const AnswerRows rows = answer_rows(texts_of(some), reward_model_.config.context);
      const std::vector<float> rewards = floats(answer_rewards(*reward_model_.gpt, rows));
      out.insert(out.end(), rewards.begin(), rewards.end());
    }
  }
  for (size_t i = 0; i < answers.size(); ++i) {
    const Answer& a = answers[i];
    if (config_.reward == RewardKind::utility)
      out.push_back(static_cast<float>(
          requests_->read(a.request, a.use, a.without_end(), a.ended, config_.utility)->utility()));
    if (config_.reward == RewardKind::answer)
      out.push_back(requests_->right(a.request, a.use, a.without_end(), a.ended).value_or(false)
                        ? 1.0f
                        : 0.0f);
    // The utility knows of the end already.
    if (!a.ended && config_.reward != RewardKind::utility)
      out[i] -= static_cast<float>(config_.no_end_penalty);
  }
  return out;
}

std::vector<double> RolloutWorker::golds(std::span<const Answer> answers) const {
  std::vector<double> out;
  for (const Answer& a : answers) {
    const auto reading = requests_->read(a.request, a.use, a.without_end(), a.ended, {});
    if (!reading) return {};
    out.push_back(reading->utility());
  }
  return out;
}

EpisodeRows RolloutWorker::judge(std::span<const Answer> answers, int64_t step,
                                 RolloutSums& sums) const {
  EpisodeRows e;
  e.step = step;
  e.rows = answer_rows(texts_of(answers), node_.model.context);
  e.scores = scores(answers);
  const auto temperature = static_cast<float>(config_.temperature);
  const ops::LogProbs own = answer_log_probs(*policy_.gpt, e.rows, temperature, true);
  e.old_log_probs = floats(own.log_probs);
  e.reference_log_probs = floats(answer_log_probs(*parent_.gpt, e.rows, temperature).log_probs);
  for (const float x : own.entropies.data<float>()) sums.entropy += x;
  for (const double kl : answer_kl(e.old_log_probs, e.reference_log_probs, e.rows.first))
    sums.kl += kl;
  const std::vector<double> gold = golds(answers);
  for (size_t i = 0; i < answers.size(); ++i) {
    const double score = e.scores[i], length = static_cast<double>(answers[i].text.size());
    if (!std::isfinite(score))
      throw Error(fmt::format("{}: the {} gives an answer {}; wanted a finite number", node_.name,
                              has_reward_model() ? "reward model" : "reward", score),
                  "grow the reward model again with a lower learning rate");
    sums.answers += 1;
    sums.tokens += length;
    sums.cut_off += !answers[i].ended;
    sums.score += score, sums.score_squares += score * score;
    sums.length += length, sums.length_squares += length * length;
    sums.score_length += score * length;
    if (!gold.empty()) sums.gold += gold[i], sums.golds += 1;
    // The sampler's kernels differ from the update's by rounding alone.
    for (size_t j = 0; j < answers[i].sampled.size(); ++j)
      sums.sampler_difference =
          std::max(sums.sampler_difference,
                   std::abs(static_cast<double>(answers[i].sampled[j]) -
                            e.old_log_probs[static_cast<size_t>(e.rows.first[i]) + j]));
  }
  return e;
}

Rollouts RolloutWorker::run(int64_t iteration, int64_t group) const {
  const auto began = Clock::now();
  const Communicator& ranks = context_.ranks;
  // Every rank has a part of each step's answers, whole groups of them.
  std::vector<Answer> answers;
  std::vector<int64_t> of_step;  // answers of each step on this rank
  const int64_t groups = config_.minibatch / group;
  for (int64_t step = 0; step < config_.batch / config_.minibatch; ++step) {
    const int64_t before = std::ssize(answers),
                  first = (iteration * config_.batch + step * config_.minibatch) / group;
    for (const RowRange& part : micro_batches({first, groups}, groups, ranks.rank(), ranks.size()))
      for (int64_t i = part.first; i < part.first + part.count; ++i)
        for (int64_t k = 0; k < group; ++k)
          answers.push_back({.request = i,
                             .use = ItemUse::training,
                             .number = i * group + k,
                             .prompt = requests_->context(i, ItemUse::training)});
    of_step.push_back(std::ssize(answers) - before);
  }
  draw(policy_, answers, Rng(context_.recipe.seed).fold(node_.name).fold("rollouts"));
  Rollouts out;
  out.sampling_seconds = seconds_since(began);
  const auto scoring = Clock::now();
  int64_t first = 0;
  for (int64_t step = 0; step < std::ssize(of_step); ++step) {
    const auto of = std::span<const Answer>(answers).subspan(static_cast<size_t>(first),
                                                             static_cast<size_t>(of_step[step]));
    first += of_step[step];
    for (const RowRange& piece : pieces(of, config_.micro_tokens))
      out.rows.push_back(
          judge(of.subspan(static_cast<size_t>(piece.first), static_cast<size_t>(piece.count)),
                step, out.sums));
  }
  all_reduce(out.sums, context_.ranks);
  out.scoring_seconds = seconds_since(scoring);
  return out;
}

void add_health(const RolloutSums& s, MetricValues& values) {
  const double n = s.answers;
  values[{"reward"}] = s.score / n;
  if (s.golds > 0) values[{"gold"}] = s.gold / s.golds;
  values[{"kl"}] = s.kl / n;
  values[{"entropy"}] = s.entropy / s.tokens;
  values[{"length"}] = s.length / n;
  values[{"cut_off"}] = s.cut_off / n;
  const double variance_score = s.score_squares / n - s.score / n * (s.score / n),
               variance_length = s.length_squares / n - s.length / n * (s.length / n),
               covariance = s.score_length / n - s.score / n * (s.length / n);
  const double both = variance_score * variance_length;
  values[{"reward_length_correlation"}] = both > 0 ? covariance / std::sqrt(both) : 0;
  values[{"sampler_difference"}] = s.sampler_difference;
}

void check_health(const RolloutSums& s, const RolloutConfig& config, const std::string& node) {
  const double kl = s.kl / s.answers, entropy = s.entropy / s.tokens;
  if (!(kl <= config.stop_kl))
    throw Error(
        fmt::format("{}: KL: an answer is {:.3g} nats from the parent; wanted at most "
                    "stop_kl, {:.3g}",
                    node, kl, config.stop_kl),
        "the policy explodes; raise beta or lower optimizer.lr. The last saved state is kept");
  if (!(entropy >= config.stop_entropy))
    throw Error(
        fmt::format("{}: entropy: a token has {:.3g} nats; wanted at least stop_entropy, "
                    "{:.3g}",
                    node, entropy, config.stop_entropy),
        "the policy collapses to one answer; raise beta or lower optimizer.lr. The last saved "
        "state is kept");
}

std::string health_warning(const MetricValues& values, int64_t iteration) {
  const auto at = [&](const char* name) {
    const auto v = values.find({name});
    return v == values.end() ? std::nan("") : v->second;
  };
  if (at("cut_off") > 0.3)
    return fmt::format(
        "length: {:.0f} % of the answers have no end; raise max_tokens, or tune the "
        "parent on more answers with ends",
        100 * at("cut_off"));
  if (std::abs(at("reward_length_correlation")) > 0.8)
    return fmt::format(
        "reward: it goes with the answer's length (correlation {:.2f}); look at the "
        "reward model's accuracy at equal length",
        at("reward_length_correlation"));
  if (at("sampler_difference") > 1e-3)
    return fmt::format(
        "sampler: a log-probability as sampled differs by {:.2g} from the update's; "
        "wanted rounding alone",
        at("sampler_difference"));
  if (at("kl") < -0.5)
    return fmt::format(
        "KL: {:.2f} nats, below 0; answers are not sampled from the full distribution", at("kl"));
  constexpr int64_t kValuesLearnWithin = 10;  // iterations
  if (iteration >= kValuesLearnWithin && at("explained_variance") < 0)
    return fmt::format(
        "value: it explains {:.2f} of the returns' variance; raise "
        "value_optimizer.lr, or warm up longer",
        at("explained_variance"));
  return {};
}

std::map<std::string, nlohmann::json> request_datasets(const RolloutWorker& worker, int64_t asked) {
  std::map<std::string, nlohmann::json> datasets;
  if (const auto record = worker.requests().record(asked)) datasets[record->name] = *record;
  return datasets;
}

StagePlan rollout_plan(const RolloutConfig& config, const OptimizerConfig& optimizer,
                       const std::optional<LoraConfig>& lora, const RecipeNode& node,
                       int trained_models, int ranks) {
  constexpr int64_t kTokensAnEpisode = 30;  // with its prompt, about
  constexpr int64_t kSlots = 64, kBytesAnEpisode = 4096;
  const GptConfig& model = node.model;
  StagePlan plan;
  plan.estimated = true;
  plan.steps = config.iterations();
  // Each is sampled and scored by three models, about as long as one training step.
  plan.tokens =
      plan.steps * config.batch * kTokensAnEpisode * (1 + trained_models * config.inner_epochs);
  plan.parameters = parameter_count(model);
  plan.flops = training_flops_per_token(model, lora) * static_cast<double>(plan.tokens);
  TrainConfig train;
  train.optimizer = optimizer;
  train.micro_tokens = config.micro_tokens;
  plan.memory_bytes = trained_models * training_bytes(model, train, ranks, lora) +
                      3 * plan.parameters * size_of(DType::f32) +
                      KvCache::bytes(model, kSlots, model.context) + config.batch * kBytesAnEpisode;
  plan.disk_bytes = (6 * trained_models + 4) * plan.parameters * size_of(DType::f32) +
                    4 * metrics_bytes(plan.steps);
  return plan;
}

}  // namespace lineage
