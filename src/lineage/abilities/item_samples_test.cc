#include "lineage/abilities/item_samples.h"

#include <gtest/gtest.h>

#include "lineage/base/digest.h"

namespace lineage {
namespace {

std::vector<SampleKind> kinds() {
  WorldConfig config;
  config.persons = 0.02;
  return item_samples(std::make_shared<const World>(config));
}

TEST(ItemSamples, HaveATagForEachToken) {
  for (const SampleKind& kind : kinds()) {
    const std::vector<Sample> samples = kind.samples(3, 2);
    ASSERT_EQ(samples.size(), 2u) << kind.name;
    for (const Sample& s : samples) {
      ASSERT_FALSE(s.parts.empty()) << kind.name;
      for (const SamplePart& p : s.parts) {
        EXPECT_FALSE(p.tokens.empty()) << kind.name << " " << p.name;
        EXPECT_EQ(p.tokens.size(), p.tags.size()) << kind.name;
      }
      EXPECT_FALSE(sample_text(s, true).empty());
    }
    EXPECT_NE(sample_text(samples[0], false), sample_text(samples[1], false)) << kind.name;
  }
}

// As Gallery.EveryCompilerMakesTheSameWorld: every published score is measured on these items.
TEST(ItemSamples, EveryCompilerMakesTheSameItems) {
  Digest digest;
  for (const SampleKind& kind : kinds())
    for (const Sample& s : kind.samples(0, 40))
      digest.field(kind.name).field(sample_text(s, false));
  EXPECT_EQ(digest.hex().substr(0, 16), "f229e56aa7d4bd3f");
}

TEST(ItemSamples, AreFoundByAbility) { EXPECT_GT(find_kinds(kinds(), "A12").size(), 10u); }

}  // namespace
}  // namespace lineage
