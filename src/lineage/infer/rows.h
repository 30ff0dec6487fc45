#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "lineage/tensor/tensor.h"

namespace lineage {

// Some rows of (R,C), in any order. -> (n,C)
inline Tensor rows_of(const Tensor& all, const std::vector<int64_t>& rows) {
  const int64_t C = all.dim(1);
  Tensor some = Tensor::empty({static_cast<int64_t>(rows.size()), C});
  auto to = some.data<float>().begin();
  for (int64_t row : rows) to = std::copy_n(all.data<float>().begin() + row * C, C, to);
  return some;
}

inline Tensor ids(const std::vector<int32_t>& values) {
  return Tensor::from({static_cast<int64_t>(values.size())}, std::span<const int32_t>(values));
}

}  // namespace lineage
