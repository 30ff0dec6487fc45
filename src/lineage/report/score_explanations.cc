#include "lineage/report/score_explanations.h"

#include <memory>

#include "lineage/abilities/scenario_guide.h"
#include "lineage/base/config.h"
#include "lineage/base/error.h"
#include "lineage/eval/scenarios/file_scenario.h"
#include "lineage/report/score_rows.h"
#include "lineage/world/world_config.h"

namespace lineage {
namespace {

// The recipe's world, else the default one; recorded items show whether it is that of the models.
std::shared_ptr<const World> world_of(const std::string& recipe) {
  WorldConfig config;
  try {
    const ConfigNode root = ConfigNode::parse(recipe, "recipe");
    if (root.has("world")) config = read_config<WorldConfig>(root.child("world"));
  } catch (const Error&) {  // examples are all that is lost
  }
  return std::make_shared<const World>(config);
}

void set_text(ReportExplanation& of, const Explanation& about) {
  of.measures = about.measures, of.chance = about.chance, of.low = about.low;
  of.accepts = about.accepts, of.parts = about.parts;
}

// An item of the micro-world as put to models, if the database has the same.
std::optional<ReportExample> suite_example(const std::shared_ptr<const World>& world,
                                           const std::string& scenario, const Database& database) {
  const auto made = example_item(world, scenario);
  if (!made) return {};
  const auto recorded = recorded_item(database, scenario, made->id);
  if (!recorded || recorded->question != made->question) return {};
  return ReportExample{made->prompt,       made->chat,  made->choices,
                       made->choice_count, made->chain, made->answer};
}

// With an item of the file, as the database has it.
void explain_file(ReportExplanation& of, const ReportAbility& row, const Database& database) {
  const auto item = recorded_item(database, row.scenario);
  if (!item && row.metric == mean_of_tasks().name)
    set_text(of, file_explanation(row.metric, false));
  if (!item) return;
  set_text(of, file_explanation(row.metric, item->chooses));
  of.example = ReportExample{.prompt = item->question,
                             .choices = item->chooses ? item->answers : std::vector<std::string>{},
                             .choice_count = item->chooses ? std::ssize(item->answers) : 0,
                             .answer = item->answers[item->correct]};
}

}  // namespace

std::vector<ReportExplanation> row_explanations(const Report& report, const Database& database) {
  std::vector<ReportExplanation> explanations;
  std::shared_ptr<const World> world;  // made when a row needs it
  for (const ReportAbility& row : report.abilities) {
    if (!row.of.empty()) continue;
    ReportExplanation of;
    of.ability = row.id;
    if (const ScenarioGuide* guide = scenario_guide(row.scenario)) {
      set_text(of, guide->about);
      if (!guide->items.empty()) {
        if (!world) world = world_of(report.recipe);
        of.example = suite_example(world, guide->items, database);
      }
    } else {
      explain_file(of, row, database);
    }
    if (!of.measures.empty()) explanations.push_back(std::move(of));
  }
  return explanations;
}

}  // namespace lineage
