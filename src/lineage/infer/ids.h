#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "lineage/tensor/tensor.h"

namespace lineage {

inline Tensor ids(const std::vector<int32_t>& values) {
  return Tensor::from({static_cast<int64_t>(values.size())}, std::span<const int32_t>(values));
}

// Throws an Error unless all of these log-probabilities of a model are finite.
void check_log_probs(std::span<const float>);

}  // namespace lineage
