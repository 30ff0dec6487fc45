#include "lineage/eval/packed_scores.h"

#include <gtest/gtest.h>

#include <cmath>

namespace lineage {
namespace {

TEST(PackedScores, AFewAreFloats) {
  const std::vector<double> scores = {-0.25, -1e-3, -812.5};
  const std::string bytes = pack_scores(scores);
  EXPECT_EQ(bytes.size(), 1 + 3 * sizeof(float));
  const auto again = unpack_scores(bytes);
  ASSERT_EQ(again.size(), 3u);
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ(again[i], static_cast<float>(scores[i]));
}

TEST(PackedScores, ManyAreWithinAStepOfTheirRange) {
  std::vector<double> scores;
  for (int i = 0; i < 512; ++i) scores.push_back(-20 * std::pow(i / 511.0, 2));
  const std::string bytes = pack_scores(scores);
  EXPECT_EQ(bytes.size(), 1 + 2 * sizeof(float) + 2 * 512);
  const auto again = unpack_scores(bytes);
  ASSERT_EQ(again.size(), scores.size());
  for (size_t i = 0; i < scores.size(); ++i) EXPECT_NEAR(again[i], scores[i], 20 / 131070.0 + 1e-6);
  EXPECT_EQ(again.front(), 0);
  EXPECT_EQ(again.back(), -20);
}

TEST(PackedScores, EqualAndNone) {
  EXPECT_EQ(unpack_scores(pack_scores(std::vector<double>(40, -3.5))),
            std::vector<double>(40, -3.5));
  EXPECT_TRUE(unpack_scores(pack_scores({})).empty());
  for (const char* foreign : {"[-1, -2]", "\x01", "\x01short"})
    EXPECT_TRUE(unpack_scores(foreign).empty());
}

}  // namespace
}  // namespace lineage
