#include "lineage/stages/node_manifest.h"

#include "lineage/base/version.h"
#include "lineage/checkpoint/checkpoint.h"
#include "lineage/world/vocabulary.h"

namespace lineage {

Manifest node_manifest(std::string_view stage, const RecipeNode& node, const StageContext& context,
                       std::string frozen, const Trainer& trainer) {
  Manifest manifest;
  manifest.stage = stage;
  manifest.node = node.name;
  manifest.identity = context.identity;
  for (const auto& parent : context.parents)
    manifest.parents.push_back(Checkpoint::open(parent).manifest().weights);
  manifest.config = std::move(frozen);
  if (context.tokenizer->digest() == Vocabulary::get().tokenizer()->digest())
    manifest.world = to_toml(context.recipe.world);
  manifest.code = kVersion;
  manifest.seed = context.recipe.seed;
  manifest.step = trainer.steps();
  manifest.tokens = trainer.plan().first_row(trainer.steps()) * node.model.context;
  manifest.created = utc_now();
  return manifest;
}

}  // namespace lineage
