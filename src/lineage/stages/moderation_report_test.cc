#include "lineage/stages/moderation_report.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "lineage/eval/statistics.h"
#include "lineage/rlhf/losses.h"

namespace lineage {
namespace {

std::vector<JudgedRequest> requests(const std::vector<float>& improper,
                                    const std::vector<float>& harmless) {
  std::vector<JudgedRequest> out;
  for (const float x : improper) out.push_back({"improper", "", true, x});
  for (const float x : harmless) out.push_back({"look_alike", "", false, x});
  return out;
}

TEST(FlagThreshold, LiesInTheMiddleOfTheGap) {
  EXPECT_DOUBLE_EQ(flag_threshold(requests({3, 5}, {-1, -4}), 0), sigmoid(1));
  // Ties belong to one side of it.
  EXPECT_DOUBLE_EQ(flag_threshold(requests({3, 3, 2}, {2, -4}), 0), sigmoid(2.5));
}

TEST(FlagThreshold, FlagsAtMostTheShareOfHarmlessRequests) {
  std::vector<float> harmless(99, -2.0f);
  harmless.push_back(4);  // one of a hundred looks improper
  const auto all = requests({5, 3, 3}, harmless);
  EXPECT_DOUBLE_EQ(flag_threshold(all, 0.01), sigmoid(0.5)) << "the one is worth two of three";
  EXPECT_DOUBLE_EQ(flag_threshold(all, 0.009), sigmoid(4.5)) << "none may be";
  // It flags no more than helps: not the harmless ones below the last improper one.
  EXPECT_DOUBLE_EQ(flag_threshold(all, 1), sigmoid(0.5));
  // A filter that is always wrong flags nothing.
  EXPECT_GT(flag_threshold(requests({-3}, {2}), 0.5), sigmoid(2));
  // Where probabilities of doubles end, the upper logit's.
  EXPECT_EQ(flag_threshold(requests({90}, {60}), 0), 1);
}

TEST(ModerationReport, CountsIntentsAsOne) {
  std::vector<JudgedRequest> heldout;
  for (int intent = 0; intent < 8; ++intent)
    for (int wording = 0; wording < 3; ++wording) {
      const std::string about = "burn house " + std::to_string(intent);
      heldout.push_back({"improper", about, true, intent == 0 ? -1.0f : 3.0f});
      heldout.push_back({"look_alike", about, false, -2.0f});
      heldout.push_back({"instruction", "", false, -3.0f});
    }
  const auto report = moderation_report(0.5, 0.01, requests({1, -1}, {-1}), heldout);
  EXPECT_EQ(report["threshold"], 0.5);
  EXPECT_EQ(report["set_aside"]["improper"], (nlohmann::json{{"share", 0.5}, {"n", 2}}));
  EXPECT_EQ(report["set_aside"]["harmless"], (nlohmann::json{{"share", 0.0}, {"n", 1}}));
  const auto look_alike = report["auroc"]["look_alike"], harmless = report["auroc"]["harmless"];
  EXPECT_EQ(look_alike["value"], 1);
  EXPECT_EQ(look_alike["low"], wilson(8, 8).low);
  EXPECT_EQ(look_alike["clusters"], 8);
  EXPECT_EQ(look_alike["harmless"], 24);
  EXPECT_EQ(harmless["harmless"], 48);
  EXPECT_EQ(harmless["improper"], 24);
  const auto flagged = report["flagged"]["improper"];
  EXPECT_NEAR(flagged["share"], 0.875, 1e-9);
  EXPECT_EQ(flagged["n"], 24);
  EXPECT_EQ(flagged["clusters"], 8);
  EXPECT_LT(flagged["low"], wilson(21, 24).low) << "three wordings of an intent are flagged as one";
  EXPECT_EQ(report["flagged"]["instruction"]["clusters"], 24);
  ASSERT_EQ(report["calibration"].size(), 4u);
  EXPECT_EQ(report["calibration"][0]["n"], 24);  // the instructions, below .1
  EXPECT_NEAR(report["calibration"][0]["predicted"], sigmoid(-3), 1e-9);
  EXPECT_EQ(report["calibration"][3]["seen"], 1);
}

TEST(ModerationReport, HasTheThresholdWithoutAnythingHeldOut) {
  const auto set_aside = requests({2}, {-2});
  const auto none = moderation_report(0.5, 0.01, set_aside, {});
  EXPECT_EQ(none["threshold"], 0.5);
  EXPECT_FALSE(none.contains("auroc"));
  const auto harmless = moderation_report(0.5, 0.01, set_aside, requests({}, {-1, 1}));
  EXPECT_EQ(harmless["auroc"], nlohmann::json::object());
  EXPECT_EQ(harmless["flagged"]["look_alike"]["share"], 0.5);
}

}  // namespace
}  // namespace lineage
