#include "lineage/data/mixture.h"

#include <cmath>
#include <set>

#include "lineage/data/testing.h"

namespace lineage {
namespace {

using namespace lineage::testing;

// Example i of dataset d is the tokens (d, i).
DatasetPtr numbered(int d, int size) {
  std::vector<Example> examples;
  for (int i = 0; i < size; ++i) examples.push_back({{d, i}, {1, 1}, {}});
  return examples_dataset("d" + std::to_string(d), std::move(examples));
}

// Brown et al. 2020, table 2.2, in rows of a hundred million tokens.
std::vector<Share> gpt3() {
  return {{numbered(0, 4100), 60},
          {numbered(1, 190), 22},
          {numbered(2, 120), 8},
          {numbered(3, 550), 8},
          {numbered(4, 30), 3}};
}

TEST(Mixture, SharesHoldAfterEveryBlock) {
  const int64_t block = 128;
  const Mixture mixture(gpt3(), 1, block);
  const double weights[] = {60, 22, 8, 8, 3};
  std::vector<int64_t> count(5, 0);
  for (int64_t n = 0; n < block * 50; ++n) {
    if (n % block == 0) {
      for (size_t i = 0; i < 5; ++i)
        EXPECT_LT(
            std::abs(static_cast<double>(count[i]) - static_cast<double>(n) * weights[i] / 101),
            1 + 1e-6);
    }
    if (n % 37 == 0) {
      for (size_t i = 0; i < 5; ++i)
        ASSERT_EQ(mixture.rows_from(static_cast<int64_t>(i), n), count[i]) << n;
    }
    ++count[mixture.pick(n).dataset];
  }
}

TEST(Mixture, EpochsAreWholeAndInAnotherOrderEachTime) {
  const Mixture mixture({{numbered(0, 10), 1}, {numbered(1, 1000), 1}}, 3, 16);
  std::vector<std::vector<int64_t>> order;
  for (int64_t n = 0; n < 2000; ++n) {
    const Mixture::Pick p = mixture.pick(n);
    if (p.dataset != 0) continue;
    order.resize(std::max(order.size(), static_cast<size_t>(p.epoch) + 1));
    order[p.epoch].push_back(p.index);
  }
  ASSERT_GE(order.size(), 99u);
  std::set<std::vector<int64_t>> orders;
  for (size_t e = 0; e + 1 < order.size(); ++e) {
    // A block deals its places by a permutation, so an epoch's rows come together but not in order.
    EXPECT_EQ(std::set<int64_t>(order[e].begin(), order[e].end()).size(), 10u) << e;
    orders.insert(order[e]);
  }
  EXPECT_GT(orders.size(), 95u);
}

TEST(Mixture, ABlockOfAnEpochHoldsOtherRowsEachTime) {
  const Mixture mixture({{numbered(0, 64), 1}}, 3, 16);
  std::set<std::set<int64_t>> first_blocks;
  for (int64_t epoch = 0; epoch < 10; ++epoch) {
    std::set<int64_t> rows;
    for (int64_t n = 0; n < 16; ++n) rows.insert(mixture.pick(epoch * 64 + n).index);
    first_blocks.insert(rows);
  }
  EXPECT_EQ(first_blocks.size(), 10u);
}

TEST(Mixture, EpochsMatchTheTable) {
  const Mixture mixture(gpt3(), 1);
  const int64_t rows = 3000;                             // GPT-3's 300 billion tokens
  const double printed[] = {0.44, 3.4, 2.0, 0.43, 3.0};  // at 60/22/8/8/3 of 101
  for (int64_t i = 0; i < 5; ++i) EXPECT_NEAR(mixture.epochs(i, rows), printed[i], 0.07) << i;
  EXPECT_EQ(mixture.epochs(0, 0), 0);
}

TEST(Mixture, AnyRowMayBeAskedForAtAnyTime) {
  const Mixture a(gpt3(), 9), b(gpt3(), 9), c(gpt3(), 10);
  int same = 0;
  for (int64_t n = 5000; n-- > 0;) {
    const Mixture::Pick p = a.pick(n), q = b.pick(n), r = c.pick(n);
    ASSERT_EQ(std::tie(p.dataset, p.epoch, p.index), std::tie(q.dataset, q.epoch, q.index));
    same += p.dataset == r.dataset && p.index == r.index;
    EXPECT_EQ(a.row(n).tokens,
              (std::vector<Token>{static_cast<Token>(p.dataset), static_cast<Token>(p.index)}));
  }
  EXPECT_LT(same, 100);
}

TEST(Mixture, BatchesOfRanksArePiecesOfTheWhole) {
  const Mixture mixture(gpt3(), 9);
  const BatchOptions options{.context = 2};
  const auto whole = mixture.batch(96, 8, options).tokens;
  for (int64_t rank = 0; rank < 4; ++rank) {
    const auto piece = mixture.batch(96 + rank * 2, 2, options).tokens;
    const auto wanted = whole.data<int32_t>().subspan(static_cast<size_t>(rank) * 4, 4);
    EXPECT_TRUE(std::equal(wanted.begin(), wanted.end(), piece.data<int32_t>().begin()));
  }
}

TEST(Mixture, OneSourceIsShuffledEpochAfterEpoch) {
  const Mixture mixture({{numbered(0, 7), 0.5}}, 1, 4);
  for (int64_t epoch = 0; epoch < 5; ++epoch) {
    std::set<int64_t> seen;
    for (int64_t n = 0; n < 28; ++n)
      if (mixture.pick(n).epoch == epoch) seen.insert(mixture.pick(n).index);
    EXPECT_EQ(seen.size(), epoch < 4 ? 7u : 0u);
  }
}

TEST(Mixture, WeightOfZeroGivesNoRow) {
  const Mixture mixture({{numbered(0, 0), 0}, {numbered(1, 3), 2}, {numbered(2, 3), 0}}, 1);
  for (int64_t n = 0; n < 3000; ++n) ASSERT_EQ(mixture.pick(n).dataset, 1);
  EXPECT_EQ(mixture.epochs(0, 3000), 0);
}

TEST(Mixture, DigestHoldsAllThatDeterminesIt) {
  std::set<std::string> digests;
  for (const uint64_t seed : {1, 2})
    for (const double w : {1.0, 2.0})
      for (const int size : {3, 4})
        digests.insert(Mixture({{numbered(0, size), w}, {numbered(1, 3), 1}}, seed).digest());
  EXPECT_EQ(digests.size(), 8u);
  // Only the proportion of weights matters.
  EXPECT_EQ(Mixture({{numbered(0, 3), 2}, {numbered(1, 3), 2}}, 1).digest(),
            Mixture({{numbered(0, 3), 1}, {numbered(1, 3), 1}}, 1).digest());
}

TEST(Mixture, WeightsThatCannotBeAreErrors) {
  EXPECT_EQ(error_of([] {
              Mixture({{numbered(0, 0), 1}}, 1);
            }),
            "mixture: d0 has no row; wanted at least one (two tokens make a row)");
  EXPECT_EQ(error_of([] {
              Mixture({{numbered(0, 3), -1}}, 1);
            }),
            "mixture: weight of d0 is -1; wanted a number of at least 0");
  EXPECT_EQ(error_of([] {
              Mixture({{numbered(0, 3), std::nan("")}}, 1);
            }),
            "mixture: weight of d0 is nan; wanted a number of at least 0");
  EXPECT_EQ(error_of([] {
              Mixture({{numbered(0, 3), 0}}, 1);
            }),
            "mixture: all 1 weights are 0; wanted a positive one");
}

}  // namespace
}  // namespace lineage
