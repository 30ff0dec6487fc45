#include "lineage/stages/reward_report.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace lineage {
namespace {

// Two answers of different length, the first worth more, and ranked so.
LabeledComparison comparison(const std::string& kind, size_t better_tokens, size_t worse_tokens) {
  LabeledComparison c;
  c.kind = kind;
  c.comparison.prompt = {1};
  c.comparison.answers = {Tokens(better_tokens, 2), Tokens(worse_tokens, 3)};
  c.comparison.ranks = {1, 2};
  c.readings.resize(2);
  c.readings[0].terms[enum_index(UtilityTerm::truth)] = 1;
  return c;
}

// Length alone guesses by one rule, whichever fits all pairs better, for every kind.
TEST(RewardReport, LengthAloneGoesByOneRule) {
  LabeledComparisons data;
  data.heldout = {comparison("page", 5, 2), comparison("page", 4, 2), comparison("told_400", 1, 3)};
  const nlohmann::json report = reward_report(data, {{1, 0}, {0, 1}, {2, 1}});
  EXPECT_NEAR(report.at("utility").at("share").get<double>(), 2.0 / 3, 1e-9);
  EXPECT_NEAR(report.at("length_only").at("share").get<double>(), 2.0 / 3, 1e-9);  // the longer one
  EXPECT_EQ(report.at("length_only_by_kind").at("page").at("share"), 1);
  EXPECT_EQ(report.at("length_only_by_kind").at("told_400").at("share"), 0);
  EXPECT_EQ(report.at("by_kind").at("page").at("share"), 0.5);
  EXPECT_EQ(report.at("by_term").at("truth").at("pairs"), 3);
}

}  // namespace
}  // namespace lineage
