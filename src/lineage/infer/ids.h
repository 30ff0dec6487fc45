#pragma once

#include <cstdint>
#include <vector>

#include "lineage/tensor/tensor.h"

namespace lineage {

inline Tensor ids(const std::vector<int32_t>& values) {
  return Tensor::from({static_cast<int64_t>(values.size())}, std::span<const int32_t>(values));
}

}  // namespace lineage
