#include "lineage/kernels/cpu/mlp_gate.h"

#include "lineage/base/parallel.h"
#include "lineage/kernels/cpu/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "lineage/kernels/cpu/mlp_gate.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "lineage/kernels/cpu/activation-inl.h"
#include "lineage/kernels/cpu/rows-inl.h"

HWY_BEFORE_NAMESPACE();
namespace lineage {
namespace HWY_NAMESPACE {
namespace {

void gate_row(float* HWY_RESTRICT hidden, const float* HWY_RESTRICT gate, int64_t width) {
  const float* value = gate + width;
  for_vectors(static_cast<size_t>(width), [&](size_t i, auto part) HWY_ATTR {
    const Vec32 g = silu(F32(), part.load(gate + i)).value;
    part.store(hn::Mul(g, part.load(value + i)), hidden + i);
  });
}

void gate_row_backward(float* HWY_RESTRICT hidden, float* HWY_RESTRICT gate, int64_t width) {
  float* value = gate + width;
  for_vectors(static_cast<size_t>(width), [&](size_t i, auto part) HWY_ATTR {
    const Vec32 dh = part.load(hidden + i), u = part.load(value + i);
    const auto g = silu(F32(), part.load(gate + i));
    part.store(hn::Mul(g.value, u), hidden + i);
    part.store(hn::Mul(dh, g.value), value + i);
    part.store(hn::Mul(hn::Mul(dh, u), g.slope), gate + i);
  });
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace lineage
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lineage {
namespace {
HWY_EXPORT(gate_row);
HWY_EXPORT(gate_row_backward);

template <class Body>
void for_rows(int64_t rows, int64_t width, const Body& body) {
  const int64_t grain = std::max<int64_t>(1, (int64_t{1} << 13) / std::max<int64_t>(width, 1));
  parallel_for(rows, grain, [&](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; ++n) body(n);
  });
}
}  // namespace

void gate_rows(float* hidden, const float* pre, int64_t rows, int64_t width) {
  for_rows(rows, width, [&](int64_t n) {
    HWY_DYNAMIC_DISPATCH(gate_row)(hidden + n * width, pre + n * 2 * width, width);
  });
}

void gate_rows_backward(float* hidden, float* pre, int64_t rows, int64_t width) {
  for_rows(rows, width, [&](int64_t n) {
    HWY_DYNAMIC_DISPATCH(gate_row_backward)(hidden + n * width, pre + n * 2 * width, width);
  });
}

}  // namespace lineage
#endif  // HWY_ONCE
