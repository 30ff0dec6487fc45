#include "lineage/trace/score_estimates.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace lineage {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

RecordedScenario scenario_of(const std::string& metric, const std::vector<double>& values) {
  RecordedScenario s;
  s.name = s.ability = "A15";
  s.metric = metric;
  if (metric == "words") s.kind = MetricKind::amount;
  if (metric == "difference") s.kind = MetricKind::difference;
  for (const double value : values) {
    RecordedScore& r = s.scores.emplace_back();
    r.node = "n" + std::to_string(s.scores.size());
    r.n = 10;
    r.headline = {value, value - 0.01, value + 0.01};
    r.graded = {std::nan(""), 0, 0};
  }
  return s;
}

// As of a node with a seed for each value and no items in common.
std::optional<ReportScore> over_seeds_of(const RecordedScenario& s) {
  NodeAnswers node;
  for (const RecordedScore& r : s.scores) {
    node.rows.push_back(&r);
    node.items.push_back(nullptr);
  }
  return combined_score(node, "", metric_range(s.kind));
}

TEST(MetricRange, WhatHasNoWrongAnswersHasNoChance) {
  EXPECT_TRUE(has_chance("accuracy"));
  EXPECT_TRUE(has_chance("difference"));
  EXPECT_FALSE(has_chance("words"));
  EXPECT_FALSE(has_chance("nats"));
  EXPECT_FALSE(has_chance("ECE"));
  EXPECT_FALSE(has_chance("log-odds"));
  EXPECT_FALSE(has_chance("errors a step"));
}

// Half-width of three values' t interval: 4.303 * standard deviation / sqrt(3).
TEST(CombinedScore, IntervalsEndWhereTheMetricDoes) {
  const auto gap = over_seeds_of(scenario_of("difference", {-0.5, -0.4, -0.3}));
  EXPECT_NEAR(gap->headline->value, -0.4, 1e-12);
  EXPECT_NEAR(gap->headline->low, -0.4 - 0.2484, 1e-4);
  EXPECT_NEAR(gap->headline->high, -0.4 + 0.2484, 1e-4);
  EXPECT_EQ(over_seeds_of(scenario_of("difference", {-1, -0.9, -0.8}))->headline->low, -1);
  EXPECT_EQ(over_seeds_of(scenario_of("difference", {1, 0.9, 0.8}))->headline->high, 1);

  const auto length = over_seeds_of(scenario_of("words", {5, 6, 7}));
  EXPECT_NEAR(length->headline->low, 6 - 2.484, 1e-3);
  EXPECT_NEAR(length->headline->high, 6 + 2.484, 1e-3);
  EXPECT_EQ(over_seeds_of(scenario_of("words", {1, 6, 11}))->headline->low, 0);

  EXPECT_EQ(over_seeds_of(scenario_of("accuracy", {0.9, 1, 0.8}))->headline->high, 1);
  EXPECT_EQ(over_seeds_of(scenario_of("accuracy", {0.1, 0, 0.2}))->headline->low, 0);
}

TEST(CombinedScore, OfOneSeedIsThatOfTheDatabase) {
  auto s = scenario_of("accuracy", {0.5});
  const auto score = over_seeds_of(s);
  EXPECT_EQ(score->headline, (Interval{0.5, 0.49, 0.51}));
  EXPECT_EQ(score->items, score->headline);
  EXPECT_FALSE(score->graded);  // not a number
  s.scores[0].headline.high = kInfinity;
  EXPECT_EQ(over_seeds_of(s)->headline->high, 1);
}

TEST(CombinedScore, IsClosedWhenHalfOfTheSeedsAre) {
  auto s = scenario_of("accuracy", {0.5, 0.6, 0.7, 0.8});
  s.scores[1].gate = "reading is .7";
  EXPECT_TRUE(over_seeds_of(s)->headline);
  s.scores[3].gate = "reading is .8";
  const auto closed = over_seeds_of(s);
  EXPECT_FALSE(closed->headline);
  EXPECT_EQ(closed->gate, "reading is .7 (in 2 of 4 seeds)");
  EXPECT_FALSE(over_seeds_of(scenario_of("accuracy", {})));
}

}  // namespace
}  // namespace lineage
