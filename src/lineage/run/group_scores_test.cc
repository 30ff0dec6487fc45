#include "lineage/run/group_scores.h"

#include <gtest/gtest.h>

#include <cmath>

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
  const auto measure = [&](const std::string& name, double value, double error, int64_t n) {
    ScenarioSpec spec;
    spec.name = spec.ability = name;
    spec.metric.info = {.name = "exact match"};
    Evaluation e;
    e.node = "k";
    e.scenario = {name, "", &spec, n, 0};
    Score& s = e.scores.emplace_back();
    s.estimate = {.value = value, .low = 0, .high = 1, .error = error, .n = n};
    s.chance.uniform = 0.25, s.n = n;
    database.write(e);
  };
  measure("x", 0.2, 0.03, 250);
  EXPECT_EQ(write_group_score(database, "k", group), "");  // y is not measured
  measure("y", 0.6, 0.04, 100);
  const std::string digest = write_group_score(database, "k", group);
  const auto rows = database.scores_of("k", digest);
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].scenario, "bbh.cot");
  EXPECT_EQ(rows[0].ability, "bbh");
  EXPECT_NEAR(rows[0].score, 0.4, 1e-12);
  EXPECT_NEAR(rows[0].high - rows[0].low, 2 * 1.959964 * 0.025, 1e-6);
  EXPECT_EQ(rows[0].n, 350);
  EXPECT_NEAR(rows[0].chance, 0.25, 1e-12);
  measure("y", 0.6, 0.04, 100);
  EXPECT_EQ(write_group_score(database, "k", group), digest);  // the same again
  EXPECT_EQ(database.scores_of("k", digest).size(), 1u);
}

}  // namespace
}  // namespace lineage
