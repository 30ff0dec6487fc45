#include <algorithm>
#include <bit>
#include <cassert>
#include <cmath>
#include <numeric>

#include "lineage/base/rng.h"
#include "lineage/eval/distributions.h"
#include "lineage/eval/statistics.h"
#include "lineage/eval/weights.h"

namespace lineage {
namespace {

// The share of all 2^n sign patterns; in Gray code each differs from the last by one sign.
double exact_flips(std::span<const double> d, double seen) {
  const uint64_t patterns = uint64_t{1} << d.size();
  std::vector<bool> negative(d.size(), false);
  double sum = std::accumulate(d.begin(), d.end(), 0.0);
  uint64_t as_extreme = std::abs(sum) >= seen;
  for (uint64_t i = 1; i < patterns; ++i) {
    const auto bit = static_cast<size_t>(std::countr_zero(i));
    sum += negative[bit] ? 2 * d[bit] : -2 * d[bit];
    negative[bit] = !negative[bit];
    as_extreme += std::abs(sum) >= seen;
  }
  return static_cast<double>(as_extreme) / static_cast<double>(patterns);
}

// (1 + as extreme) / (1 + drawn) keeps the test valid (Phipson and Smyth 2010).
double random_flips(std::span<const double> d, double seen, uint64_t seed, int64_t flips) {
  const Rng rng = Rng(seed).fold("sign-flip");
  constexpr int64_t kSumsAtOnce = 4;  // summed at once: each sum waits for itself
  int64_t as_extreme = 0;
  for (int64_t first = 0; first < flips; first += kSumsAtOnce) {
    double sums[kSumsAtOnce] = {};
    uint64_t bits[kSumsAtOnce] = {};
    for (size_t i = 0; i < d.size(); ++i)
      for (int64_t a = 0; a < kSumsAtOnce; ++a) {
        if (i % 64 == 0) bits[a] = rng.fold(static_cast<uint64_t>(first + a)).bits(i / 64);
        sums[a] += std::bit_cast<double>(std::bit_cast<uint64_t>(d[i]) ^ (bits[a] << 63));  // ±
        bits[a] >>= 1;
      }
    for (int64_t a = 0; a < std::min(kSumsAtOnce, flips - first); ++a)
      as_extreme += std::abs(sums[a]) >= seen;
  }
  return static_cast<double>(1 + as_extreme) / static_cast<double>(1 + flips);
}

}  // namespace

double mcnemar(int64_t b, int64_t c) {
  if (b + c == 0) return 1;
  return std::min(1.0, 2 * binomial_cdf(std::min(b, c), b + c, 0.5));
}

double sign_flip_test(std::span<const double> differences, uint64_t seed, int64_t flips) {
  std::vector<double> d;
  double largest = 0;
  for (double x : differences)
    if (x != 0) d.push_back(x), largest = std::max(largest, std::abs(x));
  if (d.empty()) return 1;
  constexpr double kSame = 1e-9;  // rounding of sums of weights
  const auto up = std::ranges::count_if(d, [](double x) { return x > 0; });
  if (std::ranges::all_of(d, [&](double x) { return largest - std::abs(x) <= kSame * largest; }))
    return mcnemar(up, static_cast<int64_t>(d.size()) - up);
  const double seen = std::abs(std::accumulate(d.begin(), d.end(), 0.0)) - kSame * largest;
  return static_cast<int64_t>(d.size()) <= kExactFlips ? exact_flips(d, seen)
                                                       : random_flips(d, seen, seed, flips);
}

PairedDifference paired_difference(const Items& parent, std::span<const double> child,
                                   uint64_t seed, double confidence) {
  const size_t n = child.size();
  assert(parent.values.size() == n && n > 0);
  const auto weights = item_weights(n, parent.strata);
  std::vector<double> differences(n), weighted(n);
  PairedDifference result;
  for (size_t i = 0; i < n; ++i) {
    differences[i] = child[i] - parent.values[i];
    weighted[i] = weights[i] * differences[i];
    result.up += differences[i] > 0;
    result.down += differences[i] < 0;
  }
  const auto sums = cluster_sums(weighted, parent.clusters);
  Estimate& e = result.difference;
  e = clustered_mean({differences, parent.clusters, parent.strata}, confidence);
  if (result.up + result.down == 0) {
    // No discordant pair among G: as many as Wilson's bound for 0 of G may exist all the same.
    const double bound = wilson(0, static_cast<double>(sums.size()), confidence).high;
    e.low = -bound, e.high = bound;
    e.error = bound / normal_quantile(0.5 + confidence / 2);
  }
  result.p = sign_flip_test(sums, seed);
  return result;
}

std::vector<double> holm(std::span<const double> p) {
  std::vector<size_t> order(p.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::stable_sort(order, {}, [&](size_t i) { return p[i]; });
  std::vector<double> adjusted(p.size());
  double largest = 0;
  for (size_t rank = 0; rank < order.size(); ++rank) {
    largest = std::max(largest, p[order[rank]] * static_cast<double>(order.size() - rank));
    adjusted[order[rank]] = std::min(1.0, largest);
  }
  return adjusted;
}

double equivalence(const Estimate& difference, double margin) {
  if (!std::isfinite(difference.error) || difference.df <= 0) return 1;
  const auto [value, error] = std::pair(difference.value, difference.error);
  if (error == 0) return std::abs(value) < margin ? 0 : 1;
  const double above_low = 1 - student_cdf((value + margin) / error, difference.df);
  const double below_high = student_cdf((value - margin) / error, difference.df);
  return std::max(above_low, below_high);
}

std::string_view verdict_name(Verdict v) {
  switch (v) {
    case Verdict::confirmed:
      return "confirmed";
    case Verdict::refuted:
      return "refuted";
    case Verdict::null_within_sesoi:
      return "null within SESOI";
    case Verdict::inconclusive:
      return "inconclusive";
  }
  return "";
}

Verdict verdict(const Estimate& difference, double p, Claim claim, double sesoi, double alpha) {
  const bool null = equivalence(difference, sesoi) <= alpha;
  if (claim == Claim::no_change) {
    if (null) return Verdict::confirmed;
    const bool beyond = difference.low > sesoi || difference.high < -sesoi;
    return beyond ? Verdict::refuted : Verdict::inconclusive;
  }
  if (null) return Verdict::null_within_sesoi;
  const double sign = claim == Claim::increase ? 1 : -1;
  if (p <= alpha && sign * difference.value > 0) return Verdict::confirmed;
  const double best = claim == Claim::increase ? difference.high : -difference.low;
  return best < -sesoi ? Verdict::refuted : Verdict::inconclusive;
}

}  // namespace lineage
