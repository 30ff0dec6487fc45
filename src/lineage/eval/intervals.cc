#include <algorithm>
#include <cassert>
#include <cmath>
#include <iterator>
#include <limits>
#include <map>
#include <numeric>
#include <set>

#include "lineage/eval/distributions.h"
#include "lineage/eval/statistics.h"
#include "lineage/eval/weights.h"

namespace lineage {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

double count_of(size_t n) { return static_cast<double>(n); }

// The standard error of a sum of independent terms with expectation 0.
double error_of_sum(std::span<const double> terms) {
  const double k = count_of(terms.size());
  const double squares = std::inner_product(terms.begin(), terms.end(), terms.begin(), 0.0);
  return std::sqrt(k / (k - 1) * squares);
}

}  // namespace

std::vector<double> item_weights(size_t n, std::span<const uint32_t> strata) {
  assert(strata.empty() || strata.size() == n);
  if (strata.empty()) return std::vector<double>(n, 1 / count_of(n));
  std::vector<double> sizes(*std::ranges::max_element(strata) + size_t{1}, 0.0);
  for (uint32_t s : strata) ++sizes[s];
  std::vector<double> weights(n);
  for (size_t i = 0; i < n; ++i) weights[i] = 1 / (count_of(sizes.size()) * sizes[strata[i]]);
  return weights;
}

std::vector<double> cluster_sums(std::span<const double> values,
                                 std::span<const uint32_t> clusters) {
  if (clusters.empty()) return {values.begin(), values.end()};
  assert(clusters.size() == values.size());
  std::vector<double> sums(*std::ranges::max_element(clusters) + size_t{1}, 0.0);
  for (size_t i = 0; i < values.size(); ++i) sums[clusters[i]] += values[i];
  return sums;
}

Estimate wilson(double successes, double n, double confidence) {
  assert(n > 0 && successes >= 0 && successes <= n);
  const double z = normal_quantile(0.5 + confidence / 2), p = successes / n;
  const double middle = (p + z * z / (2 * n)) / (1 + z * z / n);
  const double half = z / (1 + z * z / n) * std::sqrt(p * (1 - p) / n + z * z / (4 * n * n));
  return {.value = p,
          .low = successes == 0 ? 0 : std::max(0.0, middle - half),
          .high = successes == n ? 1 : std::min(1.0, middle + half),
          .error = std::sqrt(p * (1 - p) / n),
          .df = kInfinity,
          .n = std::llround(n)};
}

Estimate t_interval(std::span<const double> values, double confidence) {
  return clustered_mean({.values = values}, confidence);
}

double mean(const Items& items) {
  const auto weights = item_weights(items.values.size(), items.strata);
  return std::inner_product(weights.begin(), weights.end(), items.values.begin(), 0.0);
}

Estimate clustered_mean(const Items& items, double confidence) {
  const size_t n = items.values.size();
  assert(n > 0);
  const auto weights = item_weights(n, items.strata);
  std::vector<double> stratum_means(1, 0.0), residuals(n);
  if (!items.strata.empty())
    stratum_means.assign(*std::ranges::max_element(items.strata) + size_t{1}, 0.0);
  const auto stratum = [&](size_t i) { return items.strata.empty() ? 0u : items.strata[i]; };
  const double strata = count_of(stratum_means.size());
  for (size_t i = 0; i < n; ++i) stratum_means[stratum(i)] += strata * weights[i] * items.values[i];
  for (size_t i = 0; i < n; ++i)
    residuals[i] = weights[i] * (items.values[i] - stratum_means[stratum(i)]);

  const auto sums = cluster_sums(residuals, items.clusters);
  const double value = mean(items), df = count_of(sums.size()) - 1;
  if (sums.size() < 2) return {value, -kInfinity, kInfinity, kInfinity, 0, static_cast<int64_t>(n)};
  const double error = std::max(error_of_sum(sums), error_of_sum(residuals));
  const double half = student_quantile(0.5 + confidence / 2, df) * error;
  return {value, value - half, value + half, error, df, static_cast<int64_t>(n)};
}

namespace {

// Where the items of each stratum are equal: Wilson's interval of the strata that share a value,
// and for several such groups that of linear combinations (MOVER; Zou and Donner 2008).
Estimate of_equal_items(const Items& items, double confidence) {
  struct Group {
    std::set<uint32_t> strata, units;  // a unit: a cluster
  };
  std::map<double, Group> groups;  // by value
  for (uint32_t i = 0; i < items.values.size(); ++i) {
    Group& group = groups[std::clamp(items.values[i], 0.0, 1.0)];
    group.strata.insert(items.strata.empty() ? 0 : items.strata[i]);
    group.units.insert(items.clusters.empty() ? i : items.clusters[i]);
  }
  double strata = 0, value = 0, below = 0, above = 0;
  for (const auto& [p, group] : groups) strata += count_of(group.strata.size());
  for (const auto& [p, group] : groups) {
    const double n = count_of(group.units.size()), share = count_of(group.strata.size()) / strata;
    const Estimate w = wilson(p * n, n, confidence);
    value += share * p;
    below = std::hypot(below, share * (p - w.low)), above = std::hypot(above, share * (w.high - p));
  }
  return {value, value - below, value + above};
}

}  // namespace

constexpr double kRounding = 1e-9;  // of a weighted sum: seven sevenths are not 1

Estimate proportion(const Items& items, double confidence) {
  Estimate e = clustered_mean(items, confidence);
  if (e.error <= kRounding) {
    const Estimate equal = of_equal_items(items, confidence);
    e.value = equal.value, e.low = equal.low, e.high = equal.high;
    return e;
  }
  // Values that are no 0s and 1s vary less than these; their effective n may exceed the items'. One
  // cluster alone counts as one item.
  const double p = std::clamp(e.value, 0.0, 1.0), variance = p * (1 - p);
  const double n = std::isfinite(e.error) && variance > 0 ? variance / (e.error * e.error) : 1;
  const Estimate w = wilson(p * n, n, confidence);
  e.low = w.low, e.high = w.high;
  return e;
}

Estimate within(Estimate e, MetricKind kind) {
  const MetricRange range = metric_range(kind);
  for (double* end : {&e.low, &e.high})
    if (std::isfinite(*end)) *end = std::clamp(*end, range.low, range.high);
  return e;
}

Estimate mean_estimate(const Items& items, MetricKind kind, double confidence) {
  if (kind == MetricKind::share) return proportion(items, confidence);
  Estimate e = clustered_mean(items, confidence);
  // Equal values have no spread that an interval could follow from, however many they are.
  if (e.error <= kRounding) e.low = -kInfinity, e.high = kInfinity;
  return within(e, kind);
}

}  // namespace lineage
