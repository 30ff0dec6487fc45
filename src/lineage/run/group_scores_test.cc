#include "lineage/run/group_scores.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "lineage/base/testing.h"

namespace lineage {
namespace {

TEST(GroupScores, AreTheMeanOfIndependentTasks) {
  const testing::TempFolder folder;
  Database database(folder / "scores.sqlite");
  NodeRecord node;
  node.key = "k", node.name = "a";
  database.add_node(node);
  const QuestionGroup group = {"bbh.cot", "bbh", {"x", "y"}};
  const auto measure = [&](const std::string& name, double value, double half, int64_t n) {
    ScenarioSpec spec;
    spec.name = spec.ability = name;
    spec.metric.info = {.name = "exact match"};
    Evaluation e;
    e.node = "k";
    e.scenario = {name, "", &spec, n, 0};
    Score& s = e.scores.emplace_back();
    s.estimate = {.value = value, .low = std::max(0.0, value - half), .high = value + half, .n = n};
    s.chance.uniform = 0.25, s.n = n;
    database.write(e);
  };
  measure("x", 0.2, 0.06, 250);
  EXPECT_EQ(write_group_score(database, "k", group), "");  // y is not measured
  measure("y", 0.6, 0.08, 100);
  const std::string digest = write_group_score(database, "k", group);
  const auto rows = database.scores_of("k", digest);
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].scenario, "bbh.cot");
  EXPECT_EQ(rows[0].ability, "bbh");
  EXPECT_NEAR(rows[0].score, 0.4, 1e-12);
  EXPECT_NEAR(rows[0].low, 0.35, 1e-12);  // .4 less (.06^2 + .08^2)^.5 / 2
  EXPECT_NEAR(rows[0].high, 0.45, 1e-12);
  EXPECT_EQ(rows[0].n, 350);
  EXPECT_NEAR(rows[0].chance, 0.25, 1e-12);
  measure("y", 0.6, 0.08, 100);
  EXPECT_EQ(write_group_score(database, "k", group), digest);  // the same again
  EXPECT_EQ(database.scores_of("k", digest).size(), 1u);

  measure("p", 0, 0.3, 10), measure("q", 0, 0.4, 10);
  const auto none =
      database.scores_of("k", write_group_score(database, "k", {"z", "z", {"p", "q"}}));
  EXPECT_EQ(none.at(0).low, 0);
  EXPECT_NEAR(none.at(0).high, 0.25, 1e-12);  // no task is right, which is no certainty
}

}  // namespace
}  // namespace lineage
