#include "lineage/base/rng.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <set>
#include <vector>

namespace lineage {
namespace {

using Words = std::array<uint32_t, 4>;

// Philox4x32-10 written from the paper (section 3.3 and table 2), to hold the published answers
// and Rng to each other: Rng's counters reach only one of those.
Words philox(Words c, uint32_t k0, uint32_t k1) {
  const auto high = [](uint64_t a, uint64_t b) { return static_cast<uint32_t>((a * b) >> 32); };
  for (int round = 0; round < 10; ++round, k0 += 0x9E3779B9, k1 += 0xBB67AE85)
    c = {high(0xCD9E8D57, c[2]) ^ c[1] ^ k0, 0xCD9E8D57 * c[2], high(0xD2511F53, c[0]) ^ c[3] ^ k1,
         0xD2511F53 * c[0]};
  return c;
}

// Random123 1.14, tests/kat_vectors, philox4x32 with 10 rounds.
TEST(Rng, PhiloxMatchesItsKnownAnswers) {
  constexpr uint32_t kOnes = 0xffffffff;
  EXPECT_EQ(philox({}, 0, 0), (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox({kOnes, kOnes, kOnes, kOnes}, kOnes, kOnes),
            (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, 0xa4093822, 0x299f31d0),
            (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Rng, DrawsAndFoldsArePhiloxOfKeyAndIndex) {
  const auto low = [](uint64_t x) { return static_cast<uint32_t>(x); };
  const auto high = [](uint64_t x) { return static_cast<uint32_t>(x >> 32); };
  const auto first = [](const Words& w) { return static_cast<uint64_t>(w[1]) << 32 | w[0]; };
  for (const uint64_t key : {0ull, 1ull, 0x123456789abcdef0ull, ~0ull})
    for (const uint64_t i : {0ull, 7ull, 0x100000000ull, ~0ull}) {
      EXPECT_EQ(Rng(key).bits(i), first(philox({low(i), high(i), 0, 0}, low(key), high(key))));
      EXPECT_EQ(Rng(key).fold(i).key(),
                first(philox({low(i), high(i), 1, 0}, low(key), high(key))));
    }
}

TEST(Rng, IsConstexpr) {
  static_assert(Rng(0).bits(0) == 0xe169c58d6627e8d5ull);
  static_assert(Rng(1).fold("dropout").fold(3).key() != Rng(1).fold("dropout").fold(4).key());
}

// 2^16 draws: a mean's standard error is 0.0011; bins of 256 have chi^2 of 255 +- 22.6.
template <class Draw>
void expect_uniform(const Draw& draw) {
  constexpr int kDraws = 1 << 16, kBins = 256;
  std::vector<int> count(kBins);
  double sum = 0;
  for (int i = 0; i < kDraws; ++i) {
    const double u = draw(static_cast<uint64_t>(i));
    ASSERT_GE(u, 0);
    ASSERT_LT(u, 1);
    sum += u;
    ++count[u * kBins];
  }
  double chi2 = 0;
  for (int n : count) chi2 += std::pow(n - kDraws / kBins, 2) / (kDraws / kBins);
  EXPECT_NEAR(sum / kDraws, 0.5, 0.006);
  EXPECT_NEAR(chi2, 255, 5 * 22.6);
}

TEST(Rng, DrawsAreUniform) {
  const Rng rng = Rng(7).fold("test");
  expect_uniform([&](uint64_t i) { return rng.uniform(i); });
  expect_uniform([&](uint64_t i) { return rng.uniform_double(i); });
  expect_uniform([&](uint64_t i) { return static_cast<double>(rng.below(1024, i)) / 1024; });
  // Neighbouring keys and keys folded from neighbouring tags are no less random than one key.
  expect_uniform([&](uint64_t i) { return Rng(i).uniform(0); });
  expect_uniform([&](uint64_t i) { return rng.fold(i).uniform(0); });
}

TEST(Rng, EveryBitIsFair) {
  const Rng rng(3);
  constexpr int kDraws = 1 << 14;  // a count's standard deviation is 64
  std::vector<int> ones(64);
  for (uint64_t i = 0; i < kDraws; ++i)
    for (size_t b = 0; b < 64; ++b) ones[b] += rng.bits(i) >> b & 1;
  for (int n : ones) EXPECT_NEAR(n, kDraws / 2, 5 * 64);
}

TEST(Rng, NormalHasTheRightMoments) {
  const Rng rng(11);
  constexpr int kDraws = 1 << 17;
  double m1 = 0, m2 = 0, m3 = 0, m4 = 0;
  for (uint64_t i = 0; i < kDraws; ++i) {
    const double x = rng.normal(i);
    ASSERT_TRUE(std::isfinite(x));
    m1 += x, m2 += x * x, m3 += x * x * x, m4 += x * x * x * x;
  }
  // Five standard errors each: sqrt(1, 2, 15, 96) / sqrt(kDraws).
  EXPECT_NEAR(m1 / kDraws, 0, 0.014);
  EXPECT_NEAR(m2 / kDraws, 1, 0.020);
  EXPECT_NEAR(m3 / kDraws, 0, 0.054);
  EXPECT_NEAR(m4 / kDraws, 3, 0.136);
}

TEST(Rng, ADrawDependsOnKeyAndIndexAlone) {
  const Rng rng = Rng(5).fold("shuffle");
  std::vector<uint64_t> forward, backward;
  for (uint64_t i = 0; i < 100; ++i) forward.push_back(rng.bits(i));
  for (uint64_t i = 100; i-- > 0;) backward.push_back(Rng(5).fold("shuffle").bits(i));
  std::reverse(backward.begin(), backward.end());
  EXPECT_EQ(forward, backward);
}

TEST(Rng, FoldedKeysDiffer) {
  std::set<uint64_t> keys;
  const Rng rng(0);
  for (uint64_t tag = 0; tag < 1000; ++tag) keys.insert(rng.fold(tag).key());
  for (const char* tag : {"", "a", "b", "ab", "ba", "dropout"}) keys.insert(rng.fold(tag).key());
  keys.insert(rng.fold("a").fold("b").key());
  keys.insert(rng.fold("b").fold("a").key());
  EXPECT_EQ(keys.size(), 1008u);
  EXPECT_NE(rng.fold(uint64_t{0}).key(), rng.bits(0)) << "a fold and a draw share a block";
}

TEST(Rng, BelowStaysBelow) {
  const Rng rng(1);
  std::set<uint64_t> seen;
  for (uint64_t i = 0; i < 200; ++i) seen.insert(rng.below(6, i));
  EXPECT_EQ(seen, (std::set<uint64_t>{0, 1, 2, 3, 4, 5}));
  for (uint64_t i = 0; i < 100; ++i) {
    EXPECT_EQ(rng.below(1, i), 0u);
    EXPECT_LT(rng.below(~0ull, i), ~0ull);
  }
}

}  // namespace
}  // namespace lineage
