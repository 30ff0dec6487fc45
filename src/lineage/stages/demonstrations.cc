#include "lineage/stages/demonstrations.h"

#include "lineage/base/digest.h"
#include "lineage/base/error.h"
#include "lineage/data/source.h"
#include "lineage/stages/recipe.h"
#include "lineage/world/instructions/registry.h"

namespace lineage {
namespace {

TuningSet world_set(const Recipe& recipe, const std::string& name,
                    const DemonstrationsConfig& config, int64_t context) {
  const World world(recipe.world);
  const Instructions instructions(world);
  const InstructionMixture mixture(instructions, config.instructions);
  TuningSet set;
  set.record.name = name;
  set.record.kind = kDemonstrationsKind;
  set.record.licence = "generated";
  Digest digest;
  const int64_t examples = config.instructions.examples;
  for (int64_t i = 0; i < examples + config.heldout; ++i) {
    const Demonstration d = mixture(static_cast<uint64_t>(i));
    Example e = to_example(d);
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

}  // namespace

void validate_demonstrations(const Recipe& recipe, const std::string& place) {
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
  return chosen(all, mixture, place, "set of demonstrations");
}

TuningSet tuning_set(const Recipe& recipe, const std::string& name, const Tokenizer& tokenizer,
                     int64_t context) {
  const auto set = recipe.demonstrations.find(name);
  return set != recipe.demonstrations.end()
             ? world_set(recipe, name, set->second, context)
             : tuning_set(name, recipe.conversations.at(name), tokenizer, context);
}

}  // namespace lineage
