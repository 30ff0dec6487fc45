#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace lineage {

// The weight of each of n items in the mean over the strata's means; they sum to 1.
std::vector<double> item_weights(size_t n, std::span<const uint32_t> strata);

// The sum of each cluster's values; no clusters: the values.
std::vector<double> cluster_sums(std::span<const double> values,
                                 std::span<const uint32_t> clusters);

}  // namespace lineage
