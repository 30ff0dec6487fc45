#include "lineage/report/seeds.h"

#include <cmath>
#include <limits>
#include <map>
#include <unordered_map>

#include "lineage/eval/distributions.h"
#include "lineage/eval/statistics.h"

namespace lineage {

Interval interval_of(const Estimate& e) { return {e.value, e.low, e.high}; }
namespace {

constexpr int64_t kReplicates = 1000;

// Names to 0, 1, ... in the order they come; an empty one is alone when `alone`.
class Numbering {
 public:
  explicit Numbering(bool alone) : alone_(alone) {}
  uint32_t operator()(const std::string& name) {
    if (alone_ && name.empty()) return next_++;
    const auto [it, fresh] = seen_.try_emplace(name, next_);
    if (fresh) ++next_;
    return it->second;
  }

 private:
  bool alone_;
  uint32_t next_ = 0;
  std::map<std::string, uint32_t> seen_;
};

double width(const Interval& i) { return i.high - i.low; }

double two_sided(double value, double error, double df) {
  if (std::isinf(error)) return 1;
  if (!(error > 0)) return value == 0 ? 1 : 0;
  return 2 * student_cdf(-std::abs(value) / error, df);
}

std::vector<double> means_of_items(const std::vector<std::vector<double>>& values) {
  std::vector<double> means(values[0].size(), 0.0);
  for (const auto& row : values)
    for (size_t i = 0; i < row.size(); ++i) means[i] += row[i] / static_cast<double>(values.size());
  return means;
}

// An estimate over items, widened by the spread over several seeds.
SeedsEstimate widened(SeedsEstimate e, const std::vector<std::vector<double>>& values,
                      const CommonItems& items) {
  if (values.size() < 2) return e;
  BootstrapOptions options;
  options.replicates = kReplicates;
  const SeedEstimate s = two_level_bootstrap(values, items.clusters, items.strata, options);
  for (const Interval& other : {interval_of(s.two_level), interval_of(s.over_seeds)})
    if (width(other) > width(e.value)) e.value = other;
  e.value.value = e.items.value = s.over_seeds.value;
  const double z = normal_quantile(0.5 + kConfidence / 2);
  const double by_items = two_sided(s.two_level.value, width(interval_of(s.two_level)) / (2 * z),
                                    std::numeric_limits<double>::infinity());
  const double by_seeds = two_sided(s.over_seeds.value, s.over_seeds.error, s.over_seeds.df);
  e.p = std::max({e.p, by_items, by_seeds});
  return e;
}

}  // namespace

CommonItems common_items(const std::vector<const ItemScores*>& models, const std::string& cell) {
  CommonItems common;
  common.scores.resize(models.size());
  common.log_likelihoods.resize(models.size());
  std::vector<std::unordered_map<std::string, size_t>> places(models.size());
  for (size_t m = 0; m < models.size(); ++m) {
    if (models[m]->digest != models[0]->digest) return common;
    for (size_t i = 0; i < models[m]->items.size(); ++i) places[m][models[m]->items[i]] = i;
  }
  Numbering clusters(true), strata(false);
  for (size_t i = 0; i < models[0]->items.size(); ++i) {
    if (!cell.empty() && models[0]->cells[i] != cell) continue;
    std::vector<size_t> at;
    for (const auto& place : places)
      if (const auto found = place.find(models[0]->items[i]); found != place.end())
        at.push_back(found->second);
    if (at.size() != models.size()) continue;
    common.clusters.push_back(clusters(models[0]->clusters[i]));
    common.strata.push_back(strata(models[0]->cells[i]));
    for (size_t m = 0; m < models.size(); ++m) {
      common.scores[m].push_back(models[m]->scores[at[m]]);
      common.log_likelihoods[m].push_back(models[m]->log_likelihoods[at[m]]);
    }
  }
  return common;
}

SeedsEstimate over_seeds(const std::vector<std::vector<double>>& values, const CommonItems& items,
                         bool proportions) {
  const auto means = means_of_items(values);
  const Items all{means, items.clusters, items.strata};
  const Interval i = interval_of(proportions ? proportion(all) : clustered_mean(all));
  return widened({i, i, 0}, values, items);
}

SeedsEstimate paired_over_seeds(const std::vector<std::vector<double>>& parent,
                                const std::vector<std::vector<double>>& child,
                                const CommonItems& items) {
  auto differences = child;
  for (size_t s = 0; s < child.size(); ++s)
    for (size_t i = 0; i < child[s].size(); ++i) differences[s][i] -= parent[s][i];
  const auto before = means_of_items(parent), after = means_of_items(child);
  const PairedDifference d = paired_difference({before, items.clusters, items.strata}, after);
  const Interval i = interval_of(d.difference);
  return widened({i, i, d.p}, differences, items);
}

}  // namespace lineage
