#include "lineage/eval/statistics.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "lineage/eval/distributions.h"

namespace lineage {
namespace {

TEST(Distributions, TableValues) {
  EXPECT_NEAR(normal_cdf(1.959963984540054), 0.975, 1e-14);
  EXPECT_NEAR(normal_quantile(0.975), 1.959963984540054, 1e-11);
  EXPECT_NEAR(normal_quantile(0.001), -3.090232306167813, 1e-11);
  EXPECT_NEAR(student_quantile(0.975, 1), 12.706204736432095, 1e-9);
  EXPECT_NEAR(student_quantile(0.975, 4), 2.7764451051977987, 1e-10);
  EXPECT_NEAR(student_quantile(0.95, 10), 1.8124611228107335, 1e-10);
  EXPECT_NEAR(student_quantile(0.975, 30), 2.0422724563012373, 1e-10);
  EXPECT_NEAR(student_quantile(0.025, 1067), -student_quantile(0.975, 1067), 1e-12);
  EXPECT_NEAR(student_cdf(1, 1), 0.75, 1e-13);  // the arc tangent
  EXPECT_NEAR(student_cdf(2, std::numeric_limits<double>::infinity()), normal_cdf(2), 1e-15);
  EXPECT_NEAR(incomplete_beta(2, 3, 0.4), 0.5248, 1e-13);  // 1 - P(X <= 1), X ~ B(4, .4)
  EXPECT_NEAR(binomial_cdf(1, 10, 0.5), 11.0 / 1024, 1e-14);
  EXPECT_EQ(binomial_cdf(-1, 10, 0.5), 0);
  EXPECT_EQ(binomial_cdf(10, 10, 0.5), 1);
}

// Newcombe (1998), Statistics in Medicine 17, table I, method 3.
TEST(Wilson, NewcombesTable) {
  struct Row {
    double successes, n, low, high;
  };
  for (const Row& row : {Row{81, 263, 0.2553, 0.3662}, Row{15, 148, 0.0624, 0.1605},
                         Row{0, 20, 0, 0.1611}, Row{1, 29, 0.0061, 0.1718}}) {
    const Estimate e = wilson(row.successes, row.n);
    EXPECT_NEAR(e.low, row.low, 5e-5) << row.successes << " of " << row.n;
    EXPECT_NEAR(e.high, row.high, 5e-5) << row.successes << " of " << row.n;
  }
  EXPECT_EQ(wilson(20, 20).high, 1);
  EXPECT_NEAR(wilson(20, 20).low, 1 - 0.1611, 5e-5);
}

// Whatever rounding makes of n times 1/n.
TEST(Proportion, EqualValuesKeepTheirWidth) {
  for (size_t n = 2; n <= 300; ++n)
    for (double value : {0.0, 1.0}) {
      const std::vector<double> all(n, value);
      const Estimate e = proportion({all});
      const Estimate w = wilson(value * static_cast<double>(n), static_cast<double>(n));
      ASSERT_EQ(e.value, value) << n;
      ASSERT_NEAR(e.low, w.low, 1e-15) << n;
      ASSERT_NEAR(e.high, w.high, 1e-15) << n;
    }
}

// All of one stratum right and all of the other wrong: each one's error follows from its own n.
TEST(Proportion, EqualStrataTellByTheirOwnNumbers) {
  std::vector<double> values(40, 0.0);
  std::vector<uint32_t> strata(40), clusters(40);
  for (uint32_t i = 0; i < 40; ++i) {
    values[i] = strata[i] = i % 2;
    clusters[i] = i / 4;  // ten, each in both strata
  }
  const Estimate alone = proportion({values, {}, strata});
  EXPECT_EQ(alone.value, 0.5);
  EXPECT_NEAR(alone.low, 0.5 - (1 - wilson(20, 20).low) / 2, 1e-15);
  EXPECT_NEAR(alone.high, 0.5 + wilson(0, 20).high / 2, 1e-15);
  const Estimate together = proportion({values, clusters, strata});
  EXPECT_NEAR(together.high, 0.5 + wilson(0, 10).high / 2, 1e-15);
  std::ranges::fill(values, 1.0);
  EXPECT_NEAR(proportion({values, {}, strata}).low, wilson(40, 40).low, 1e-15);
}

TEST(TInterval, HandCounted) {
  // Mean 3, variance 2.5, error sqrt(.5), t(.975, 4) = 2.776445.
  const Estimate e = t_interval(std::vector<double>{1, 2, 3, 4, 5});
  EXPECT_DOUBLE_EQ(e.value, 3);
  EXPECT_NEAR(e.error, std::sqrt(0.5), 1e-14);
  EXPECT_NEAR(e.high, 3 + 2.7764451051978 * std::sqrt(0.5), 1e-10);
  EXPECT_EQ(e.df, 4);
  EXPECT_TRUE(std::isinf(t_interval(std::vector<double>{1}).high));
}

TEST(ClusteredMean, HandCounted) {
  // Clusters {0, 0}, {1, 1}, {1, 0}: mean .5, residual sums -1, 1, 0 over 6;
  // error sqrt(3/2 (1 + 1)/36) = .288675.
  const std::vector<double> y = {0, 0, 1, 1, 1, 0};
  const std::vector<uint32_t> clusters = {0, 0, 1, 1, 2, 2};
  const Estimate e = clustered_mean({y, clusters});
  EXPECT_DOUBLE_EQ(e.value, 0.5);
  EXPECT_NEAR(e.error, std::sqrt(1.5 * 2 / 36), 1e-14);
  EXPECT_EQ(e.df, 2);
  // With every item its own cluster it is the t interval.
  EXPECT_NEAR(clustered_mean({y}).error, std::sqrt(0.3 / 6), 1e-14);
}

TEST(ClusteredMean, ClustersThatCancelClaimNoLess) {
  // Each cluster has one 0 and one 1: its sum never varies, its items do.
  const std::vector<double> y = {0, 1, 0, 1, 0, 1};
  const std::vector<uint32_t> clusters = {0, 0, 1, 1, 2, 2};
  EXPECT_NEAR(clustered_mean({y, clusters}).error, std::sqrt(0.3 / 6), 1e-14);
}

TEST(ClusteredMean, MacroAverageOverStrata) {
  // Strata of 4 and 2: means .25 and 1, macro .625, micro .5.
  const std::vector<double> y = {1, 0, 0, 0, 1, 1};
  const std::vector<uint32_t> strata = {0, 0, 0, 0, 1, 1};
  EXPECT_DOUBLE_EQ(mean({y, {}, strata}), 0.625);
  EXPECT_DOUBLE_EQ(mean({y}), 0.5);
  // Residuals /8: .75, -.25 x3, 0, 0; error sqrt(6/5 (.5625 + .1875)/64).
  EXPECT_NEAR(clustered_mean({y, {}, strata}).error, std::sqrt(1.2 * 0.75 / 64), 1e-14);
}

TEST(Proportion, IsWilsonForIndependentItems) {
  std::vector<double> y(263, 0.0);
  std::fill(y.begin(), y.begin() + 81, 1.0);
  const Estimate e = proportion({y}), w = wilson(81, 262);  // the variance is over n - 1
  EXPECT_NEAR(e.low, w.low, 2e-3);
  EXPECT_NEAR(e.high, w.high, 2e-3);
  EXPECT_DOUBLE_EQ(e.value, 81.0 / 263);
}

TEST(Proportion, ClustersCountOnce) {
  // Ten clusters of ten equal items are ten items: Wilson at n = 9 (over G - 1).
  std::vector<double> y;
  std::vector<uint32_t> clusters;
  for (uint32_t g = 0; g < 10; ++g)
    for (int i = 0; i < 10; ++i) y.push_back(g < 3), clusters.push_back(g);
  const Estimate e = proportion({y, clusters}), w = wilson(2.7, 9);
  EXPECT_NEAR(e.low, w.low, 1e-12);
  EXPECT_NEAR(e.high, w.high, 1e-12);
}

TEST(Proportion, AllWrongKeepsAWidth) {
  const std::vector<double> y(20, 0.0);
  EXPECT_EQ(proportion({y}).low, 0);
  EXPECT_NEAR(proportion({y}).high, 0.1611, 5e-5);
}

// Efron and Tibshirani (1993), chapter 14: the variance of 26 spatial abilities, 90 % intervals
// percentile (100.8, 233.9) and BCa (115.8, 259.6).
TEST(Bootstrap, SpatialTestData) {
  const std::vector<double> A = {48, 36, 20, 29, 42, 42, 20, 42, 22, 41, 45, 14, 6,
                                 0,  33, 28, 34, 4,  32, 24, 47, 41, 24, 26, 30, 41};
  const auto variance = [&](std::span<const uint32_t> units) {
    double sum = 0, squares = 0;
    for (uint32_t u : units) sum += A[u], squares += A[u] * A[u];
    const double n = static_cast<double>(units.size());
    return squares / n - sum * sum / n / n;
  };
  BootstrapOptions options{.replicates = 20000, .seed = 1, .confidence = 0.9};
  const Estimate bca = bootstrap(26, variance, options);
  EXPECT_NEAR(bca.value, 171.5, 0.05);
  EXPECT_NEAR(bca.low, 115.8, 4);
  EXPECT_NEAR(bca.high, 259.6, 6);
  options.method = BootstrapOptions::Method::percentile;
  const Estimate percentile = bootstrap(26, variance, options);
  EXPECT_NEAR(percentile.low, 100.8, 4);
  EXPECT_NEAR(percentile.high, 233.9, 5);
}

TEST(Bootstrap, SameSeedSameInterval) {
  const std::vector<double> y = {0, 1, 1, 0, 1, 0.5, 0.25, 1, 0, 0};
  const Estimate a = bootstrap_mean({y}, {.seed = 7}), b = bootstrap_mean({y}, {.seed = 7});
  EXPECT_EQ(a.low, b.low);
  EXPECT_EQ(a.high, b.high);
  EXPECT_NE(a.error, bootstrap_mean({y}, {.seed = 8}).error);
  EXPECT_DOUBLE_EQ(a.value, 0.475);
}

TEST(TwoLevel, ErrorIsThatOfBothLevels) {
  // Seeds at -1, 0, 1 and no item variance: error 1/sqrt(3); t interval half 4.3027/sqrt(3).
  const std::vector<std::vector<double>> y = {{-1, -1, -1}, {0, 0, 0}, {1, 1, 1}};
  const SeedEstimate e = two_level_bootstrap(y, {}, {}, {.replicates = 20000, .seed = 3});
  EXPECT_NEAR(e.two_level.error, 1 / std::sqrt(3.0), 0.01);
  EXPECT_NEAR(e.over_seeds.high, 4.302652729911275 / std::sqrt(3.0), 1e-9);
  EXPECT_EQ(e.seed_means, (std::vector<double>{-1, 0, 1}));
  // One seed: items only, and the seeds' interval is infinite.
  const std::vector<std::vector<double>> one = {{0, 1, 0, 1, 1}};
  const SeedEstimate single = two_level_bootstrap(one, {}, {}, {.replicates = 20000, .seed = 3});
  EXPECT_NEAR(single.two_level.error, std::sqrt(0.3 / 5), 0.01);
  EXPECT_TRUE(std::isinf(single.over_seeds.high));
}

// Fisher (1935), The Design of Experiments, section 21: Darwin's maize; 863 of 32,768 sums are as
// great as the one seen, so 1,726 in absolute value.
TEST(SignFlip, DarwinsMaize) {
  const std::vector<double> d = {49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48};
  EXPECT_NEAR(sign_flip_test(d), 1726.0 / 32768, 1e-12);
  // Drawn instead of counted: the same within the error of 9,999 draws.
  std::vector<double> longer = d;
  longer.insert(longer.end(), {1e-7, -2e-7, 3e-7, -1e-7, 2e-7, -3e-7});
  EXPECT_NEAR(sign_flip_test(longer), 1726.0 / 32768, 0.007);
  EXPECT_EQ(sign_flip_test(longer, 5), sign_flip_test(longer, 5));
}

TEST(SignFlip, EqualMagnitudesAreMcNemar) {
  EXPECT_NEAR(mcnemar(1, 9), 22.0 / 1024, 1e-14);
  EXPECT_EQ(mcnemar(0, 0), 1);
  EXPECT_EQ(mcnemar(5, 5), 1);
  std::vector<double> d(100, 0.0);  // 1 worse, 9 better, 90 equal
  std::fill(d.begin(), d.begin() + 9, 0.01);
  d[50] = -0.01;
  EXPECT_NEAR(sign_flip_test(d), 22.0 / 1024, 1e-14);
  EXPECT_EQ(sign_flip_test(std::vector<double>(5, 0.0)), 1);
}

TEST(PairedDifference, HandCounted) {
  const std::vector<double> parent = {0, 0, 0, 1, 1}, child = {1, 1, 0, 1, 0};
  const PairedDifference d = paired_difference({parent}, child);
  EXPECT_DOUBLE_EQ(d.difference.value, 0.2);
  EXPECT_EQ(d.up, 2);
  EXPECT_EQ(d.down, 1);
  EXPECT_NEAR(d.difference.error, std::sqrt((3 - 5 * 0.04) / 4 / 5), 1e-14);
  EXPECT_NEAR(d.p, 1, 1e-12);  // 2 against 1
}

TEST(PairedDifference, NoDiscordantPairKeepsAWidth) {
  const std::vector<double> y(100, 1.0);
  const PairedDifference d = paired_difference({y}, y);
  EXPECT_EQ(d.difference.value, 0);
  EXPECT_NEAR(d.difference.high, 0.03699, 1e-5);  // Wilson, 0 of 100
  EXPECT_EQ(d.p, 1);
}

TEST(Holm, HandCounted) {
  // Sorted .005 x4, .01 x3, .03 x2, .04 x1 -> .02, .03, .06, .06 (never less than before).
  const auto adjusted = holm(std::vector<double>{0.01, 0.04, 0.03, 0.005});
  EXPECT_NEAR(adjusted[0], 0.03, 1e-15);
  EXPECT_NEAR(adjusted[1], 0.06, 1e-15);
  EXPECT_NEAR(adjusted[2], 0.06, 1e-15);
  EXPECT_NEAR(adjusted[3], 0.02, 1e-15);
  EXPECT_EQ(holm(std::vector<double>{0.7, 0.9})[1], 1);
}

Estimate made(double value, double error, double df = 1000) {
  const double half = student_quantile(0.975, df) * error;
  return {value, value - half, value + half, error, df, 1000};
}

TEST(Equivalence, TwoOneSidedTests) {
  // Value .01, margin .05, error .02, normal: the larger tail is P(Z > 2) = .02275.
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_NEAR(equivalence(made(0.01, 0.02, infinity), 0.05), 0.022750131948, 1e-10);
  EXPECT_NEAR(equivalence(made(-0.01, 0.02, infinity), 0.05), 0.022750131948, 1e-10);
  EXPECT_GT(equivalence(made(0.06, 0.02), 0.05), 0.5);
  EXPECT_EQ(equivalence(t_interval(std::vector<double>{0}), 0.05), 1);
}

TEST(Verdict, FourWays) {
  const double sesoi = 0.05;
  const auto up = Claim::increase, down = Claim::decrease, same = Claim::no_change;
  EXPECT_EQ(verdict(made(0.2, 0.03), 1e-6, up, sesoi), Verdict::confirmed);
  EXPECT_EQ(verdict(made(-0.2, 0.03), 1e-6, up, sesoi), Verdict::refuted);
  EXPECT_EQ(verdict(made(-0.2, 0.03), 1e-6, down, sesoi), Verdict::confirmed);
  EXPECT_EQ(verdict(made(0.2, 0.03), 1e-6, down, sesoi), Verdict::refuted);
  EXPECT_EQ(verdict(made(0.005, 0.01), 0.6, up, sesoi), Verdict::null_within_sesoi);
  // Clear of 0, but shown to be too small to matter.
  EXPECT_EQ(verdict(made(0.01, 0.001), 1e-6, up, sesoi), Verdict::null_within_sesoi);
  EXPECT_EQ(verdict(made(0.06, 0.06), 0.3, up, sesoi), Verdict::inconclusive);
  // An adjusted p that fails.
  EXPECT_EQ(verdict(made(0.2, 0.08), 0.2, up, sesoi), Verdict::inconclusive);
  EXPECT_EQ(verdict(made(0.005, 0.01), 0.6, same, sesoi), Verdict::confirmed);
  EXPECT_EQ(verdict(made(-0.2, 0.03), 1e-6, same, sesoi), Verdict::refuted);
  EXPECT_EQ(verdict(made(0.05, 0.03), 0.1, same, sesoi), Verdict::inconclusive);
  EXPECT_EQ(verdict_name(Verdict::null_within_sesoi), "null within SESOI");
  EXPECT_EQ(verdict_name(Verdict::confirmed), "confirmed");
  EXPECT_EQ(verdict_name(Verdict::refuted), "refuted");
  EXPECT_EQ(verdict_name(Verdict::inconclusive), "inconclusive");
}

TEST(Auroc, HandCounted) {
  // Pairs of {3, 2} over {1, 2}: 1, 1; 1, .5 -> 3.5 of 4. Placements (1, .75) and, of positives
  // above each negative, (1, .75): each variance of the mean .0156.
  const Estimate e = auroc(std::vector<double>{3, 2}, std::vector<double>{1, 2});
  EXPECT_DOUBLE_EQ(e.value, 0.875);
  EXPECT_NEAR(e.error, std::sqrt(2 * 0.03125 / 2), 1e-14);
  const Estimate perfect = auroc(std::vector<double>(20, 1), std::vector<double>(30, 0));
  EXPECT_EQ(perfect.value, 1);
  EXPECT_EQ(perfect.high, 1);
  EXPECT_NEAR(perfect.low, 1 - 0.1611, 5e-5);  // as 20 of 20
}

// As Auroc.HandCounted, whose deviations are ±.125, in two clusters: of {3, 1} and {2, 2} the sums
// on either side are .0625 and -.0625. Positives 2 · (.0039 + .0039), negatives as much, and their
// covariance 2 · 2 · 2 · .0039.
TEST(Auroc, ClustersAreTheUnits) {
  const std::vector<double> positives = {3, 2}, negatives = {1, 2};
  const std::vector<uint32_t> ids = {0, 1};
  const Estimate e = clustered_auroc(positives, negatives, ids, ids);
  EXPECT_DOUBLE_EQ(e.value, 0.875);
  EXPECT_NEAR(e.error, std::sqrt(4 * 2 * 0.00390625 + 8 * 0.00390625), 1e-14);
  EXPECT_EQ(e.n, 2);
  // Each item a cluster of its own: DeLong's.
  const std::vector<uint32_t> others = {2, 3};
  EXPECT_NEAR(clustered_auroc(positives, negatives, ids, others).error,
              auroc(positives, negatives).error, 1e-14);
  // The same item ten times in its cluster tells no more than once.
  std::vector<double> many_positives, many_negatives;
  std::vector<uint32_t> many_ids;
  for (size_t i = 0; i < 20; ++i) {
    many_positives.push_back(positives[i % 2]), many_negatives.push_back(negatives[i % 2]);
    many_ids.push_back(ids[i % 2]);
  }
  EXPECT_NEAR(clustered_auroc(many_positives, many_negatives, many_ids, many_ids).error, e.error,
              1e-12);
  // Of a perfect order the clusters count: 8 of 8, however many items they hold.
  std::vector<uint32_t> eight;
  for (uint32_t i = 0; i < 80; ++i) eight.push_back(i % 8);
  const Estimate perfect =
      clustered_auroc(std::vector<double>(80, 1), std::vector<double>(80, 0), eight, eight);
  EXPECT_EQ(perfect.value, 1);
  EXPECT_EQ(perfect.n, 8);
  EXPECT_EQ(perfect.low, wilson(8, 8).low);
  const std::vector<uint32_t> one(80);
  EXPECT_EQ(clustered_auroc(std::vector<double>(80, 1), std::vector<double>(80, 0), one, eight).low,
            wilson(1, 1).low);
}

// At .5 it is Wilcoxon's null variance, (m + n + 1) / 12mn; Hanley and McNeil (1982) give .032 for
// their 51 and 58 images of area .893.
TEST(Auroc, HanleyMcNeil) {
  EXPECT_NEAR(hanley_mcneil_error(0.5, 51, 58), std::sqrt(110.0 / (12 * 51 * 58)), 1e-14);
  EXPECT_NEAR(hanley_mcneil_error(0.893, 51, 58), 0.032, 1e-3);
}

TEST(PassAtK, HandCounted) {
  EXPECT_NEAR(pass_at_k(10, 3, 1), 0.3, 1e-15);
  EXPECT_NEAR(pass_at_k(10, 3, 5), 1 - 21.0 / 252, 1e-15);
  EXPECT_EQ(pass_at_k(10, 0, 10), 0);
  EXPECT_EQ(pass_at_k(10, 6, 5), 1);
}

TEST(CalibrationError, HandCounted) {
  // Bin .9: two items, confidence .95 and .91, one right: |1.86 - 1|; bin .2: .25 wrong: .25.
  EXPECT_NEAR(
      calibration_error(std::vector<double>{0.95, 0.91, 0.25}, std::vector<double>{1, 0, 0}),
      (0.86 + 0.25) / 3, 1e-14);
  EXPECT_NEAR(calibration_error(std::vector<double>{1, 1}, std::vector<double>{1, 1}), 0, 1e-15);
}

}  // namespace
}  // namespace lineage
