#include "lineage/report/score_explanations.h"

#include <gtest/gtest.h>

#include "lineage/abilities/suite.h"
#include "lineage/checkpoint/testing.h"
#include "lineage/eval/item_metrics.h"

namespace lineage {
namespace {

using testing::TempFolder;

// One item of a scenario, without answers.
void record(Database& database, const ScenarioSpec& spec, const Instance& item) {
  Evaluation e;
  e.node = "n";
  e.scenario = {"digest " + spec.name, "revision of " + spec.name, &spec, 1, 1};
  e.items = {item};
  e.predictions.resize(1);
  NodeRecord node;
  node.key = "n";
  database.add_node(node);
  database.write(e);
}

Report report_of(const std::vector<std::string>& scenarios) {
  Report r;
  for (const std::string& name : scenarios) {
    ReportAbility& row = r.abilities.emplace_back();
    row.id = row.scenario = name, row.ability = name.substr(0, 3);
  }
  return r;
}

ScenarioSpec file_spec() {
  ScenarioSpec spec;
  spec.name = "trivia", spec.ability = "file";
  spec.prompt.method = PromptSpec::Method::choose;
  spec.metric = metrics::choice_accuracy();
  return spec;
}

// The item is from the micro-world of the recipe's seed.
TEST(RowExplanations, HaveAnItemThatTheModelsWereAsked) {
  const TempFolder folder;
  Database database(folder / "scores.sqlite");
  WorldConfig config;
  config.seed = 7;
  const auto world = std::make_shared<const World>(config);
  for (const auto& scenario : ability_suite(world))
    if (scenario->spec().name == "A03.cloze" || scenario->spec().name == "A20.confidence")
      record(database, scenario->spec(), scenario->items(ItemSet::test, 1)[0]);
  Report r = report_of({"A03.cloze", "A20.auroc", "A16.battery", "A01.grammar"});
  r.recipe = "[world]\nseed = 7\n";
  const auto of = row_explanations(r, database);
  ASSERT_EQ(of.size(), 4u);
  EXPECT_EQ(of[0].ability, "A03.cloze");
  ASSERT_TRUE(of[0].example);
  EXPECT_TRUE(of[0].example->prompt.starts_with("<src:enc> ")) << of[0].example->prompt;
  EXPECT_TRUE(of[1].example);   // of the scenario that the measure is taken from
  EXPECT_FALSE(of[2].example);  // of several scenarios
  EXPECT_FALSE(of[3].example);  // never evaluated
  r.recipe = "[world]\nseed = 8\n";
  EXPECT_FALSE(row_explanations(r, database)[0].example);  // of other persons
  r.recipe = "no TOML [";
  EXPECT_FALSE(row_explanations(r, database)[0].example);
}

TEST(RowExplanations, QuestionsOfFilesShowWhatWasRecorded) {
  const TempFolder folder;
  Database database(folder / "scores.sqlite");
  Instance item;
  item.id = "1", item.question.text = "<b>Which?</b>", item.correct = 1;
  item.answers = {text_part("this"), text_part("that")};
  record(database, file_spec(), item);
  const auto of = row_explanations(report_of({"trivia", "nothing of it"}), database);
  ASSERT_EQ(of.size(), 1u);
  EXPECT_NE(of[0].measures.find("choices"), std::string::npos);
  EXPECT_EQ(of[0].example->prompt, "<b>Which?</b>");
  EXPECT_EQ(of[0].example->choices, (std::vector<std::string>{"this", "that"}));
  EXPECT_EQ(of[0].example->answer, "that");
  Report finer = report_of({"trivia"});
  finer.abilities[0].of = "A01";
  EXPECT_TRUE(row_explanations(finer, database).empty());
}

}  // namespace
}  // namespace lineage
