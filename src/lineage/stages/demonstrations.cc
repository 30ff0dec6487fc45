#include "lineage/stages/demonstrations.h"

#include <functional>

#include "lineage/base/digest.h"
#include "lineage/base/error.h"
#include "lineage/data/source.h"
#include "lineage/stages/recipe.h"
#include "lineage/world/dialogs/dialog.h"
#include "lineage/world/instructions/registry.h"

namespace lineage {
namespace {

// `examples` records to train on and `heldout` others after them, cut to the context.
TuningSet generated_set(const std::string& name, std::string_view kind, int64_t examples,
                        int64_t heldout, int64_t context,
                        const std::function<Example(uint64_t index)>& make) {
  TuningSet set;
  set.record.name = name;
  set.record.kind = kind;
  set.record.licence = "generated";
  Digest digest;
  for (int64_t i = 0; i < examples + heldout; ++i) {
    Example e = make(static_cast<uint64_t>(i));
    digest.field(std::string_view(reinterpret_cast<const char*>(e.tokens.data()),
                                  e.tokens.size() * sizeof(Token)));
    digest.field(std::string_view(reinterpret_cast<const char*>(e.weights.data()),
                                  e.weights.size() * sizeof(float)));
    Example& kept = i < examples ? set.train.emplace_back() : set.heldout.emplace_back();
    kept = std::move(e);
    if (!fit(kept, TooLong::drop, context + 1)) {
      (i < examples ? set.train : set.heldout).pop_back();
      ++set.record.dropped[std::string(dropped::kTooLarge)];
      continue;
    }
    (i < examples ? set.record.documents : set.record.heldout_documents) += 1;
    (i < examples ? set.record.tokens : set.record.heldout_tokens) += std::ssize(kept.tokens);
  }
  set.record.digest = digest.hex();
  return set;
}

TuningSet demonstration_set(const Recipe& recipe, const std::string& name,
                            const DemonstrationsConfig& config, int64_t context) {
  const World world(recipe.world);
  const Instructions instructions(world);
  const InstructionMixture mixture(instructions, config.instructions);
  const auto examples = static_cast<uint64_t>(config.instructions.examples);
  return generated_set(
      name, kDemonstrationsKind, config.instructions.examples, config.heldout, context,
      [&](uint64_t i) { return to_example(i < examples ? mixture.training(i) : mixture(i)); });
}

TuningSet dialog_set(const Recipe& recipe, const std::string& name, const DialogsConfig& config,
                     int64_t context) {
  const World world(recipe.world);
  return generated_set(name, "micro-world conversations", config.examples, config.heldout, context,
                       [&](uint64_t i) { return to_example(make_dialog(world, "dialogs", i)); });
}

constexpr double kTokensADemonstration = 30, kTokensADialog = 90, kBytesAToken = 4;  // about

}  // namespace

void validate_demonstrations(const Recipe& recipe, const std::string& place) {
  for (const auto& [name, set] : recipe.dialogs) {
    const auto items = static_cast<uint64_t>(set.examples + set.heldout);
    require(items <= kFirstAnswered, place, ": dialogs.", name, " has ", items,
            " examples and held-out ones; wanted at most ", kFirstAnswered,
            ", as further ones are prompts that models answer");
  }
  if (recipe.demonstrations.empty()) return;
  const World world(recipe.world);
  const Instructions instructions(world);
  for (const auto& [name, set] : recipe.demonstrations) {
    const auto items = static_cast<uint64_t>(set.instructions.examples + set.heldout);
    require(items <= kFirstAnswered, place, ": demonstrations.", name, " has ", items,
            " examples and held-out ones; wanted at most ", kFirstAnswered,
            ", as further ones are prompts that models answer");
    InstructionMixture(instructions, set.instructions, place + ": demonstrations." + name);
  }
}

std::map<std::string, double> chosen_sets(const Recipe& recipe,
                                          const std::map<std::string, double>& mixture,
                                          const std::string& place) {
  std::map<std::string, double> all;
  for (const auto& [name, set] : recipe.conversations) all[name] = set.weight;
  for (const auto& [name, set] : recipe.demonstrations) all[name] = set.weight;
  for (const auto& [name, set] : recipe.dialogs) all[name] = set.weight;
  return chosen(all, mixture, place, "set of demonstrations");
}

SetTokens estimated_tokens(const Recipe& recipe, const std::string& name) {
  if (const auto set = recipe.demonstrations.find(name); set != recipe.demonstrations.end())
    return {kTokensADemonstration * static_cast<double>(set->second.instructions.examples),
            kTokensADemonstration * static_cast<double>(set->second.heldout)};
  if (const auto set = recipe.dialogs.find(name); set != recipe.dialogs.end())
    return {kTokensADialog * static_cast<double>(set->second.examples),
            kTokensADialog * static_cast<double>(set->second.heldout)};
  const ConversationsConfig& files = recipe.conversations.at(name);
  double bytes = 0;
  for (const InputFile& f : list_files(files, name).files) bytes += static_cast<double>(f.size);
  return {bytes / kBytesAToken, files.heldout * bytes / kBytesAToken};
}

TuningSet tuning_set(const Recipe& recipe, const std::string& name, const Tokenizer& tokenizer,
                     int64_t context) {
  if (const auto set = recipe.demonstrations.find(name); set != recipe.demonstrations.end())
    return demonstration_set(recipe, name, set->second, context);
  if (const auto set = recipe.dialogs.find(name); set != recipe.dialogs.end())
    return dialog_set(recipe, name, set->second, context);
  return tuning_set(name, recipe.conversations.at(name), tokenizer, context);
}

}  // namespace lineage
