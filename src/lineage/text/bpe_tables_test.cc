#include "lineage/text/bpe_tables.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "lineage/text/bpe_train.h"
#include "lineage/text/testing.h"

namespace lineage {
namespace {

// Joins the first pair of least rank until none is left, by the definition.
std::vector<Token> naive_merges(const std::vector<BpeModel::Merge>& merges,
                                std::vector<Token> symbols) {
  for (;;) {
    size_t best_rank = merges.size(), at = 0;
    for (size_t i = 0; i + 1 < symbols.size(); ++i)
      for (size_t rank = 0; rank < best_rank; ++rank)
        if (merges[rank].left == symbols[i] && merges[rank].right == symbols[i + 1])
          best_rank = rank, at = i;
    if (best_rank == merges.size()) return symbols;
    symbols[at] = merges[best_rank].result;
    symbols.erase(symbols.begin() + static_cast<ptrdiff_t>(at) + 1);
  }
}

// Symbols 0 to 3, and merges among them and earlier results.
std::vector<BpeModel::Merge> random_merges(Rng rng, int count) {
  std::vector<BpeModel::Merge> merges;
  for (int i = 0; i < count; ++i) {
    const auto pick = [&](uint64_t k) {
      return static_cast<Token>(rng.below(4 + merges.size(), static_cast<uint64_t>(2 * i) + k));
    };
    const BpeModel::Merge merge{pick(0), pick(1), static_cast<Token>(4 + merges.size())};
    const bool known = std::any_of(merges.begin(), merges.end(), [&](const auto& m) {
      return m.left == merge.left && m.right == merge.right;
    });
    if (!known) merges.push_back(merge);
  }
  // Ranks need not follow the order in which tokens build on each other.
  for (size_t i = merges.size(); i > 1; --i)
    std::swap(merges[i - 1], merges[rng.fold("swap").below(i, i)]);
  return merges;
}

TEST(BpeTables, ShortAndLongSequencesMergeByTheDefinition) {
  for (uint64_t seed = 0; seed < 600; ++seed) {
    const Rng rng(seed);
    const auto merges = random_merges(rng, 30);
    PairTable pairs;
    pairs.build(merges);
    const size_t size = rng.fold("size").below(seed % 3 == 0 ? 300 : 60, 0);
    std::vector<Token> symbols;
    for (size_t i = 0; i < size; ++i)
      symbols.push_back(static_cast<Token>(rng.fold("symbol").below(seed % 2 ? 4 : 2, i)));
    const std::vector<Token> expected = naive_merges(merges, symbols);
    symbols.resize(apply_merges(pairs, symbols));
    ASSERT_EQ(symbols, expected) << "seed " << seed;
  }
}

TEST(BpeTables, ShortPiecesDifferByLengthAndEveryByte) {
  const std::string text("\0\0ab\0cdefghijklmnopqrstuvwxyz", 30);
  std::vector<std::pair<std::string, ShortPiece>> seen;
  for (size_t at = 0; at < text.size(); ++at)
    for (size_t size = 1; size <= ShortPiece::kMaxBytes && at + size <= text.size(); ++size) {
      const ShortPiece near_end = ShortPiece::read(text.data() + at, size, size);
      EXPECT_EQ(ShortPiece::read(text.data() + at, size, text.size() - at), near_end);
      for (const auto& [bytes, piece] : seen)
        EXPECT_EQ(piece == near_end, bytes == text.substr(at, size));
      seen.emplace_back(text.substr(at, size), near_end);
    }
}

// From ids alone, the merges are found again that made the tokens.
TEST(BpeTables, MergesFollowFromRanks) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    std::string text;
    for (uint64_t i = 0; i < 30; ++i)
      text += testing::random_text(Rng(seed).fold(i), 60, testing::hard_parts(true));
    const auto tokenizer =
        train_bpe({.vocab = 256 + 200, .specials = {}}, std::vector<std::string_view>{text});
    const BpeModel& model = tokenizer->model();
    EXPECT_EQ(merges_from_ranks(model.tokens, "ranks"), model.merges) << "seed " << seed;
  }
}

}  // namespace
}  // namespace lineage
