#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "lineage/base/rng.h"
#include "lineage/eval/distributions.h"
#include "lineage/eval/statistics.h"

// Every interval is put to the only test that counts: data are drawn from a known truth many times,
// and a 95 % interval must hold it in 95 % of them. Bounds allow three errors of the simulation and
// the known error of the method (Wilson's coverage swings with n and p; the percentile bootstrap
// and few seeds fall short by a little).
namespace lineage {
namespace {

double coverage(double truth, int trials, const std::function<Estimate(Rng)>& experiment) {
  int covered = 0;
  for (int t = 0; t < trials; ++t) {
    const Estimate e = experiment(Rng(20).fold(static_cast<uint64_t>(t)));
    covered += e.low <= truth && truth <= e.high;
  }
  return covered / static_cast<double>(trials);
}

double binomial_probability(int64_t k, int64_t n, double p) {
  return binomial_cdf(k, n, p) - binomial_cdf(k - 1, n, p);
}

TEST(Coverage, WilsonIsExactToCount) {
  double sum = 0;
  int cases = 0;
  for (int64_t n : {20, 100, 400, 1068})
    for (double p : {0.04, 0.1, 0.25, 0.5, 0.9}) {
      double covered = 0;
      for (int64_t k = 0; k <= n; ++k) {
        const Estimate e = wilson(static_cast<double>(k), static_cast<double>(n));
        if (e.low <= p && p <= e.high) covered += binomial_probability(k, n, p);
      }
      EXPECT_GT(covered, 0.92) << n << " " << p;
      EXPECT_LT(covered, 0.98) << n << " " << p;
      sum += covered, ++cases;
    }
  EXPECT_NEAR(sum / cases, 0.95, 0.01);
}

TEST(Coverage, ProportionOfIndependentItems) {
  for (size_t n : {50, 400})
    for (double p : {0.05, 0.5, 0.8}) {
      const double c = coverage(p, 2000, [&](Rng rng) {
        std::vector<double> y(n);
        for (size_t i = 0; i < n; ++i) y[i] = rng.uniform(i) < p;
        return proportion({y});
      });
      EXPECT_NEAR(c, 0.95, 0.025) << n << " " << p;
    }
}

// Clusters of 1 to 12 items whose probability is p - .2 or p + .2, in two strata of unlike size.
TEST(Coverage, ProportionOfClustersAndStrata) {
  constexpr double p = 0.4;
  const auto draw = [](Rng rng, std::vector<double>& y, std::vector<uint32_t>& clusters,
                       std::vector<uint32_t>& strata) {
    for (uint32_t g = 0; g < 60; ++g) {
      const Rng of = rng.fold(g);
      const double q = of.uniform(0) < 0.5f ? p - 0.2 : p + 0.2;
      const uint64_t size = 1 + of.below(12, 1);
      for (uint64_t i = 0; i < size; ++i) {
        y.push_back(of.uniform(2 + i) < q);
        clusters.push_back(g);
        strata.push_back(g % 3 == 0);
      }
    }
  };
  const auto covered = [&](auto&& estimate) {
    return coverage(p, 2000, [&](Rng rng) {
      std::vector<double> y;
      std::vector<uint32_t> clusters, strata;
      draw(rng, y, clusters, strata);
      return estimate(y, clusters, strata);
    });
  };
  EXPECT_NEAR(covered([](auto& y, auto& c, auto&) { return proportion({y, c}); }), 0.95, 0.02);
  EXPECT_NEAR(covered([](auto& y, auto& c, auto& s) {
                return proportion({y, c, s});
              }),
              0.95, 0.025);
  EXPECT_NEAR(covered([](auto& y, auto& c, auto&) { return clustered_mean({y, c}); }), 0.95, 0.02);
  // The clusters matter: without them the interval is too narrow.
  EXPECT_LT(covered([](auto& y, auto&, auto&) { return proportion({y}); }), 0.91);
}

TEST(Coverage, BootstrapOfASkewedMean) {
  for (const auto method : {BootstrapOptions::Method::percentile, BootstrapOptions::Method::bca}) {
    const double c = coverage(1, 600, [&](Rng rng) {
      std::vector<double> y(80);
      for (size_t i = 0; i < y.size(); ++i) y[i] = -std::log(1 - rng.uniform_double(i));
      return bootstrap_mean({y}, {.method = method, .replicates = 600, .seed = rng.key()});
    });
    EXPECT_NEAR(c, 0.94, 0.03);
  }
}

// Seeds with a standard deviation of 4 points, items crossed with them.
TEST(Coverage, TwoLevel) {
  for (size_t seeds : {5, 8}) {
    const auto experiment = [&](Rng rng) {
      std::vector<std::vector<double>> y(seeds, std::vector<double>(60));
      for (size_t i = 0; i < 60; ++i)
        for (size_t s = 0; s < seeds; ++s)
          y[s][i] = 0.04 * rng.fold("seed").normal(s) + 0.2 * rng.fold("item").normal(i) +
                    0.3 * rng.fold("rest").normal(s * 60 + i);
      return two_level_bootstrap(y, {}, {}, {.replicates = 600, .seed = rng.key()});
    };
    const double both = coverage(0, 600, [&](Rng rng) { return experiment(rng).two_level; });
    EXPECT_NEAR(both, 0.95, 0.04) << seeds;
  }
  // No item effect shared by the seeds: their t interval is exact.
  const double over_seeds = coverage(0, 2000, [&](Rng rng) {
    std::vector<double> means(5);
    for (size_t s = 0; s < 5; ++s) means[s] = rng.normal(s);
    return t_interval(means);
  });
  EXPECT_NEAR(over_seeds, 0.95, 0.015);
}

TEST(Coverage, PairedDifferenceAndItsTest) {
  int rejected = 0, trials = 0;
  const double c = coverage(0.1, 2000, [&](Rng rng) {
    std::vector<double> parent(200), child(200);
    for (size_t i = 0; i < 200; ++i) {  // up .2, down .1
      const float u = rng.uniform(i);
      parent[i] = u < 0.1f || u > 0.7f, child[i] = u >= 0.1f && (u < 0.3f || u > 0.7f);
    }
    return paired_difference({parent}, child).difference;
  });
  EXPECT_NEAR(c, 0.95, 0.02);
  // Under no difference the test rejects in at most 5 %.
  for (uint64_t t = 0; t < 2000; ++t, ++trials) {
    const Rng rng = Rng(4).fold(t);
    std::vector<double> d(12);
    for (size_t i = 0; i < d.size(); ++i) d[i] = rng.normal(i);
    rejected += sign_flip_test(d) <= 0.05;
  }
  EXPECT_NEAR(rejected / static_cast<double>(trials), 0.05, 0.015);
}

TEST(Coverage, AurocOfTwoNormals) {
  for (double shift : {0.0, 1.0, 2.0}) {
    const double truth = normal_cdf(shift / std::sqrt(2.0));
    const double c = coverage(truth, 1000, [&](Rng rng) {
      std::vector<double> positives(60), negatives(40);
      for (size_t i = 0; i < 60; ++i) positives[i] = rng.normal(i) + shift;
      for (size_t i = 0; i < 40; ++i) negatives[i] = rng.normal(1000 + i);
      return auroc(positives, negatives);
    });
    EXPECT_NEAR(c, 0.95, 0.025) << shift;
  }
}

}  // namespace
}  // namespace lineage
