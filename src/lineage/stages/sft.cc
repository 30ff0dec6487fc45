#include "lineage/stages/stage.h"
#include "lineage/stages/tuning.h"

namespace lineage {
namespace {

// What the manifest keeps: enough to run the same stage again.
struct FrozenSft {
  GptConfig model;
  TuningConfig sft;
};

template <class V>
void fields(V& v, FrozenSft& c) {
  v("model", c.model, "");
  v("sft", c.sft, "");
}

// Supervised fine-tuning: next-token prediction on demonstrations, with the loss on the answers
// alone (Ouyang et al. 2022, section 3.5, "SFT").
class Sft final : public Stage {
 public:
  std::string_view name() const override { return "sft"; }
  bool tunes_on_conversations() const override { return true; }
  void validate(const RecipeNode& node, const Recipe& recipe) const override {
    validate_tuning(node, recipe, read_config<TuningConfig>(node.stage_table), name());
  }
  std::string frozen(const RecipeNode& node) const override {
    return to_toml(FrozenSft{node.model, read_config<TuningConfig>(node.stage_table)});
  }
  std::string reference() const override { return config_reference<TuningConfig>(); }
  std::vector<ConfigKey> keys() const override { return config_keys<TuningConfig>(); }
  std::vector<std::string> sources(const RecipeNode& node, const Recipe& recipe) const override {
    return tuning_sources(node, recipe, read_config<TuningConfig>(node.stage_table));
  }
  StagePlan plan(const RecipeNode& node, const Recipe& recipe, int ranks) const override {
    return tuning_plan(node, recipe, read_config<TuningConfig>(node.stage_table), ranks);
  }
  void run(const RecipeNode& node, const StageContext& context) const override {
    const auto config = read_config<TuningConfig>(node.stage_table);
    tune(name(), frozen(node), config, load_tuning_sets(node, context, config), node, context);
  }
};

}  // namespace

const Stage& sft_stage() {
  static const Sft stage;
  return stage;
}

}  // namespace lineage
