#include "lineage/data/permutation.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace lineage {
namespace {

TEST(Permutation, IsABijection) {
  for (int64_t n = 1; n < 300; ++n) {
    const Permutation p(Rng(7).fold(static_cast<uint64_t>(n)), n);
    std::vector<char> seen(static_cast<size_t>(n), 0);
    for (int64_t i = 0; i < n; ++i) {
      ASSERT_TRUE(p(i) >= 0 && p(i) < n);
      ASSERT_FALSE(seen[p(i)]++) << n;
    }
  }
}

TEST(Permutation, WorksOnHugeRanges) {
  const int64_t n = int64_t{1} << 40;
  const Permutation p(Rng(1), n);
  double mean = 0;
  for (int64_t i = 0; i < 1000; ++i) {
    ASSERT_TRUE(p(i) >= 0 && p(i) < n);
    mean += static_cast<double>(p(i)) / static_cast<double>(n) / 1000;
  }
  EXPECT_NEAR(mean, 0.5, 5 * std::sqrt(1.0 / 12 / 1000));  // five standard errors
}

// Over many keys each element must land everywhere equally often (chi-squared with n·n cells).
TEST(Permutation, KeysReachEveryPlaceEquallyOften) {
  for (const int64_t n : {2, 3, 5, 12}) {
    constexpr int kKeys = 20000;
    std::vector<double> count(static_cast<size_t>(n * n), 0);
    for (int key = 0; key < kKeys; ++key) {
      const Permutation p(Rng(static_cast<uint64_t>(key)).fold("test"), n);
      for (int64_t i = 0; i < n; ++i) ++count[i * n + p(i)];
    }
    const double wanted = kKeys / static_cast<double>(n);
    double chi = 0;
    for (const double c : count) chi += (c - wanted) * (c - wanted) / wanted;
    const double freedom = static_cast<double>((n - 1) * (n - 1));
    EXPECT_LT(chi, freedom + 5 * std::sqrt(2 * freedom) + 5) << n;
  }
}

TEST(Permutation, NeighboursPart) {
  const int64_t n = 1000;
  const Permutation p(Rng(3), n);
  int close = 0;
  for (int64_t i = 0; i + 1 < n; ++i) close += std::abs(p(i) - p(i + 1)) <= 2;
  EXPECT_LT(close, 15);  // 4 of 1000 are expected by chance
}

}  // namespace
}  // namespace lineage
