#include "lineage/data/heldout_split.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "lineage/base/rng.h"

namespace lineage {
namespace {

TEST(HeldoutSplit, ManyDocumentsAreSplitByTheirHashesAlone) {
  Rng rng(1);
  std::vector<HashedSize> documents;
  for (uint64_t i = 0; i < 10'000; ++i) documents.push_back({rng.fold(i).key(), 100});
  EXPECT_EQ(heldout_border(documents, 0.1, true), first_border(0.1));
  EXPECT_EQ(heldout_border(documents, 0, true), HeldoutBorder{});
}

TEST(HeldoutSplit, FewDocumentsAreSplitByBytesInTheOrderOfTheirHashes) {
  std::vector<HashedSize> documents = {{30, 100}, {10, 50}, {20, 850}};
  // 100 of 1,000 bytes: the first document by hash, and 50 of the second.
  EXPECT_EQ(heldout_border(documents, 0.1, true), (HeldoutBorder{20, 50}));
  std::ranges::reverse(documents);
  EXPECT_EQ(heldout_border(documents, 0.1, true), (HeldoutBorder{20, 50}));
  // Uncut, to the nearest document, and never all.
  EXPECT_EQ(heldout_border(documents, 0.1, false), (HeldoutBorder{20, 0}));
  EXPECT_EQ(heldout_border(documents, 0.6, false), (HeldoutBorder{21, 0}));
  EXPECT_EQ(heldout_border(documents, 0.99, false), (HeldoutBorder{30, 0}));
  EXPECT_EQ(heldout_border({{10, 100}}, 0.9, false), (HeldoutBorder{10, 0}));
  EXPECT_EQ(heldout_border({{10, 100}}, 1, false), (HeldoutBorder{10, 0}));
}

TEST(HeldoutSplit, EqualDocumentsAreCutAlike) {
  EXPECT_EQ(heldout_border({{10, 100}, {10, 100}, {20, 200}}, 0.25, true), (HeldoutBorder{10, 50}));
}

TEST(HeldoutSplit, CutsAtAParagraphElseALineElseAWordElseACharacter) {
  const auto after = [](std::string_view text, int64_t tail) {
    const size_t at = heldout_cut(text, tail);
    return at == std::string_view::npos ? "-" : std::string(text.substr(at));
  };
  EXPECT_EQ(after("aaaa\nbbbb\n\ncc\ndd", 6), "cc\ndd");
  EXPECT_EQ(after("aaaa\nbbbb\ncccc\n", 6), "cccc\n");
  EXPECT_EQ(after("aaaa bbbb cccc", 5), "cccc");
  EXPECT_EQ(after("aaaaaaaaaa", 3), "aaa");
  EXPECT_EQ(after("\xE2\x82\xAC\xE2\x82\xAC\xE2\x82\xAC", 2), "\xE2\x82\xAC");
  EXPECT_EQ(after("a\n\n\n\n\n", 3), "-") << "the tail would be blank";
  EXPECT_EQ(after("text", 0), "-");
  EXPECT_EQ(after("text", 4), "-");
}

}  // namespace
}  // namespace lineage
