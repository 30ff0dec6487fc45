#include <fmt/format.h>

#include <span>

#include "lineage/base/error.h"
#include "lineage/checkpoint/model.h"
#include "lineage/infer/engine.h"
#include "lineage/stages/answers.h"
#include "lineage/stages/stage_of.h"
#include "lineage/stages/tuning.h"
#include "lineage/world/instructions/labeler.h"
#include "lineage/world/instructions/registry.h"

namespace lineage {
namespace {

namespace fs = std::filesystem;

enum class Keep : uint8_t { top_rated, best_of_n };
constexpr std::array<std::string_view, 2> enum_names(Keep) { return {"top_rated", "best_of_n"}; }

struct FeedmeConfig {
  AnswersConfig answers;
  Keep keep = Keep::top_rated;
  double min_rating = 7;
  std::string ratings{};
  TuningConfig tuning;
};

template <class V>
void fields(V& v, FeedmeConfig& c) {
  fields(v, c.answers);
  v("keep", c.keep,
    "top_rated: all answers of at least min_rating; best_of_n: of each prompt's answers the best, "
    "if it is rated so");
  v("min_rating", c.min_rating, "the least rating that is kept, on the labeler's scale from 1 to 7",
    between(1, 7));
  v("ratings", c.ratings,
    "a set of [conversations.NAME] whose records have a rating: its answers take the place of "
    "drawing and labeling; the mixture then leaves it out");
  fields(v, c.tuning);
}

// Tuning besides the answers: without the rated set when the mixture names none.
TuningConfig tuning_of(const FeedmeConfig& config, const Recipe& recipe) {
  TuningConfig tuning = config.tuning;
  if (!config.ratings.empty() && tuning.mixture.empty()) {
    tuning.mixture = chosen_sets(recipe, {}, {});
    tuning.mixture.erase(config.ratings);
  }
  return tuning;
}

void validate_feedme(const FeedmeConfig& config, const RecipeNode& node, const Recipe& recipe) {
  const TuningConfig tuning = tuning_of(config, recipe);
  validate_tuning(tuning, node, recipe);
  const std::string place = fmt::format("{}: nodes.{}", node.place, node.name);
  require(node.parents.size() <= 2, place, " has ", node.parents.size(),
          " parents; feedme wants the model to tune, and perhaps one that writes the answers");
  if (!config.ratings.empty()) {
    require(recipe.conversations.contains(config.ratings), place, ".feedme.ratings is \"",
            config.ratings, "\"; wanted the name of a [conversations.NAME] of rated answers");
    return;
  }
  for (const auto& [set, weight] : chosen_sets(recipe, tuning.mixture, place))
    require(recipe.demonstrations.contains(set), place, ".feedme: ", set,
            " is from files, whose answers no labeler of ours can rate; wanted "
            "feedme.ratings");
}

StageRemarks feedme_remarks(const FeedmeConfig& config, const RecipeNode& node) {
  StageRemarks remarks = tuning_remarks(config.tuning, node);
  if (!config.ratings.empty())
    for (const ConfigKey& key : config_keys<AnswersConfig>())
      remarks.idle[key.path] = "the answers come from ratings";
  return remarks;
}

void count_example(TuningSet& set, Example e) {
  set.record.documents += 1;
  set.record.tokens += std::ssize(e.tokens);
  set.train.push_back(std::move(e));
}

// The answers that the labeler keeps, as demonstrations.
TuningSet keep_answers(const FeedmeConfig& config, const InstructionPrompts& prompts,
                       const std::vector<std::vector<SampledAnswer>>& drawn, int64_t context) {
  TuningSet kept;
  kept.record.kind = "answers rated by the labeler";
  kept.record.generated = true;
  const int least = static_cast<int>(std::ceil(config.min_rating));
  for (int64_t i = 0; i < config.answers.prompts; ++i) {
    const Demonstration prompt = prompts(i);
    std::vector<Tokens> answers;
    for (const SampledAnswer& a : drawn.at(static_cast<size_t>(i))) answers.push_back(a.tokens);
    std::vector<int> chosen;
    if (config.keep == Keep::top_rated)
      chosen = responses_rated(prompt, answers, least);
    else if (const int best = best_response(prompt, answers, least); best >= 0)
      chosen = {best};
    for (const int c : chosen) {
      Example e = to_example(as_demonstration(prompt, answers[c]));
      if (fit(e, TooLong::drop, context + 1)) count_example(kept, std::move(e));
    }
    kept.record.dropped["rated lower"] += std::ssize(answers) - std::ssize(chosen);
  }
  return kept;
}

// The turns before the last answer.
std::string prompt_of(const Conversation& c) {
  std::string prompt;
  for (const Turn& t : std::span(c.turns).first(c.turns.size() - 1))
    prompt += fmt::format("{} {} {}\n", static_cast<int>(t.role), t.text.size(), t.text);
  return prompt;
}

// Answers that people rated, from files: those of the least rating, or each prompt's best.
TuningSet keep_rated(const FeedmeConfig& config, const ConversationsConfig& rated,
                     const Tokenizer& tokenizer, int64_t context) {
  TuningSet kept;
  const ChatTemplate chat(tokenizer);
  std::map<std::string, Conversation> best;
  std::vector<Conversation> chosen;
  for (Conversation& c : read_conversations(config.ratings, rated, kept.record)) {
    if (c.rating < config.min_rating) {
      ++kept.record.dropped["rated lower"];
    } else if (config.keep == Keep::top_rated) {
      chosen.push_back(std::move(c));
    } else {
      Conversation& other = best[prompt_of(c)];
      if (c.rating > other.rating) other = std::move(c);
    }
  }
  for (auto& [prompt, c] : best) chosen.push_back(std::move(c));
  kept.record.kind = "answers rated in files";
  for (const Conversation& c : chosen) {
    ChatTemplate::Rendered rendered = chat.render(c.turns);
    Example e{std::move(rendered.tokens), std::move(rendered.weights), {}};
    if (fit(e, rated.too_long, context + 1)) count_example(kept, std::move(e));
  }
  return kept;
}

// Samples answers of the last parent on rank 0, and rates them.
TuningSet labeled_answers(const FeedmeConfig& config, const TuningConfig& tuning,
                          const RecipeNode& node, const StageContext& context) {
  const InstructionPrompts prompts(context.recipe, chosen_sets(context.recipe, tuning.mixture, {}));
  const fs::path file = context.folder / "answers.jsonl";
  if (context.ranks.rank() == 0) {
    Model parent;
    const auto writer = [&] {
      parent = load_model(context.parents.back());
      return language_model(*parent.gpt, *parent.tokenizer);
    };
    draw_answers(
        config.answers, [&](int64_t i) { return chat_prompt(prompts(i).prompt); },
        Rng(context.recipe.seed).fold("feedme answers"), writer, file, node, context);
  }
  context.ranks.barrier();
  return keep_answers(config, prompts, read_answers(file), node.model.context);
}

void run_feedme(const FeedmeConfig& config, const RecipeNode& node, const StageContext& context) {
  const TuningConfig tuning = tuning_of(config, context.recipe);
  TuningSet kept = config.ratings.empty()
                       ? labeled_answers(config, tuning, node, context)
                       : keep_rated(config, context.recipe.conversations.at(config.ratings),
                                    *context.tokenizer, node.model.context);
  std::vector<TuningSet> sets = load_tuning_sets(tuning, node, context);
  context.progress.note(fmt::format("{}: {} answers kept ({})", node.name, kept.record.documents,
                                    describe_dropped(kept.record)));
  if (!kept.train.empty()) {
    // Weights by tokens, as if all were one set.
    double weight = 0, tokens = 0;
    for (const TuningSet& s : sets) {
      weight += s.record.weight;
      tokens += static_cast<double>(s.record.tokens);
    }
    kept.record.name = node.stage;
    kept.record.weight = weight * static_cast<double>(kept.record.tokens) / tokens;
    sets.push_back(std::move(kept));
  }
  tune(tuning, std::move(sets), node, context);
}

}  // namespace

// OpenAI's "FeedME": supervised fine-tuning on demonstrations and on answers of earlier models that
// were rated 7 of 7 (OpenAI, "Model index for researchers", 2022; the method of text-davinci-001
// and -002). The first parent is tuned; the last one, which may be the same, writes the answers.
const Stage& feedme_stage() {
  static const StageOf<FeedmeConfig> stage({
      .name = "feedme",
      .text = {StageKind::feedback, "FeedME",
               "A model writes several answers to each instruction, a judge rates them, and the "
               "parent is fine-tuned on the best."},
      .tunes_on_conversations = true,
      .complete = [](FeedmeConfig& config,
                     const RecipeNode& node) { replay_pretraining(config.tuning, node); },
      .validate = validate_feedme,
      .remarks = feedme_remarks,
      .reads =
          [](const FeedmeConfig& config, const RecipeNode& node, const Recipe& recipe) {
            StageReads reads = tuning_reads(tuning_of(config, recipe), node, recipe);
            if (!config.ratings.empty()) reads.others.push_back(config.ratings);
            return reads;
          },
      .plan = [](const FeedmeConfig& config, const RecipeNode& node, const Recipe& recipe,
                 int ranks) { return tuning_plan(tuning_of(config, recipe), node, recipe, ranks); },
      .run = run_feedme,
  });
  return stage;
}

}  // namespace lineage
