#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "lineage/eval/metric_info.h"

namespace lineage {

// The numbers that the report and every claim share: means with intervals, paired differences,
// rankings. Nothing here draws from a clock or a global generator: equal input, equal output.

// A value with its interval. `error` is the standard error and `df` its degrees of freedom, for
// tests that follow; 0 where a method has none.
struct Estimate {
  double value = 0, low = 0, high = 0;
  double error = 0, df = 0;
  int64_t n = 0;  // items, or seeds
};

inline constexpr double kConfidence = 0.95;

// --- Intervals (intervals.cc) -------------------------------------------------------------------

// A proportion, by the score interval of Wilson (1927). `n` may be an effective sample size.
Estimate wilson(double successes, double n, double confidence = kConfidence);

// A mean of independent values, by Student's t. One value has an infinite interval.
Estimate t_interval(std::span<const double> values, double confidence = kConfidence);

// Values of items that need not be independent and need not weigh the same. Clusters are items that
// fail together (an entity, a template); of strata, the mean is taken over the strata's
// means, whatever their sizes (macro average). Ids are 0, 1, …, each used; empty spans: each item a
// cluster, and one stratum.
struct Items {
  std::span<const double> values;
  std::span<const uint32_t> clusters = {}, strata = {};
};

double mean(const Items&);

// The mean with its clustered standard error, sqrt(G/(G-1) sum_g (sum_{i in g} w_i (y_i - m_i))^2)
// with w_i the item's weight and m_i its stratum's mean (Binder 1983; Liang and Zeger 1986), and
// Student's t with G - 1 degrees of freedom. Where clusters are more even than by chance, the error
// of independent items is kept: few clusters are no evidence for less.
Estimate clustered_mean(const Items&, double confidence = kConfidence);

// For values in [0, 1]: Wilson's interval at the effective sample size p(1-p) / error^2 (Korn and
// Graubard 1998), which stays in [0, 1] and keeps a width where all answers are equal: there, and
// where those of each stratum are, by the widths of the strata (Zou and Donner 2008).
Estimate proportion(const Items&, double confidence = kConfidence);

// The mean with the interval for its kind: proportion() for shares, else clustered_mean() within
// the metric's range. With too few clusters the ends are infinite: there is no interval.
Estimate mean_estimate(const Items&, MetricKind, double confidence = kConfidence);

// An estimate whose finite ends lie in the metric's range.
Estimate within(Estimate, MetricKind);

// --- Bootstrap (bootstrap.cc) -------------------------------------------------------------------

struct BootstrapOptions {
  enum class Method : uint8_t { percentile, bca } method = Method::bca;
  int64_t replicates = 2000;
  uint64_t seed = 0;
  double confidence = kConfidence;
};

// A number computed from some units, by index; a unit may occur more than once.
using Statistic = std::function<double(std::span<const uint32_t> units)>;

// Efron (1987): percentile, or bias-corrected and accelerated with the jackknife's acceleration.
// `n` >= 2 units.
Estimate bootstrap(int64_t n, const Statistic&, const BootstrapOptions& = {});

// The mean over items with whole clusters resampled.
Estimate bootstrap_mean(const Items&, const BootstrapOptions& = {});

// Values by seed (row) and item (column); every seed has the same items. Each replicate draws seeds
// and then, for all of them, clusters of items. Of k units k - 1 are drawn, which makes the
// variance unbiased for few seeds (McCarthy and Snowden 1985). `over_seeds` is the t interval of
// the seeds' means: with fewer than about eight seeds trust the wider of the two.
struct SeedEstimate {
  Estimate two_level, over_seeds;
  std::vector<double> seed_means;
};
SeedEstimate two_level_bootstrap(std::span<const std::vector<double>> values,
                                 std::span<const uint32_t> clusters = {},
                                 std::span<const uint32_t> strata = {},
                                 const BootstrapOptions& = {});

// --- Contrasts (contrasts.cc) -------------------------------------------------------------------

// A child against its parent on the same items: mean difference with the clustered t interval, and
// the p-value of the sign-flip test on the clusters' sums. The test is exact for clusters of equal
// weight (binomial) and up to kExactFlips clusters that differ; else `flips` random ones are drawn.
struct PairedDifference {
  Estimate difference;
  double p = 1;
  int64_t up = 0, down = 0;  // items where the child is better, worse
};
PairedDifference paired_difference(const Items& parent, std::span<const double> child,
                                   uint64_t seed = 0, double confidence = kConfidence);

inline constexpr int64_t kExactFlips = 20;
// Two-sided: the share of sign patterns whose |sum| is at least the one seen (Fisher 1935).
double sign_flip_test(std::span<const double> differences, uint64_t seed = 0, int64_t flips = 9999);

// Exact two-sided McNemar test of b against c discordant pairs.
double mcnemar(int64_t b, int64_t c);

// Adjusted p-values in the order given (Holm 1979).
std::vector<double> holm(std::span<const double> p);

// Two one-sided t tests (Schuirmann 1987): the p-value of "the difference lies within ±margin".
double equivalence(const Estimate& difference, double margin);

enum class Claim : uint8_t { increase, decrease, no_change };
enum class Verdict : uint8_t { confirmed, refuted, null_within_sesoi, inconclusive };
std::string_view verdict_name(Verdict);

// `p` (adjusted where there are several claims) tests the difference against 0; `sesoi` is the
// smallest effect of interest. A difference shown to lie within ±sesoi is null, however small its
// p; a claim of change is refuted when the interval lies beyond sesoi on the other side, and one of
// no change when it lies beyond on either side.
Verdict verdict(const Estimate& difference, double p, Claim, double sesoi, double alpha = 0.05);

// --- Rankings, samples, calibration (measures.cc) -----------------------------------------------

// The chance that a positive scores above a negative, ties half; DeLong's standard error (DeLong et
// al. 1988) and Wilson's interval at its effective sample size. At least one of each.
Estimate auroc(std::span<const double> positives, std::span<const double> negatives,
               double confidence = kConfidence);
// The same of scores that come in clusters, each of which may have positives, negatives or both:
// the standard error of Obuchowski (1997), from the sums of the clusters' deviations, but not less
// than DeLong's, as few clusters are no evidence for less. At an AUROC of 0 or 1, and with one
// cluster on a side, Wilson's interval is that of as many items as the side with fewer clusters has
// clusters, which `n` counts.
Estimate clustered_auroc(std::span<const double> positives, std::span<const double> negatives,
                         std::span<const uint32_t> positive_clusters,
                         std::span<const uint32_t> negative_clusters,
                         double confidence = kConfidence);
// The standard error of an AUROC from its value alone (Hanley and McNeil 1982).
double hanley_mcneil_error(double auroc, int64_t positives, int64_t negatives);

// The chance that one of k samples passes when c of n did: 1 - C(n-c, k) / C(n, k) (Chen et al.
// 2021). k <= n.
double pass_at_k(int64_t n, int64_t c, int64_t k);

// Expected calibration error over bins of equal width (Guo et al. 2017). Confidences in [0, 1].
double calibration_error(std::span<const double> confidences, std::span<const double> correct,
                         int bins = 10);

}  // namespace lineage
