#include "lineage/stages/requests.h"

#include <fmt/format.h>

#include <algorithm>

#include "lineage/base/error.h"
#include "lineage/data/permutation.h"
#include "lineage/data/prompts.h"
#include "lineage/eval/answer.h"
#include "lineage/world/vocabulary.h"

namespace lineage {
namespace {

std::vector<InstructionConfig> instruction_mixtures(const RequestsConfig& config,
                                                    const Recipe& recipe,
                                                    const std::string& place) {
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
  std::string about(int64_t index, ItemUse use) const override {
    const FeedbackPrompt p = at(index, use);
    const Vocabulary& words = Vocabulary::get();
    if (p.intent) {
      std::string intent(words.word(p.intent->verb));
      for (const Token t : p.intent->target) intent += " " + std::string(words.word(t));
      return intent;
    }
    if (p.topic) return "topic " + std::string(words.word(p.topic->word));
    if (p.asked)
      return fmt::format("{} {}", p.asked->relation == Relation::leader ? "country" : "person",
                         p.asked->subject);
    return p.subject < 0 ? "" : fmt::format("person {}", p.subject);
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
    return prompts_(static_cast<uint64_t>(index % size(use)), use);
  }
  FeedbackPrompts prompts_;
};

// The prompts of a set of conversations: in training in an order of each pass's own, and those held
// out in tests.
class FileRequests final : public Requests {
 public:
  FileRequests(std::vector<FilePrompt> prompts, SourceRecord record,
               std::shared_ptr<const Tokenizer> tokenizer, const Rng& key)
      : record_(std::move(record)), tokenizer_(std::move(tokenizer)), key_(key) {
    for (FilePrompt& p : prompts) (p.heldout ? heldout_ : training_).push_back(std::move(p));
  }

  int64_t size(ItemUse use) const override {
    return std::ssize(use == ItemUse::test ? heldout_ : training_);
  }
  Tokens context(int64_t index, ItemUse use) const override { return at(index, use).prompt; }
  std::string kind(int64_t, ItemUse) const override { return {}; }
  std::optional<Tokens> reference(int64_t index, ItemUse use) const override {
    const std::string& text = at(index, use).reference;
    if (text.empty()) return {};
    return tokenizer_->encode(text);
  }
  std::optional<AnswerReading> read(int64_t, ItemUse, std::span<const Token>, bool,
                                    const UtilityConfig&) const override {
    return {};
  }
  std::optional<bool> right(int64_t index, ItemUse use, std::span<const Token> answer,
                            bool ended) const override {
    const std::string& reference = at(index, use).reference;
    if (reference.empty()) return {};
    return ended && same_final_answer(tokenizer_->decode(answer), reference);
  }
  std::optional<SourceRecord> record(int64_t asked) const override {
    SourceRecord record = record_;
    record.epochs = static_cast<double>(asked) / static_cast<double>(training_.size());
    return record;
  }

 private:
  const FilePrompt& at(int64_t index, ItemUse use) const {
    const int64_t n = size(use);
    if (use == ItemUse::test) return heldout_[index % n];
    const Permutation order(key_.fold(static_cast<uint64_t>(index / n)), n);
    return training_[order(index % n)];
  }

  SourceRecord record_;
  std::shared_ptr<const Tokenizer> tokenizer_;
  Rng key_;
  std::vector<FilePrompt> training_, heldout_;
};

std::unique_ptr<const Requests> open_files(const std::string& name, const RecipeNode& node,
                                           const StageContext& context, int64_t longest,
                                           bool with_reference) {
  SourceRecord record;
  std::vector<FilePrompt> prompts = file_prompts(name, context.recipe.conversations.at(name),
                                                 *context.tokenizer, longest, record);
  if (with_reference)
    std::erase_if(prompts, [&](const FilePrompt& p) {
      if (!p.reference.empty()) return false;
      --(p.heldout ? record.heldout_documents : record.documents);
      ++record.dropped["no answer to compare with"];
      return true;
    });
  if (record.documents == 0)  // file_prompts() found some
    throw Error(fmt::format("{}: reward is \"answer\", and no prompt of conversations.{} has an "
                            "answer in its record to compare with; wanted some",
                            node.name, name),
                "see docs/formats.md for the records that are read, or set reward = \"model\"");
  const std::string left_out = describe_dropped(record);
  context.progress.note(fmt::format(
      "{}: {} prompts of {} within {} tokens, {} more held out{}{}", node.name, record.documents,
      name, longest, record.heldout_documents, left_out.empty() ? "" : "; ", left_out));
  return std::make_unique<FileRequests>(std::move(prompts), std::move(record), context.tokenizer,
                                        Rng(context.recipe.seed).fold("file requests"));
}

}  // namespace

std::map<std::string, std::string> idle_request_keys(const RequestsConfig& config) {
  if (config.files.empty()) return {};
  constexpr const char* kWhy = "the prompts come from files";
  return {{"kinds", kWhy}, {"mixture", kWhy}};
}

void add_request_sets(const RequestsConfig& config, const Recipe& recipe, StageReads& reads) {
  if (!config.files.empty()) {
    reads.prompts.push_back(config.files);
    return;
  }
  for (const auto& [name, set] : recipe.demonstrations)
    if (config.mixture.empty() || config.mixture.contains(name)) reads.others.push_back(name);
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
                                              const StageContext& context, int64_t longest,
                                              bool with_reference) {
  if (!config.files.empty())
    return open_files(config.files, node, context, longest, with_reference);
  return std::make_unique<WorldRequests>(world_prompts(config, node, context.recipe));
}

}  // namespace lineage
