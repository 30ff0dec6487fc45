#include "lineage/stages/comparisons.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "lineage/base/error.h"
#include "lineage/base/parallel.h"
#include "lineage/checkpoint/model.h"
#include "lineage/infer/engine.h"
#include "lineage/rlhf/losses.h"

namespace lineage {
namespace {

namespace fs = std::filesystem;

// One prompt's answers before they are ranked, each text once.
class Candidates {
 public:
  Candidates(const Requests& requests, int64_t index, ItemUse use)
      : requests_(requests), index_(index), use_(use) {
    out_.kind = requests.kind(index, use);
    out_.comparison.prompt = requests.context(index, use);
  }
  void add(const SampledAnswer& answer, const UtilityConfig& utility, Token end, int64_t longest) {
    Tokens text = answer.tokens;
    if (answer.ended) text.push_back(end);
    const int64_t n = std::ssize(text) + std::ssize(out_.comparison.prompt);
    if (text.empty() || n > longest || !seen_.insert(text).second) return;
    rated_.push_back({*requests_.read(index_, use_, answer.tokens, answer.ended, utility),
                      std::ssize(answer.tokens)});
    out_.readings.push_back(rated_.back().reading);
    out_.comparison.answers.push_back(std::move(text));
  }
  const std::vector<RatedAnswer>& rated() const { return rated_; }
  LabeledComparison take(std::vector<int> ranks) {
    out_.comparison.ranks = std::move(ranks);
    return std::move(out_);
  }

 private:
  const Requests& requests_;
  int64_t index_;
  ItemUse use_;
  LabeledComparison out_;
  std::vector<RatedAnswer> rated_;
  std::set<Tokens> seen_;
};

// Answers to the prompts of one use, drawn at both temperatures.
struct Drawn {
  std::vector<std::vector<SampledAnswer>> usual, hot;
};

Drawn draw(const ComparisonsConfig& config, const Requests& requests, ItemUse use,
           const RecipeNode& node, const StageContext& context) {
  const std::string name = use == ItemUse::test ? "heldout-answers" : "answers";
  const fs::path usual = context.folder / (name + ".jsonl"),
                 hot = context.folder / (name + "-hot.jsonl");
  AnswersConfig answers = config.answers, hot_answers = config.answers;
  answers.prompts = hot_answers.prompts =
      use == ItemUse::test ? config.heldout : config.answers.prompts;
  hot_answers.samples = config.hot_samples;
  hot_answers.temperature = config.hot_temperature;
  if (context.ranks.rank() == 0) {
    Model parent;
    const auto writer = [&] {
      if (!parent.gpt) parent = load_model(context.parents.front());
      return language_model(*parent.gpt, *parent.tokenizer);
    };
    const auto prompt = [&](int64_t i) { return requests.context(i, use); };
    const Rng key = Rng(context.recipe.seed).fold(node.stage).fold(name);
    draw_answers(answers, prompt, key, writer, usual, node, context);
    if (config.hot_samples > 0)
      draw_answers(hot_answers, prompt, key.fold("hot"), writer, hot, node, context);
  }
  context.ranks.barrier();
  return {read_answers(usual),
          config.hot_samples > 0 ? read_answers(hot) : std::vector<std::vector<SampledAnswer>>()};
}

std::vector<Candidates> candidates(const ComparisonsConfig& config, const Requests& requests,
                                   const Drawn& drawn, ItemUse use, const StageContext& context,
                                   int64_t longest) {
  const Token end = context.tokenizer->special(Special::end_of_turn);
  const auto N = std::ssize(drawn.usual);
  std::vector<Candidates> out;
  for (int64_t i = 0; i < N; ++i) {
    Candidates& c = out.emplace_back(requests, i, use);
    const auto add = [&](const SampledAnswer& a) {
      c.add(a, config.labeler.utility, end, longest);
    };
    for (const SampledAnswer& a : drawn.usual[i]) add(a);
    if (!drawn.hot.empty())
      for (const SampledAnswer& a : drawn.hot[i]) add(a);
    for (int64_t k = 1; k <= config.off_topic && N > k; ++k) {
      // Of a sample of another prompt, and in turn of the reference of one.
      const int64_t other = (i + k) % N;
      if (k % 2 == 1 && config.references)
        add({*requests.reference(other, use), true});
      else
        add(drawn.usual[other].front());
    }
    if (config.references) add({*requests.reference(i, use), true});
  }
  return out;
}

LabeledComparisons label(const ComparisonsConfig& config, const RecipeNode& node,
                         const StageContext& context) {
  const int64_t longest = node.model.context;
  const auto requests =
      open_requests(config.requests, node, context, longest - config.answers.max_tokens);
  LabeledComparisons out;
  out.record.name = node.stage;
  out.record.kind = fmt::format("answers ranked by {}", enum_name(config.labeler.by));
  out.record.generated = true;
  const Token end = context.tokenizer->special(Special::end_of_turn);
  std::vector<Candidates> train =
      candidates(config, *requests, draw(config, *requests, ItemUse::training, node, context),
                 ItemUse::training, context, longest);
  std::vector<std::vector<RatedAnswer>> rated;
  for (const Candidates& c : train) rated.push_back(c.rated());
  const Annotators annotators(config.labeler, rated);
  out.agreement = annotators.agreement();
  out.noise = annotators.noise();
  const Rng key = Rng(context.recipe.seed).fold("annotators");
  const auto add = [&](std::vector<Candidates>& all, std::vector<LabeledComparison>& to,
                       std::string_view use) {
    for (size_t i = 0; i < all.size(); ++i) {
      std::vector<int> ranks = annotators.rank(all[i].rated(), key.fold(use).fold(i));
      LabeledComparison c = all[i].take(std::move(ranks));
      if (c.comparison.answers.size() < 2 || ranked_pairs(c.comparison.ranks).empty()) {
        ++out.record.dropped["prompts whose answers are all alike"];
        continue;
      }
      for (const Tokens& answer : c.comparison.answers) out.record.tokens += std::ssize(answer);
      ++out.record.documents;
      to.push_back(std::move(c));
    }
  };
  add(train, out.train, "training");
  std::vector<Candidates> heldout =
      candidates(config, *requests, draw(config, *requests, ItemUse::test, node, context),
                 ItemUse::test, context, longest);
  add(heldout, out.heldout, "held out");
  for (int64_t i = 0; i < std::min<int64_t>(config.answers.prompts, 500); ++i) {
    Tokens answer = *requests->reference(i, ItemUse::training);
    answer.push_back(end);
    out.references.push_back({requests->context(i, ItemUse::training), {std::move(answer)}, {1}});
  }
  return out;
}

// Comparisons by people; the best answer of each prompt is its reference.
LabeledComparisons from_files(const ComparisonsConfig& config, const RecipeNode& node,
                              const StageContext& context) {
  PreferenceSet set =
      preference_set(config.preferences, context.recipe.preferences.at(config.preferences),
                     *context.tokenizer, node.model.context);
  LabeledComparisons out;
  out.record = std::move(set.record);
  for (Comparison& c : set.train) {
    const auto best = std::ranges::min_element(c.ranks) - c.ranks.begin();
    if (out.references.size() < 500) out.references.push_back({c.prompt, {c.answers[best]}, {1}});
    out.train.push_back({std::move(c), ""});
  }
  for (Comparison& c : set.heldout) out.heldout.push_back({std::move(c), ""});
  return out;
}

}  // namespace

int64_t answers_a_prompt(const ComparisonsConfig& config) {
  return config.answers.samples + config.hot_samples + config.off_topic +
         (config.references ? 1 : 0);
}

StagePlan comparison_plan(const ComparisonsConfig& config, const OptimizerConfig& optimizer,
                          int64_t micro_tokens, const std::optional<LoraConfig>& lora,
                          int64_t answers, int64_t batch_prompts, const RecipeNode& node,
                          int ranks) {
  constexpr int64_t kTokensAnAnswer = 30, kFileBytesAToken = 6;  // with its prompt, about
  StagePlan plan;
  plan.estimated = true;
  plan.tokens = config.answers.prompts * answers * kTokensAnAnswer;
  plan.steps = config.answers.prompts / batch_prompts + 1;
  plan.parameters = parameter_count(node.model);
  plan.flops = training_flops_per_token(node.model, lora) * static_cast<double>(plan.tokens);
  TrainConfig train;
  train.optimizer = optimizer;
  train.micro_tokens = micro_tokens;
  plan.memory_bytes = training_bytes(node.model, train, ranks, lora);
  plan.disk_bytes = 9 * plan.parameters * size_of(DType::f32) + metrics_bytes(plan.steps) +
                    plan.tokens * kFileBytesAToken;
  return plan;
}

void validate_comparisons(const ComparisonsConfig& config, const RecipeNode& node,
                          const Recipe& recipe) {
  const std::string place = fmt::format("{}: nodes.{}.{}", node.place, node.name, node.stage);
  if (!config.preferences.empty()) {
    require(recipe.preferences.contains(config.preferences), place, ".preferences is \"",
            config.preferences, "\"; wanted the name of a [preferences.NAME]");
    return;
  }
  validate_requests(config.requests, node, recipe);
  require(config.requests.files.empty(), place,
          ".files names prompts whose answers no labeler of ours can rank; wanted preferences");
  const int64_t most = answers_a_prompt(config);
  require(most >= 2, place, " compares ", most, " answers to a prompt; wanted at least 2");
}

std::map<std::string, std::string> idle_comparison_keys(const ComparisonsConfig& config) {
  std::map<std::string, std::string> idle;
  if (config.preferences.empty()) {
    if (config.hot_samples == 0) idle["hot_temperature"] = "hot_samples is 0";
    return idle;
  }
  for (const ConfigKey& key : config_keys<ComparisonsConfig>())
    if (key.path != "preferences") idle[key.path] = "the comparisons come from preferences";
  return idle;
}

void add_comparison_sets(const ComparisonsConfig& config, const Recipe& recipe, StageReads& reads) {
  if (config.preferences.empty())
    add_request_sets(config.requests, recipe, reads);
  else
    reads.others.push_back(config.preferences);
}

LabeledComparisons load_comparisons(const ComparisonsConfig& config, const RecipeNode& node,
                                    const StageContext& context) {
  return config.preferences.empty() ? label(config, node, context)
                                    : from_files(config, node, context);
}

}  // namespace lineage
