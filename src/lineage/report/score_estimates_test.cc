#include "lineage/report/score_estimates.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace lineage {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

const MetricInfo kAccuracy{.name = "accuracy"},
    kDifference{.name = "difference", .kind = MetricKind::difference},
    kWords{.name = "length", .kind = MetricKind::amount, .better = Better::neither};

RecordedScenario scenario_of(const MetricInfo& metric, const std::vector<double>& values) {
  RecordedScenario s;
  s.name = s.ability = "A15";
  s.metric = metric;
  for (const double value : values) {
    RecordedScore& r = s.scores.emplace_back();
    r.node = "n" + std::to_string(s.scores.size());
    r.n = 10;
    r.score = {value, value - 0.01, value + 0.01};
    r.log_likelihood = {std::nan(""), 0, 0};
  }
  return s;
}

// Scores of a node with a seed for each value and no common items.
std::optional<ReportScore> over_seeds_of(const RecordedScenario& s) {
  NodeAnswers node;
  for (const RecordedScore& r : s.scores) {
    node.rows.push_back(&r);
    node.items.push_back(nullptr);
  }
  return combined_score(node, "", s.metric);
}

ReportAbility row(std::optional<double> chance) {
  ReportAbility a;
  a.chance = chance;
  return a;
}

TEST(Skill, IsTheWayFromChanceToTheBestScore) {
  const auto skill = [](double value) { return skill_of(row(0.5), kAccuracy, value).value(); };
  EXPECT_EQ(skill(0.5), 0);
  EXPECT_DOUBLE_EQ(skill(0.75), 0.5);
  EXPECT_EQ(skill(1), 1);
  EXPECT_EQ(skill(0), -1);
  EXPECT_EQ(skill(0.504), 0) << "shown as .50, as chance is";
  EXPECT_DOUBLE_EQ(skill_of(row({}), kAccuracy, 0.4).value(), 0.4);
}

TEST(Skill, FollowsTheMetricsDirection) {
  const MetricInfo error{.name = "ECE", .better = Better::lower, .has_chance = false};
  EXPECT_DOUBLE_EQ(skill_of(row({}), error, 0.25).value(), 0.75);
  const MetricInfo sides{.name = "side", .better = Better::nearest, .target = 0.5};
  EXPECT_EQ(skill_of(row({}), sides, 0.5), 1);
  EXPECT_DOUBLE_EQ(skill_of(row({}), sides, 0.25).value(), 0.5);
  EXPECT_DOUBLE_EQ(skill_of(row({}), sides, 0.75).value(), 0.5);
  EXPECT_FALSE(skill_of(row({}), kWords, 3));
  const MetricInfo claims{.name = "claims", .kind = MetricKind::amount};
  EXPECT_FALSE(skill_of(row({}), claims, 3)) << "there is no most";
}

TEST(Skill, AtChanceIsAnIntervalThatReachesIt) {
  EXPECT_TRUE(at_chance(row(0.5), {0.52, 0.49, 0.55}));
  EXPECT_FALSE(at_chance(row(0.5), {0.52, 0.51, 0.55}));
  EXPECT_FALSE(at_chance(row({}), {0, 0, 0.1}));
}

// Ten items, of which the parent has so many right and the child so many.
Change change_from(const MetricInfo& metric, int parent, int child) {
  const auto items = [](int right) {
    ItemScores s;
    s.digest = "d";
    for (int i = 0; i < 400; ++i) {
      s.items.push_back(std::to_string(i)), s.cells.push_back(""), s.clusters.push_back("");
      s.scores.push_back(i % 10 < right), s.log_likelihoods.push_back(-1);
    }
    return s;
  };
  const ItemScores before = items(parent), after = items(child);
  NodeAnswers p, c;
  p.items = {&before}, c.items = {&after};
  return paired_contrast(c, p, "", metric)->change;
}

TEST(Contrast, AChangeHasTheMetricsDirection) {
  const MetricInfo error{.name = "ECE", .better = Better::lower},
      sides{.name = "side", .better = Better::nearest, .target = 0.5};
  EXPECT_EQ(change_from(kAccuracy, 2, 8), Change::better);
  EXPECT_EQ(change_from(kAccuracy, 8, 2), Change::worse);
  EXPECT_EQ(change_from(kAccuracy, 5, 5), Change::open);
  EXPECT_EQ(change_from(error, 2, 8), Change::worse);
  EXPECT_EQ(change_from(error, 8, 2), Change::better);
  EXPECT_EQ(change_from(sides, 9, 6), Change::better);
  EXPECT_EQ(change_from(sides, 5, 8), Change::worse);
  EXPECT_EQ(change_from(sides, 2, 4), Change::better);
  EXPECT_EQ(change_from(kWords, 2, 8), Change::other);
}

// Half-width of three values' t interval: 4.303 * standard deviation / sqrt(3).
TEST(CombinedScore, IntervalsEndWhereTheMetricDoes) {
  const auto gap = over_seeds_of(scenario_of(kDifference, {-0.5, -0.4, -0.3}));
  EXPECT_NEAR(gap->score->value, -0.4, 1e-12);
  EXPECT_NEAR(gap->score->low, -0.4 - 0.2484, 1e-4);
  EXPECT_NEAR(gap->score->high, -0.4 + 0.2484, 1e-4);
  EXPECT_EQ(over_seeds_of(scenario_of(kDifference, {-1, -0.9, -0.8}))->score->low, -1);
  EXPECT_EQ(over_seeds_of(scenario_of(kDifference, {1, 0.9, 0.8}))->score->high, 1);

  const auto length = over_seeds_of(scenario_of(kWords, {5, 6, 7}));
  EXPECT_NEAR(length->score->low, 6 - 2.484, 1e-3);
  EXPECT_NEAR(length->score->high, 6 + 2.484, 1e-3);
  EXPECT_EQ(over_seeds_of(scenario_of(kWords, {1, 6, 11}))->score->low, 0);

  EXPECT_EQ(over_seeds_of(scenario_of(kAccuracy, {0.9, 1, 0.8}))->score->high, 1);
  EXPECT_EQ(over_seeds_of(scenario_of(kAccuracy, {0.1, 0, 0.2}))->score->low, 0);
}

TEST(CombinedScore, OfOneSeedIsThatOfTheDatabase) {
  auto s = scenario_of(kAccuracy, {0.5});
  const auto score = over_seeds_of(s);
  EXPECT_EQ(score->score, (Interval{0.5, 0.49, 0.51}));
  EXPECT_EQ(score->items, score->score);
  EXPECT_FALSE(score->log_likelihood);  // not a number
  s.scores[0].score.high = kInfinity;
  EXPECT_EQ(over_seeds_of(s)->score->high, 1);
}

TEST(CombinedScore, IsClosedWhenHalfOfTheSeedsAre) {
  auto s = scenario_of(kAccuracy, {0.5, 0.6, 0.7, 0.8});
  s.scores[1].not_measurable = "reading is .7";
  EXPECT_TRUE(over_seeds_of(s)->score);
  s.scores[3].not_measurable = "reading is .8";
  const auto closed = over_seeds_of(s);
  EXPECT_FALSE(closed->score);
  EXPECT_EQ(closed->not_measurable, "reading is .7 (in 2 of 4 seeds)");
  EXPECT_FALSE(over_seeds_of(scenario_of(kAccuracy, {})));
}

}  // namespace
}  // namespace lineage
