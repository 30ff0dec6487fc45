#pragma once

#include <concepts>
#include <filesystem>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "lineage/stages/stage.h"
#include "lineage/train/train_config.h"

namespace lineage {

// The parts of a stage whose keys are the fields of Config.
template <class Config>
struct StageParts {
  const char* name = "";  // and of its table
  StageText text;
  // The text of the same stage on top of a parent, where it differs; empty: the same.
  StageText with_parent{};
  bool tunes_on_conversations = false;
  bool judges_answers = false;
  std::function<GptConfig(GptConfig parent)> model{};  // absent: the parent's
  // The checkpoint that the stage takes in; absent: it trains a model.
  std::function<std::filesystem::path(const Config&, const RecipeNode&)> origin{};
  // Fills in the keys whose default depends on the node's parents; absent: there are none.
  std::function<void(Config&, const RecipeNode&)> complete{};
  std::function<void(const Config&, const RecipeNode&, const Recipe&)> validate;
  std::function<StageRemarks(const Config&, const RecipeNode&)> remarks{};  // absent: none
  std::function<StageReads(const Config&, const RecipeNode&, const Recipe&)> reads;
  std::function<StagePlan(const Config&, const RecipeNode&, const Recipe&, int ranks)> plan;
  std::function<void(const Config&, const RecipeNode&, const StageContext&)> run;
};

// Tables that stages share; the reference lists them once.
template <class F>
concept SharedTable = std::same_as<F, OptimizerConfig> || std::same_as<F, ScheduleConfig> ||
    std::same_as<F, GuardConfig> || std::same_as<F, std::optional<LoraConfig>>;

// The reference of a stage's keys without the shared tables.
class StageReference {
 public:
  template <class F, class... Limits>
  void operator()(const char* key, F& field, const char* doc, Limits... limits) {
    if constexpr (!SharedTable<F>) reference_(key, field, doc, limits...);
  }
  std::string markdown() const { return reference_.markdown(); }

 private:
  ConfigReference reference_;
};

// Enough to rerun a stage; the manifest keeps it.
template <class Config>
struct FrozenStage {
  const char* name;
  GptConfig model;
  Config config;
};

template <class V, class Config>
void fields(V& v, FrozenStage<Config>& c) {
  v("model", c.model, "");
  v(c.name, c.config, "");
}

template <class Config>
class StageOf final : public Stage {
 public:
  explicit StageOf(StageParts<Config> parts) : parts_(std::move(parts)) {}

  std::string_view name() const override { return parts_.name; }
  StageText text(const RecipeNode& node) const override {
    return node.parents.empty() || parts_.with_parent.title.empty() ? parts_.text
                                                                    : parts_.with_parent;
  }
  bool tunes_on_conversations() const override { return parts_.tunes_on_conversations; }
  bool judges_answers() const override { return parts_.judges_answers; }
  GptConfig model(const GptConfig& parent) const override {
    return parts_.model ? parts_.model(parent) : parent;
  }
  std::filesystem::path origin(const RecipeNode& node) const override {
    return parts_.origin ? parts_.origin(config(node), node) : std::filesystem::path();
  }
  void validate(const RecipeNode& node, const Recipe& recipe) const override {
    parts_.validate(config(node), node, recipe);
  }
  std::string frozen(const RecipeNode& node) const override {
    return to_toml(FrozenStage<Config>{parts_.name, node.model, config(node)});
  }
  std::string reference() const override {
    StageReference reference;
    Config defaults;
    fields(reference, defaults);
    return reference.markdown();
  }
  std::vector<ConfigKey> keys() const override { return config_keys<Config>(); }
  StageRemarks remarks(const RecipeNode& node) const override {
    return parts_.remarks ? parts_.remarks(config(node), node) : StageRemarks();
  }
  StageReads reads(const RecipeNode& node, const Recipe& recipe) const override {
    return parts_.reads(config(node), node, recipe);
  }
  StagePlan plan(const RecipeNode& node, const Recipe& recipe, int ranks) const override {
    return parts_.plan(config(node), node, recipe, ranks);
  }
  void run(const RecipeNode& node, const StageContext& context) const override {
    parts_.run(config(node), node, context);
  }

 private:
  Config config(const RecipeNode& node) const {
    auto config = read_config<Config>(node.stage_table);
    if (parts_.complete) parts_.complete(config, node);
    return config;
  }
  StageParts<Config> parts_;
};

}  // namespace lineage
