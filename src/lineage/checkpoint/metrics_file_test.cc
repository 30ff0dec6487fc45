#include "lineage/checkpoint/metrics_file.h"

#include <gtest/gtest.h>

#include "lineage/checkpoint/testing.h"

namespace lineage {
namespace {

using testing::TempFolder;
using testing::write_bytes;

TEST(MetricsFile, ResumingDropsStepsThatComeAgainAndHalfALine) {
  const TempFolder folder;
  const auto path = folder / "metrics.jsonl";
  write_bytes(path,
              "{\"step\":1,\"tokens\":8}\n{\"step\":2,\"tokens\":16}\n"
              "{\"step\":3,\"tokens\":24}\n{\"ste");
  MetricsWriter(path, 2).write({.step = 3, .tokens = 24, .lr = 0.5, .event = "again"});
  EXPECT_EQ(read_file(path),
            "{\"step\":1,\"tokens\":8}\n{\"step\":2,\"tokens\":16}\n"
            "{\"event\":\"again\",\"lr\":0.5,\"step\":3,\"tokens\":24}\n");
}

TEST(MetricsFile, WhatIsWrittenIsReadBack) {
  const TempFolder folder;
  const auto path = folder / "metrics.jsonl";
  EXPECT_TRUE(read_metrics_file(path).empty());
  {
    MetricsWriter writer(path, 0);
    writer.write({.step = 1,
                  .tokens = 8,
                  .lr = 0.1,
                  .grad_norm = 2,
                  .tokens_per_s = 30,
                  .mfu = 0.5,
                  .event = {},
                  .values = {{{"loss"}, 3.5}, {{"kl"}, NAN}}});
    writer.write({.step = 1, .tokens = 8, .values = {{{"accuracy", true, "books"}, 0.75}}});
  }
  const auto lines = read_metrics_file(path);
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0].tokens, 8);
  EXPECT_EQ(lines[0].lr, 0.1);
  EXPECT_EQ(lines[0].tokens_per_s, 30);
  EXPECT_EQ(lines[0].values, (MetricValues{{{"loss"}, 3.5}}));  // no number: none
  EXPECT_FALSE(lines[1].grad_norm);
  EXPECT_EQ(lines[1].values.at({"accuracy", true, "books"}), 0.75);
  write_bytes(path, "{\"step\":1}\n{\"step\":2,\"tokens\":8}\n");
  EXPECT_SAYS(read_metrics_file(path), "metrics.jsonl:1: no JSON object with tokens");
}

TEST(MetricsFile, NamesSayMetricAndPart) {
  for (const char* text : {"loss", "loss/A05", "heldout_loss", "heldout_loss/books/grammar", "kl"})
    EXPECT_EQ(MetricName::parse(text).text(), text);
  EXPECT_EQ(MetricName::parse("heldout_loss/books/grammar"),
            (MetricName{"loss", true, "books/grammar"}));
}

}  // namespace
}  // namespace lineage
