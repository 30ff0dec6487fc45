#include "lineage/abilities/training_log.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <string>

#include "lineage/base/testing.h"

namespace lineage {
namespace {

TEST(TrainingLog, ReadsTheLossOfEveryStep) {
  const testing::TempFolder folder;
  const std::filesystem::path path = folder.write("metrics.jsonl",
                                                  R"({"loss":2.5,"step":1,"tokens":8}
{"heldout_loss":9.0,"step":1,"tokens":8}
{"loss":1,"step":2,"tokens":16}
{"loss":0.5,"st)");  // cut off by a kill
  EXPECT_EQ(training_losses(path), (std::vector{2.5, 1.0}));
  std::filesystem::remove(path);
  EXPECT_TRUE(training_losses(path).empty());
}

// Around 2 with a standard deviation of 1: from 9 on a step is a spike, which then widens the
// deviation of the steps after it.
TEST(TrainingLog, SpikesHandCounted) {
  std::vector<double> losses = {1, 3, 1, 3};
  const SpikeOptions of_four{.window = 4};
  EXPECT_EQ(spike_score(losses, of_four).n, 0);
  losses.push_back(8.99);
  EXPECT_EQ(spike_score(losses, of_four).value, 0);
  losses.back() = 9;
  EXPECT_EQ(spike_score(losses, of_four).value, 1);
  for (double loss : {3.0, 1.0, 3.0, 9.0}) losses.push_back(loss);  // the last after 9, 3, 1, 3
  const Estimate e = spike_score(losses, of_four);
  EXPECT_EQ(e.n, 5);
  EXPECT_DOUBLE_EQ(e.value, 0.2);
  EXPECT_LT(e.low, e.value);
}

TEST(TrainingLog, AFlatLossHasNoSpike) {
  EXPECT_EQ(spike_score(std::vector<double>(20, 1.5), {.window = 4}).value, 0);
}

}  // namespace
}  // namespace lineage
