#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "lineage/kernels/kernels.h"

namespace lineage::reference {

// The reference computes on copies in double, so outputs may alias inputs and only the final
// store rounds. An absent tensor is an empty array.
template <class T>
using Array = std::vector<T>;

inline Array<double> doubles(const Tensor& x) {
  if (x.empty()) return {};
  const auto values = x.data<float>();
  return {values.begin(), values.end()};
}

inline std::span<const int32_t> integers(const Tensor& x) {
  return x.empty() ? std::span<const int32_t>{} : x.data<int32_t>();
}

inline void store(Tensor& out, const Array<double>& values) {
  if (out.empty()) return;
  const auto to = out.data<float>();
  for (size_t i = 0; i < to.size(); ++i) to[i] = static_cast<float>(values[i]);
}

inline void store(const GradSink& sink, const Array<double>& values) {
  if (!sink) return;
  const auto to = sink.out.data<float>();
  for (size_t i = 0; i < to.size(); ++i)
    to[i] = static_cast<float>(sink.accumulate ? to[i] + values[i] : values[i]);
}

inline int64_t rows_of(const Tensor& x) { return x.numel() / x.dim(-1); }

inline Array<double> zeros(int64_t n) { return Array<double>(static_cast<size_t>(n)); }

}  // namespace lineage::reference
