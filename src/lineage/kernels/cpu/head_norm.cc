#include <algorithm>

#include "lineage/base/parallel.h"
#include "lineage/kernels/cpu/cpu.h"
#include "lineage/kernels/cpu/partial_sums.h"
#include "lineage/kernels/cpu/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "lineage/kernels/cpu/head_norm.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "lineage/kernels/cpu/norm-inl.h"

HWY_BEFORE_NAMESPACE();
namespace lineage {
namespace HWY_NAMESPACE {
namespace {

void head_norm_rows(float* y, float* rstd, const float* qkv, const float* q_gain,
                    const float* k_gain, const AttentionSpec& spec, int64_t rows, float eps) {
  const int64_t width = spec.qkv_width(), head = spec.head_width;
  const int64_t normed = spec.heads + spec.kv_heads;
  for (int64_t n = 0; n < rows; ++n) {
    const float* const from = qkv + n * width;
    float* const to = y + n * width;
    for (int64_t h = 0; h < normed; ++h)
      rstd[n * normed + h] =
          rms_norm_row(to + h * head, from + h * head, h < spec.heads ? q_gain : k_gain,
                       static_cast<size_t>(head), eps);
    if (y != qkv) std::copy(from + normed * head, from + width, to + normed * head);
  }
}

// dqkv, dq_gain and dk_gain are null where they are not wanted.
void head_norm_rows_backward(float* dqkv, bool accumulate, float* dq_gain, float* dk_gain,
                             const float* dy, const float* qkv, const float* q_gain,
                             const float* k_gain, const float* rstd, const AttentionSpec& spec,
                             int64_t rows) {
  const int64_t width = spec.qkv_width(), head = spec.head_width;
  const int64_t normed = spec.heads + spec.kv_heads;
  for (int64_t n = 0; n < rows; ++n) {
    for (int64_t h = 0; h < normed; ++h) {
      const bool query = h < spec.heads;
      const int64_t at = n * width + h * head;
      norm_row_backward<false>(dqkv ? dqkv + at : nullptr, accumulate, query ? dq_gain : dk_gain,
                               nullptr, dy + at, qkv + at, query ? q_gain : k_gain, 0,
                               rstd[n * normed + h], static_cast<size_t>(head));
    }
    if (!dqkv) continue;
    const int64_t values = n * width + normed * head;
    for_vectors(static_cast<size_t>(spec.kv_heads * head), [&](size_t i, auto part) HWY_ATTR {
      float* const to = dqkv + values + i;
      const Vec32 slope = part.load(dy + values + i);
      part.store(accumulate ? hn::Add(part.load(to), slope) : slope, to);
    });
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace lineage
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lineage {
namespace {
HWY_EXPORT(head_norm_rows);
HWY_EXPORT(head_norm_rows_backward);

const float* floats(const Tensor& x) { return x.data<float>().data(); }
float* floats(Tensor& x) { return x.data<float>().data(); }
}  // namespace

void CpuKernels::head_norm(Tensor& y, Tensor& rstd, const Tensor& qkv, const Tensor& q_gain,
                           const Tensor& k_gain, const AttentionSpec& spec, float eps) const {
  const int64_t width = spec.qkv_width(), normed = spec.heads + spec.kv_heads;
  parallel_for(qkv.numel() / width, 1 + 8192 / width, [&](int64_t begin, int64_t end) {
    HWY_DYNAMIC_DISPATCH(head_norm_rows)
    (floats(y) + begin * width, floats(rstd) + begin * normed, floats(qkv) + begin * width,
     floats(q_gain), floats(k_gain), spec, end - begin, eps);
  });
}

void CpuKernels::head_norm_backward(GradSink dqkv, GradSink dq_gain, GradSink dk_gain,
                                    const Tensor& dy, const Tensor& qkv, const Tensor& q_gain,
                                    const Tensor& k_gain, const Tensor& rstd,
                                    const AttentionSpec& spec) const {
  const int64_t width = spec.qkv_width(), normed = spec.heads + spec.kv_heads;
  const int64_t rows = qkv.numel() / width, dk_at = dq_gain ? spec.head_width : 0;
  PartialSums sums(rows, dk_at + (dk_gain ? spec.head_width : 0));
  parallel_blocks(rows, sums.rows_per_block(), [&](int64_t block, int64_t begin, int64_t end) {
    float* const slot = sums.slot(block);
    HWY_DYNAMIC_DISPATCH(head_norm_rows_backward)
    (dqkv ? floats(dqkv.out) + begin * width : nullptr, dqkv.accumulate, dq_gain ? slot : nullptr,
     dk_gain ? slot + dk_at : nullptr, floats(dy) + begin * width, floats(qkv) + begin * width,
     floats(q_gain), floats(k_gain), floats(rstd) + begin * normed, spec, end - begin);
  });
  sums.reduce(dq_gain, 0);
  sums.reduce(dk_gain, dk_at);
}

}  // namespace lineage
#endif  // HWY_ONCE
