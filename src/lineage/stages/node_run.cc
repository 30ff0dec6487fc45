#include "lineage/stages/node_run.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "lineage/base/version.h"
#include "lineage/checkpoint/training_state.h"
#include "lineage/world/vocabulary.h"

namespace lineage {
namespace {

Manifest manifest_of(const RecipeNode& node, const StageContext& context) {
  const Stage& stage = stage_of(node);
  Manifest manifest;
  manifest.stage = stage.name();
  manifest.stage_text = stage.text(node);
  manifest.chats = stage.tunes_on_conversations();
  manifest.node = node.name;
  manifest.identity = context.identity;
  for (const auto& parent : context.parents)
    manifest.parents.push_back(Checkpoint::open(parent).manifest().weights);
  // A model that knows the template of turns keeps it, whatever it is trained on further.
  if (!context.parents.empty())
    manifest.chats = manifest.chats || Checkpoint::open(context.parents[0]).manifest().chats;
  manifest.config = stage.frozen(node);
  if (context.tokenizer->digest() == Vocabulary::get().tokenizer()->digest())
    manifest.world = to_toml(context.recipe.world);
  manifest.code = kVersion;
  manifest.seed = context.recipe.seed;
  manifest.created = utc_now();
  return manifest;
}

}  // namespace

Model first_model(const RecipeNode& node, const StageContext& context,
                  const std::optional<LoraConfig>& lora) {
  Model model = make_model(node.model, /*with_gradients=*/!lora);
  if (context.parents.empty() || node.model.scalar_head)
    model.parameters->initialize(context.recipe.seed);
  if (context.parents.empty()) return model;
  Checkpoint::LoadOptions options;
  if (node.model.scalar_head) options.may_lack = kScalarHeadParameters;
  Checkpoint::open(context.parents[0]).load(*model.parameters, options);
  if (lora) adapt(model, *lora, context.recipe.seed);
  return model;
}

void validate_lora(const std::optional<LoraConfig>& lora, const RecipeNode& node) {
  if (lora)
    lora->validate(node.model,
                   fmt::format("{}: nodes.{}.{}.lora", node.place, node.name, node.stage));
}

LoopContext loop_context(const RecipeNode& node, const StageContext& context) {
  return {node.name,          context.folder,      context.ranks,      context.progress,
          context.recipe.run, context.peak_gflops, context.interrupted};
}

void write_node(const RecipeNode& node, const StageContext& context, int64_t steps, int64_t tokens,
                const std::map<std::string, nlohmann::json>& datasets, Model& model, bool chats) {
  AdapterSet set;
  set.adapters = adapters_of(model);
  merge(model);
  if (context.ranks.rank() == 0) {
    Checkpoint::AddFiles add_files;
    if (!set.adapters.empty()) {
      const Manifest base = Checkpoint::open(context.parents[0]).manifest();
      set.base_name = base.node, set.base_weights = base.weights;
      add_files = [&](const fs::path& staging) {
        write_adapters(staging / AdapterSet::kFile, set);
      };
    }
    Manifest manifest = manifest_of(node, context);
    manifest.chats = manifest.chats || chats;
    manifest.step = steps;
    manifest.tokens = tokens;
    manifest.datasets = datasets;
    Checkpoint::write(context.folder, manifest, *model.parameters, context.tokenizer.get(),
                      add_files);
    remove_training_state(context.folder);
  }
  context.ranks.barrier();
}

}  // namespace lineage
