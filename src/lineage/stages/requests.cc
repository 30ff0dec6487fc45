#include "lineage/stages/requests.h"

#include <fmt/format.h>

#include "lineage/base/error.h"
#include "lineage/world/vocabulary.h"

namespace lineage {
namespace {

std::vector<InstructionConfig> instruction_mixtures(const RequestsConfig& config,
                                                    const Recipe& recipe, const std::string& place) {
  std::map<std::string, double> all;
  for (const auto& [name, set] : recipe.demonstrations) all[name] = set.weight;
  std::vector<InstructionConfig> out;
  for (const auto& [name, weight] : chosen(all, config.mixture, place, "set of demonstrations"))
    out.push_back(recipe.demonstrations.at(name).instructions);
  return out;
}

FeedbackPrompts world_prompts(const RequestsConfig& config, const RecipeNode& node,
                              const Recipe& recipe) {
  const std::string place = fmt::format("{}: nodes.{}.{}", node.place, node.name, node.stage);
  return FeedbackPrompts(std::make_shared<const World>(recipe.world),
                         instruction_mixtures(config, recipe, place + ".mixture"),
                         config.kinds.empty() ? single_turn_shares() : config.kinds,
                         place + ".kinds");
}

class WorldRequests final : public Requests {
 public:
  explicit WorldRequests(FeedbackPrompts prompts) : prompts_(std::move(prompts)) {}

  int64_t size(ItemUse) const override {
    return static_cast<int64_t>(kFirstProbe - kFirstAnswered);
  }
  Tokens context(int64_t index, ItemUse use) const override { return at(index, use).context; }
  std::string kind(int64_t index, ItemUse use) const override {
    return std::string(prompt_kind_name(at(index, use).kind));
  }
  std::optional<Tokens> reference(int64_t index, ItemUse use) const override {
    return at(index, use).reference;
  }
  std::optional<AnswerReading> read(int64_t index, ItemUse use, std::span<const Token> answer,
                                    bool ended, const UtilityConfig& config) const override {
    return read_answer(prompts_.world(), at(index, use), answer, ended, config);
  }
  std::optional<bool> right(int64_t index, ItemUse use, std::span<const Token> answer,
                            bool ended) const override {
    const FeedbackPrompt p = at(index, use);
    if (p.kind == PromptKind::instruction) return ended && p.task->judge(answer).correct;
    return ended && read_answer(prompts_.world(), p, answer, ended, {}).has(Behaviour::right);
  }

 private:
  FeedbackPrompt at(int64_t index, ItemUse use) const {
    return prompts_(static_cast<uint64_t>(index), use);
  }
  FeedbackPrompts prompts_;
};

}  // namespace

std::vector<std::string> request_sets(const RequestsConfig& config, const Recipe& recipe) {
  if (!config.files.empty()) return {config.files};
  std::vector<std::string> names;
  for (const auto& [name, set] : recipe.demonstrations)
    if (config.mixture.empty() || config.mixture.contains(name)) names.push_back(name);
  return names;
}

void validate_requests(const RequestsConfig& config, const RecipeNode& node, const Recipe& recipe) {
  const std::string place = fmt::format("{}: nodes.{}.{}", node.place, node.name, node.stage);
  if (!config.files.empty()) {
    require(recipe.conversations.contains(config.files), place, ".files is \"", config.files,
            "\"; wanted the name of a [conversations.NAME] with prompts");
    return;
  }
  if (recipe.tokenizer.kind != TokenizerKind::world)
    throw Error(place + " has no prompts; wanted files, the name of a [conversations.NAME]",
                "requests of the micro-world take tokenizer.kind = \"world\"");
  world_prompts(config, node, recipe);
}

std::unique_ptr<const Requests> requests_of_every_kind(const RequestsConfig& config,
                                                       const RecipeNode& node,
                                                       const Recipe& recipe) {
  if (!config.files.empty()) return nullptr;
  RequestsConfig every = config;
  every.kinds.clear();
  for (const std::string_view kind : enum_names(PromptKind())) every.kinds[std::string(kind)] = 1;
  return std::make_unique<WorldRequests>(world_prompts(every, node, recipe));
}

std::unique_ptr<const Requests> open_requests(const RequestsConfig& config, const RecipeNode& node,
                                              const StageContext& context, int64_t) {
  return std::make_unique<WorldRequests>(world_prompts(config, node, context.recipe));
}

}  // namespace lineage
