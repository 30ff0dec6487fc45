#include <fmt/format.h>

#include "lineage/base/error.h"
#include "lineage/checkpoint/checkpoint.h"
#include "lineage/stages/node_run.h"
#include "lineage/stages/stage_of.h"

namespace lineage {

// A model that exists: the root of a tree that tunes it. Nothing is trained.
struct ImportConfig {
  std::string path;
};

template <class V>
void fields(V& v, ImportConfig& c) {
  v("path", c.path, "a checkpoint's folder, as `lineage import` and `lineage grow` write it",
    kPaths);
}

namespace {

struct WeightsOfImport {
  std::string weights;
};

template <class V>
void fields(V& v, WeightsOfImport& c) {
  v("weights", c.weights, "");
}

fs::path origin_of(const ImportConfig& config, const RecipeNode& node) {
  if (Checkpoint::exists(config.path)) return config.path;
  const bool theirs = fs::exists(fs::path(config.path) / "config.json");
  throw Error(fmt::format("{}.import.path: {} is no checkpoint; wanted the folder of one",
                          node.place, config.path.empty() ? "\"\"" : config.path),
              theirs ? fmt::format("take it in first: lineage import hf {} --out models/{}",
                                   config.path, fs::path(config.path).filename().string())
                     : "`lineage import` and `lineage grow` write checkpoints");
}

void validate_import(const ImportConfig& config, const RecipeNode& node, const Recipe&) {
  require(node.parents.empty(), node.place, " has ", node.parents.size(),
          " parents; an imported model wants none");
  require(!node.has_model, node.place,
          ".model: an imported model has its own architecture; wanted no such table");
  require(!node.model.scalar_head, node.place, ": ", config.path,
          " is a reward model; wanted a language model");
}

void import(const ImportConfig& config, const RecipeNode& node, const StageContext& context) {
  const Checkpoint from = Checkpoint::open(config.path);
  const Manifest& manifest = from.manifest();
  if (manifest.tokenizer != context.tokenizer->digest())
    throw Error(fmt::format("{}: {} has {}; wanted that of the recipe", node.place, config.path,
                            manifest.tokenizer.empty() ? "no tokenizer" : "another tokenizer"),
                fmt::format("leave out [tokenizer], or set tokenizer.path = \"{}\"", config.path));
  Model model = make_model(node.model, /*with_gradients=*/false);
  from.load(*model.parameters);
  write_node(node, context, manifest.step, manifest.tokens, manifest.datasets, model,
             manifest.chats);
}

}  // namespace

// The node's identity is that of the weights, wherever they lie.
template <class V>
void fields(V& v, FrozenStage<ImportConfig>& c) {
  WeightsOfImport of{Checkpoint::open(c.config.path).manifest().weights};
  v("model", c.model, "");
  v(c.name, of, "");
}

const Stage& import_stage() {
  static const StageOf<ImportConfig> stage({
      .name = "import",
      .text = {StageKind::base, "imported",
               "The weights come from elsewhere; nothing is known here of how they were trained."},
      .origin = origin_of,
      .validate = validate_import,
      .reads = [](const ImportConfig&, const RecipeNode&, const Recipe&) { return StageReads(); },
      .plan =
          [](const ImportConfig&, const RecipeNode& node, const Recipe&, int) {
            StagePlan plan;
            plan.parameters = parameter_count(node.model);
            plan.memory_bytes = plan.disk_bytes =
                plan.parameters * static_cast<int64_t>(sizeof(float));
            return plan;
          },
      .run = import,
  });
  return stage;
}

}  // namespace lineage
