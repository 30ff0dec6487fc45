#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lineage/eval/statistics.h"
#include "lineage/report/report.h"

namespace lineage {

// The scores of one model in one scenario, item by item; only items that fit its context.
struct ItemScores {
  std::string digest;  // of the scenario
  std::vector<std::string> items, cells, clusters;
  std::vector<double> scores, log_likelihoods;
};

// The items that all of some models answered, of one cell or ("") of all.
struct CommonItems {
  std::vector<uint32_t> clusters, strata;
  std::vector<std::vector<double>> scores, log_likelihoods;  // by model and item
};
// Empty if the models had different prompts or share no item.
CommonItems common_items(const std::vector<const ItemScores*>&, const std::string& cell);

Interval interval_of(const Estimate&);

// An estimate, with the p-value of "it is 0".
struct SeedsEstimate {
  // With several seeds the widest of: the two-level bootstrap's interval, Student's t over seeds,
  // and that over items; with one that over items.
  Interval value;
  Interval items;  // over items alone, each the mean of its seeds
  double p = 1;    // the largest of those that belong to `value`
};

// A mean from values by seed (row) and item (column). `proportion`: the values lie in [0, 1].
SeedsEstimate over_seeds(const std::vector<std::vector<double>>& values, const CommonItems&,
                         bool proportion);

// Child - parent on the same items, seed by seed.
SeedsEstimate paired_over_seeds(const std::vector<std::vector<double>>& parent,
                                const std::vector<std::vector<double>>& child, const CommonItems&);

}  // namespace lineage
