#include <algorithm>
#include <cassert>
#include <cmath>
#include <map>
#include <numeric>
#include <set>

#include "lineage/eval/statistics.h"

namespace lineage {
namespace {

// For each x, the share of the sorted `others` below it, ties half.
std::vector<double> placements(std::span<const double> x, std::span<const double> others) {
  std::vector<double> result;
  for (double v : x) {
    const auto [first, last] = std::equal_range(others.begin(), others.end(), v);
    const auto below = static_cast<double>(first - others.begin());
    const auto ties = static_cast<double>(last - first);
    result.push_back((below + ties / 2) / static_cast<double>(others.size()));
  }
  return result;
}

std::vector<double> sorted(std::span<const double> values) {
  std::vector<double> copy(values.begin(), values.end());
  std::ranges::sort(copy);
  return copy;
}

// The variance of the mean of the values.
double variance_of_mean(std::span<const double> values) {
  const double n = static_cast<double>(values.size());
  if (n < 2) return 0;
  const double average = std::accumulate(values.begin(), values.end(), 0.0) / n;
  double squares = 0;
  for (double v : values) squares += (v - average) * (v - average);
  return squares / (n - 1) / n;
}

}  // namespace

Estimate auroc(std::span<const double> positives, std::span<const double> negatives,
               double confidence) {
  assert(!positives.empty() && !negatives.empty());
  const auto above = placements(positives, sorted(negatives));
  const auto below = placements(negatives, sorted(positives));
  const double m = static_cast<double>(above.size()), n = static_cast<double>(below.size());
  const double value = std::accumulate(above.begin(), above.end(), 0.0) / m;
  const double error = std::sqrt(variance_of_mean(above) + variance_of_mean(below));
  const double variance = value * (1 - value);
  const double effective = error > 0 && variance > 0 ? variance / (error * error) : std::min(m, n);
  const Estimate interval = wilson(value * effective, effective, confidence);
  return {value, interval.low, interval.high, error, m + n - 2, static_cast<int64_t>(m + n)};
}

Estimate clustered_auroc(std::span<const double> positives, std::span<const double> negatives,
                         std::span<const uint32_t> positive_clusters,
                         std::span<const uint32_t> negative_clusters, double confidence) {
  assert(!positives.empty() && !negatives.empty());
  assert(positives.size() == positive_clusters.size());
  assert(negatives.size() == negative_clusters.size());
  const auto above = placements(positives, sorted(negatives));
  const auto below = placements(negatives, sorted(positives));
  const double m = static_cast<double>(above.size()), n = static_cast<double>(below.size());
  const double value = std::accumulate(above.begin(), above.end(), 0.0) / m;
  // Each cluster's deviation on either side; the product of the two is their covariance.
  std::map<uint32_t, double> by_positives, by_negatives;
  for (size_t i = 0; i < above.size(); ++i)
    by_positives[positive_clusters[i]] += (above[i] - value) / m;
  for (size_t i = 0; i < below.size(); ++i)
    by_negatives[negative_clusters[i]] += (1 - below[i] - value) / n;
  std::set<uint32_t> all(positive_clusters.begin(), positive_clusters.end());
  all.insert(negative_clusters.begin(), negative_clusters.end());
  const double p = static_cast<double>(by_positives.size()),
               q = static_cast<double>(by_negatives.size()), both = static_cast<double>(all.size());
  const double fewest = std::min(p, q);
  double variance = 0;
  if (fewest > 1) {
    for (const auto& [id, x] : by_positives) variance += p / (p - 1) * x * x;
    for (const auto& [id, y] : by_negatives) {
      variance += q / (q - 1) * y * y;
      if (const auto x = by_positives.find(id); x != by_positives.end())
        variance += 2 * both / (both - 1) * x->second * y;
    }
    variance = std::max(variance, variance_of_mean(above) + variance_of_mean(below));
  }
  const double spread = value * (1 - value);
  const double effective = variance > 0 && spread > 0 ? spread / variance : fewest;
  const Estimate interval = wilson(value * effective, effective, confidence);
  return {value,         interval.low,
          interval.high, std::sqrt(variance),
          fewest - 1,    static_cast<int64_t>(fewest)};
}

double hanley_mcneil_error(double auroc, int64_t positives, int64_t negatives) {
  const double A = auroc, m = static_cast<double>(positives), n = static_cast<double>(negatives);
  const double q1 = A / (2 - A), q2 = 2 * A * A / (1 + A);
  return std::sqrt((A * (1 - A) + (m - 1) * (q1 - A * A) + (n - 1) * (q2 - A * A)) / (m * n));
}

double pass_at_k(int64_t n, int64_t c, int64_t k) {
  assert(0 <= c && c <= n && 1 <= k && k <= n);
  if (n - c < k) return 1;
  double none = 1;
  for (int64_t i = n - c + 1; i <= n; ++i)
    none *= 1 - static_cast<double>(k) / static_cast<double>(i);
  return 1 - none;
}

double calibration_error(std::span<const double> confidences, std::span<const double> correct,
                         int bins) {
  assert(confidences.size() == correct.size() && bins > 0);
  std::vector<double> gap(static_cast<size_t>(bins), 0.0);  // summed confidence - correct
  for (size_t i = 0; i < confidences.size(); ++i) {
    const auto bin = static_cast<size_t>(confidences[i] * bins);
    gap[std::min(bin, gap.size() - 1)] += confidences[i] - correct[i];
  }
  double sum = 0;
  for (double g : gap) sum += std::abs(g);
  return confidences.empty() ? 0 : sum / static_cast<double>(confidences.size());
}

}  // namespace lineage
