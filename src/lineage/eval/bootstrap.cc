#include <algorithm>
#include <cassert>
#include <cmath>
#include <numeric>

#include "lineage/base/rng.h"
#include "lineage/eval/distributions.h"
#include "lineage/eval/statistics.h"
#include "lineage/eval/weights.h"

namespace lineage {
namespace {

// Between order statistics (Hyndman and Fan 1996, type 7). `sorted` is not empty.
double quantile(std::span<const double> sorted, double p) {
  const double place = std::clamp(p, 0.0, 1.0) * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<size_t>(place);
  const size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (place - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

double standard_deviation(std::span<const double> values) {
  const double n = static_cast<double>(values.size());
  const double average = std::accumulate(values.begin(), values.end(), 0.0) / n;
  double squares = 0;
  for (double v : values) squares += (v - average) * (v - average);
  return std::sqrt(squares / (n - 1));
}

// Efron's acceleration from the values with each unit left out.
double acceleration(std::span<const double> jackknife) {
  const double average = std::accumulate(jackknife.begin(), jackknife.end(), 0.0) /
                         static_cast<double>(jackknife.size());
  double squares = 0, cubes = 0;
  for (double v : jackknife) {
    const double d = average - v;
    squares += d * d, cubes += d * d * d;
  }
  return squares > 0 ? cubes / (6 * std::pow(squares, 1.5)) : 0;
}

// The interval of sorted replicates; the two quantiles that BCa moves.
void set_interval(Estimate& e, std::vector<double>& replicates, double confidence, double bias,
                  double a) {
  std::ranges::sort(replicates);
  const auto moved = [&](double p) {
    const double z = bias + normal_quantile(p);
    return normal_cdf(bias + z / (1 - a * z));
  };
  e.low = quantile(replicates, moved((1 - confidence) / 2));
  e.high = quantile(replicates, moved((1 + confidence) / 2));
  e.error = standard_deviation(replicates);
}

constexpr size_t kAbreast = 4;  // replicates summed at once: each sum waits for itself

// As Rng::below() makes a number of random bits.
size_t scaled(uint64_t bits, size_t n) {
  __extension__ using Wide = unsigned __int128;
  return static_cast<size_t>((static_cast<Wide>(bits) * n) >> 64);
}

// The random bits of two-level replicates. They depend on nothing but the seed, so the first of
// them are kept: a report asks for the same ones thousands of times.
class TwoLevelDraws {
 public:
  explicit TwoLevelDraws(uint64_t seed)
      : rng_(Rng(seed).fold("two-level")), kept_(seed == 0 ? &kept_of_seed_0() : nullptr) {}

  size_t seed(size_t replicate, size_t i, size_t seeds) const {
    return rng_.fold(2 * replicate).below(seeds, i);
  }
  // The draws of the kAbreast replicates from `first` on, n of each: [i * kAbreast + replicate].
  std::span<const uint64_t> clusters(size_t first, size_t n, std::vector<uint64_t>& scratch) const {
    if (kept_ && first + kAbreast <= kReplicates && n <= kDraws)
      return std::span(*kept_).subspan(first * kDraws, n * kAbreast);
    scratch.resize(n * kAbreast);
    fill(rng_, first, n, scratch.data());
    return scratch;
  }

 private:
  static constexpr size_t kReplicates = 1000, kDraws = 1280;  // 10 MB

  static void fill(const Rng& rng, size_t first, size_t n, uint64_t* to) {
    for (size_t a = 0; a < kAbreast; ++a) {
      const Rng draws = rng.fold(2 * (first + a) + 1);
      for (size_t i = 0; i < n; ++i) to[i * kAbreast + a] = draws.bits(i);
    }
  }
  static const std::vector<uint64_t>& kept_of_seed_0() {
    static const std::vector<uint64_t> kept = [] {
      std::vector<uint64_t> bits(kReplicates * kDraws);
      const Rng rng = Rng(0).fold("two-level");
      for (size_t r = 0; r < kReplicates; r += kAbreast)
        fill(rng, r, kDraws, bits.data() + r * kDraws);
      return bits;
    }();
    return kept;
  }

  Rng rng_;
  const std::vector<uint64_t>* kept_;
};

}  // namespace

Estimate bootstrap(int64_t n, const Statistic& statistic, const BootstrapOptions& options) {
  assert(n >= 2 && options.replicates >= 2);
  const auto size = static_cast<size_t>(n);
  std::vector<uint32_t> units(size);
  std::iota(units.begin(), units.end(), 0u);
  Estimate e{.value = statistic(units), .df = static_cast<double>(n - 1), .n = n};

  std::vector<double> replicates(static_cast<size_t>(options.replicates));
  std::vector<uint32_t> drawn(size);
  const Rng rng = Rng(options.seed).fold("bootstrap");
  for (size_t r = 0; r < replicates.size(); ++r) {
    const Rng draws = rng.fold(r);
    for (size_t i = 0; i < size; ++i) drawn[i] = static_cast<uint32_t>(draws.below(size, i));
    replicates[r] = statistic(drawn);
  }
  double bias = 0, a = 0;
  if (options.method == BootstrapOptions::Method::bca) {
    // Half of the ties: a statistic of few values is often equal to the one seen.
    double below = 0;
    for (double v : replicates) below += v < e.value ? 1 : v == e.value ? 0.5 : 0;
    const double share = below / static_cast<double>(options.replicates);
    const double edge = 0.5 / static_cast<double>(options.replicates);
    bias = normal_quantile(std::clamp(share, edge, 1 - edge));
    std::vector<double> jackknife(size);
    for (size_t left_out = 0; left_out < size; ++left_out) {
      std::vector<uint32_t> rest = units;
      rest.erase(rest.begin() + static_cast<int64_t>(left_out));
      jackknife[left_out] = statistic(rest);
    }
    a = acceleration(jackknife);
  }
  set_interval(e, replicates, options.confidence, bias, a);
  return e;
}

Estimate bootstrap_mean(const Items& items, const BootstrapOptions& options) {
  const size_t n = items.values.size();
  const auto weights = item_weights(n, items.strata);
  std::vector<double> weighted(n);
  for (size_t i = 0; i < n; ++i) weighted[i] = weights[i] * items.values[i];
  const auto sums = cluster_sums(weighted, items.clusters);
  const auto sizes = cluster_sums(weights, items.clusters);
  Estimate e = bootstrap(
      static_cast<int64_t>(sums.size()),
      [&](std::span<const uint32_t> units) {
        double sum = 0, size = 0;
        for (uint32_t u : units) sum += sums[u], size += sizes[u];
        return sum / size;
      },
      options);
  e.n = static_cast<int64_t>(n);
  return e;
}

SeedEstimate two_level_bootstrap(std::span<const std::vector<double>> values,
                                 std::span<const uint32_t> clusters,
                                 std::span<const uint32_t> strata,
                                 const BootstrapOptions& options) {
  assert(!values.empty() && !values[0].empty());
  const size_t n = values[0].size();
  const auto weights = item_weights(n, strata);
  const auto sizes = cluster_sums(weights, clusters);
  std::vector<std::vector<double>> sums;  // by seed and cluster
  SeedEstimate result;
  for (const auto& row : values) {
    assert(row.size() == n);
    std::vector<double> weighted(n);
    for (size_t i = 0; i < n; ++i) weighted[i] = weights[i] * row[i];
    sums.push_back(cluster_sums(weighted, clusters));
    result.seed_means.push_back(std::accumulate(weighted.begin(), weighted.end(), 0.0));
  }
  result.over_seeds = t_interval(result.seed_means, options.confidence);
  Estimate& e = result.two_level;
  e = {.value = result.over_seeds.value, .n = static_cast<int64_t>(n)};

  const size_t S = values.size(), G = sizes.size();
  const size_t seeds_drawn = std::max<size_t>(1, S - 1),
               clusters_drawn = std::max<size_t>(1, G - 1);
  std::vector<double> rows;  // of a cluster: its size, its sum by seed
  for (size_t g = 0; g < G; ++g) {
    rows.push_back(sizes[g]);
    for (size_t s = 0; s < S; ++s) rows.push_back(sums[s][g]);
  }
  const TwoLevelDraws draws(options.seed);
  std::vector<double> replicates(static_cast<size_t>(options.replicates)), times(kAbreast * S);
  std::vector<uint64_t> scratch;
  for (size_t r = 0; r < replicates.size(); r += kAbreast) {
    std::ranges::fill(times, 0.0);
    for (size_t a = 0; a < kAbreast; ++a)
      for (size_t i = 0; i < seeds_drawn; ++i) times[a * S + draws.seed(r + a, i, S)] += 1;
    const std::span<const uint64_t> bits = draws.clusters(r, clusters_drawn, scratch);
    double sum[kAbreast] = {}, size[kAbreast] = {};
    for (size_t i = 0; i < clusters_drawn; ++i)
      for (size_t a = 0; a < kAbreast; ++a) {
        const double* row = rows.data() + scaled(bits[i * kAbreast + a], G) * (S + 1);
        size[a] += row[0];
        for (size_t s = 0; s < S; ++s) sum[a] += times[a * S + s] * row[1 + s];
      }
    for (size_t a = 0; a < std::min(kAbreast, replicates.size() - r); ++a)
      replicates[r + a] = sum[a] / (size[a] * static_cast<double>(seeds_drawn));
  }
  set_interval(e, replicates, options.confidence, 0, 0);
  e.df = static_cast<double>(std::max<size_t>(1, S - 1));
  return result;
}

}  // namespace lineage
