#include <fmt/format.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <span>

#include "lineage/base/error.h"
#include "lineage/base/file.h"
#include "lineage/base/interrupted.h"
#include "lineage/checkpoint/model.h"
#include "lineage/infer/engine.h"
#include "lineage/stages/stage.h"
#include "lineage/stages/tuning.h"
#include "lineage/world/instructions/labeler.h"
#include "lineage/world/instructions/registry.h"

namespace lineage {
namespace {

namespace fs = std::filesystem;

enum class Keep : uint8_t { top_rated, best };
constexpr std::array<std::string_view, 2> enum_names(Keep) { return {"top_rated", "best"}; }

struct FeedmeConfig {
  int64_t prompts = 2000, samples = 8;
  double temperature = 1;
  int64_t max_tokens = 48;
  Keep keep = Keep::top_rated;
  double least_rating = 7;
  std::string ratings{};
  TuningConfig tuning;
};

template <class V>
void fields(V& v, FeedmeConfig& c) {
  v("prompts", c.prompts, "new prompts of the demonstrations' types to be answered",
    between(1, 1e9));
  v("samples", c.samples, "answers drawn for each", between(1, 1e6));
  v("temperature", c.temperature, "at which they are drawn", between(0, 1000));
  v("max_tokens", c.max_tokens, "of an answer; one that does not end by then is rated as it is",
    between(1, 1 << 24));
  v("keep", c.keep,
    "top_rated: all answers of at least the least rating; best: of each prompt's answers the best, "
    "if it has that");
  v("least_rating", c.least_rating, "on the labeler's scale from 1 to 7", between(1, 7));
  v("ratings", c.ratings,
    "a set of [conversations.NAME] whose records have a rating: its answers take the place of "
    "drawing and labeling; the mixture then leaves it out");
  fields(v, c.tuning);
}

// What the manifest keeps: enough to run the same stage again.
struct FrozenFeedme {
  GptConfig model;
  FeedmeConfig feedme;
};

template <class V>
void fields(V& v, FrozenFeedme& c) {
  v("model", c.model, "");
  v("feedme", c.feedme, "");
}

FeedmeConfig config_of(const RecipeNode& node) {
  return read_config<FeedmeConfig>(node.stage_table);
}

// What is tuned on besides the answers: without the rated set when the mixture names none.
TuningConfig tuning_of(const FeedmeConfig& config, const Recipe& recipe) {
  TuningConfig tuning = config.tuning;
  if (!config.ratings.empty() && tuning.mixture.empty()) {
    tuning.mixture = chosen_sets(recipe, {}, {});
    tuning.mixture.erase(config.ratings);
  }
  return tuning;
}

// OpenAI's "FeedME": supervised fine-tuning on demonstrations and on answers of earlier models that
// were rated 7 of 7 (OpenAI, "Model index for researchers", 2022; what made text-davinci-001 and
// -002). The first parent is tuned; the last one, which may be the same, writes the answers.
class Feedme final : public Stage {
 public:
  std::string_view name() const override { return "feedme"; }
  bool tunes_on_conversations() const override { return true; }
  void validate(const RecipeNode&, const Recipe&) const override;
  std::string frozen(const RecipeNode& node) const override {
    return to_toml(FrozenFeedme{node.model, config_of(node)});
  }
  std::string reference() const override { return config_reference<FeedmeConfig>(); }
  std::vector<ConfigKey> keys() const override { return config_keys<FeedmeConfig>(); }
  std::vector<std::string> sources(const RecipeNode& node, const Recipe& recipe) const override {
    const FeedmeConfig config = config_of(node);
    auto names = tuning_sources(node, recipe, tuning_of(config, recipe));
    if (!config.ratings.empty()) names.push_back(config.ratings);
    return names;
  }
  StagePlan plan(const RecipeNode& node, const Recipe& recipe, int ranks) const override {
    return tuning_plan(node, recipe, tuning_of(config_of(node), recipe), ranks);
  }
  void run(const RecipeNode&, const StageContext&) const override;
};

void Feedme::validate(const RecipeNode& node, const Recipe& recipe) const {
  const FeedmeConfig config = config_of(node);
  const TuningConfig tuning = tuning_of(config, recipe);
  validate_tuning(node, recipe, tuning, name());
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

// The demonstrations whose types the prompts have, and the labeler that knows their answers.
class Prompts {
 public:
  // Prompts are drawn from indices that no set of demonstrations reaches.
  static constexpr uint64_t kFirst = 500'000;

  Prompts(const Recipe& recipe, const std::map<std::string, double>& sets)
      : world_(recipe.world), instructions_(world_) {
    for (const auto& [name, weight] : sets)
      mixtures_.emplace_back(instructions_, recipe.demonstrations.at(name).instructions);
  }
  Demonstration operator()(int64_t index) const {
    const auto i = static_cast<uint64_t>(index);
    return mixtures_[i % mixtures_.size()](kFirst + i);
  }

 private:
  World world_;
  Instructions instructions_;
  std::vector<InstructionMixture> mixtures_;
};

// One line for each prompt: the answers drawn. A run that was killed goes on after the last whole
// line; a sequence's tokens depend on its own seed alone, so the lines come out the same.
void draw_answers(const FeedmeConfig& config, const Prompts& prompts, const fs::path& file,
                  const std::string& node, const StageContext& context) {
  constexpr int64_t kAtOnce = 64;  // prompts
  int64_t done = 0;
  std::string whole;
  if (std::ifstream lines(file); lines)
    for (std::string line; std::getline(lines, line) && !lines.eof(); ++done) whole += line + "\n";
  if (done >= config.prompts) return;
  write_file_atomic(file, whole);
  Model model = load_model(context.parents.back());
  const auto writer = language_model(*model.gpt, *model.tokenizer);
  std::ofstream out(file, std::ios::app);
  for (; done < config.prompts; done += kAtOnce) {
    const int64_t count = std::min(kAtOnce, config.prompts - done);
    std::vector<std::vector<Token>> asked;
    std::vector<Sampling> samplings;
    for (int64_t i = 0; i < count; ++i)
      for (int64_t s = 0; s < config.samples; ++s) {
        asked.push_back(chat_prompt(prompts(done + i).prompt));
        Sampling& sampling = samplings.emplace_back();
        sampling.temperature = config.temperature;
        sampling.max_tokens = config.max_tokens;
        sampling.seed = Rng(context.recipe.seed)
                            .fold("feedme answers")
                            .fold(static_cast<uint64_t>((done + i) * config.samples + s))
                            .key();
        sampling.stop_tokens = {model.tokenizer->special(Special::end_of_turn)};
      }
    const std::vector<Completion> answers = writer->generate(asked, samplings);
    for (int64_t i = 0; i < count; ++i) {
      nlohmann::json line = nlohmann::json::array();
      for (int64_t s = 0; s < config.samples; ++s)
        line.push_back(answers[static_cast<size_t>(i * config.samples + s)].tokens);
      out << line.dump() << "\n";
    }
    out.flush();
    require(out.good(), file.string(), ": cannot be written; wanted room on the disk");
    if (context.interrupted && context.interrupted())
      throw Interrupted(node + ": interrupted while drawing answers; those drawn are kept",
                        "run the same command again to go on from there");
    context.progress.update(
        node, static_cast<double>(done + count) / static_cast<double>(config.prompts),
        fmt::format("answers to {} of {} prompts", done + count, config.prompts));
  }
}

void count_example(TuningSet& set, Example e) {
  set.record.documents += 1;
  set.record.tokens += std::ssize(e.tokens);
  set.train.push_back(std::move(e));
}

// The answers that the labeler keeps, as demonstrations.
TuningSet keep_answers(const FeedmeConfig& config, const Prompts& prompts, const fs::path& file,
                       int64_t context) {
  TuningSet kept;
  kept.record.kind = "answers rated by the labeler";
  const int least = static_cast<int>(std::ceil(config.least_rating));
  std::ifstream lines(file);
  std::string line;
  for (int64_t i = 0; i < config.prompts && std::getline(lines, line); ++i) {
    const Demonstration prompt = prompts(i);
    const auto answers = nlohmann::json::parse(line).get<std::vector<Tokens>>();
    std::vector<int> chosen;
    if (config.keep == Keep::top_rated)
      chosen = responses_rated(prompt, answers, least);
    else if (const int best = best_response(prompt, answers, least); best >= 0)
      chosen = {best};
    for (const int c : chosen) {
      Example e = to_example(as_demonstration(prompt, answers[static_cast<size_t>(c)]));
      if (fit(e, TooLong::drop, context + 1)) count_example(kept, std::move(e));
    }
    kept.record.dropped["rated lower"] += std::ssize(answers) - std::ssize(chosen);
  }
  return kept;
}

// All that stands before the last answer: what it answers.
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
    if (c.rating < config.least_rating) {
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

void Feedme::run(const RecipeNode& node, const StageContext& context) const {
  const FeedmeConfig config = config_of(node);
  const int64_t T = node.model.context;
  TuningSet kept;
  const TuningConfig tuning = tuning_of(config, context.recipe);
  if (config.ratings.empty()) {
    const Prompts prompts(context.recipe, chosen_sets(context.recipe, tuning.mixture, {}));
    const fs::path answers = context.folder / "answers.jsonl";
    if (context.ranks.rank() == 0) draw_answers(config, prompts, answers, node.name, context);
    context.ranks.barrier();
    kept = keep_answers(config, prompts, answers, T);
  } else {
    kept =
        keep_rated(config, context.recipe.conversations.at(config.ratings), *context.tokenizer, T);
  }
  std::vector<TuningSet> sets = load_tuning_sets(node, context, tuning);
  context.progress.note(fmt::format("{}: {} answers kept ({})", node.name, kept.record.documents,
                                    describe_dropped(kept.record)));
  if (!kept.train.empty()) {
    // As if all were one set: weights by tokens.
    double weight = 0, tokens = 0;
    for (const TuningSet& s : sets) {
      weight += s.record.weight;
      tokens += static_cast<double>(s.record.tokens);
    }
    kept.record.name = "feedme";
    kept.record.weight = weight * static_cast<double>(kept.record.tokens) / tokens;
    sets.push_back(std::move(kept));
  }
  tune(name(), frozen(node), tuning, std::move(sets), node, context);
}

}  // namespace

const Stage& feedme_stage() {
  static const Feedme stage;
  return stage;
}

}  // namespace lineage
