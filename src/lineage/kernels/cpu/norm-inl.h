// One row of LayerNorm or RMSNorm, forward and backward, for norm.cc and head_norm.cc.

// Compiled once for each target: the include guard toggles.
#if defined(LINEAGE_KERNELS_CPU_NORM_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef LINEAGE_KERNELS_CPU_NORM_INL_H_
#undef LINEAGE_KERNELS_CPU_NORM_INL_H_
#else
#define LINEAGE_KERNELS_CPU_NORM_INL_H_
#endif

#include <cmath>

#include "lineage/kernels/cpu/rows-inl.h"

HWY_BEFORE_NAMESPACE();
namespace lineage {
namespace HWY_NAMESPACE {

// y = (x - mean) rstd gain + bias; returns mean and rstd. The row stays in the nearest cache while
// it is read three times: a variance from sums of x and x² would cancel.
struct MeanRstd {
  float mean, rstd;
};
HWY_INLINE MeanRstd layer_norm_row(float* y, const float* x, const float* gain, const float* bias,
                                   size_t width, float eps) {
  const F32 d;
  const float scale = 1 / static_cast<float>(width);
  float sum[1], squares[1];
  sum_vectors(width, sum, [&](size_t i, auto part, Vec32* sums) HWY_ATTR {
    sums[0] = hn::Add(sums[0], part.load(x + i));
  });
  const float mean = sum[0] * scale;
  const Vec32 vmean = hn::Set(d, mean);
  sum_vectors(width, squares, [&](size_t i, auto part, Vec32* sums) HWY_ATTR {
    const Vec32 centred = part.zero_outside(hn::Sub(part.load(x + i), vmean));
    sums[0] = hn::MulAdd(centred, centred, sums[0]);
  });
  const float rstd = 1 / std::sqrt(squares[0] * scale + eps);
  const Vec32 vrstd = hn::Set(d, rstd);
  for_vectors(width, [&](size_t i, auto part) HWY_ATTR {
    const Vec32 normal = hn::Mul(hn::Sub(part.load(x + i), vmean), vrstd);
    const Vec32 shift = bias ? part.load(bias + i) : hn::Zero(d);
    part.store(hn::MulAdd(normal, part.load(gain + i), shift), y + i);
  });
  return {mean, rstd};
}

// y = x rstd gain; returns rstd.
HWY_INLINE float rms_norm_row(float* y, const float* x, const float* gain, size_t width,
                              float eps) {
  float squares[1];
  sum_vectors(width, squares, [&](size_t i, auto part, Vec32* sums) HWY_ATTR {
    const Vec32 value = part.load(x + i);
    sums[0] = hn::MulAdd(value, value, sums[0]);
  });
  const float rstd = 1 / std::sqrt(squares[0] / static_cast<float>(width) + eps);
  const Vec32 vrstd = hn::Set(F32(), rstd);
  for_vectors(width, [&](size_t i, auto part) HWY_ATTR {
    part.store(hn::Mul(hn::Mul(part.load(x + i), vrstd), part.load(gain + i)), y + i);
  });
  return rstd;
}

// With n = (x - mean) rstd and dn = dy gain:
//   dx = rstd (dn - avg(dn) - n avg(dn n))      (RMSNorm has no mean, so no avg(dn))
//   dgain += dy n, dbias += dy, where they are wanted.
template <bool kCentred>
HWY_INLINE void norm_row_backward(float* dx, bool accumulate, float* dgain, float* dbias,
                                  const float* dy, const float* x, const float* gain, float mean,
                                  float rstd, size_t width) {
  const F32 d;
  const Vec32 vmean = hn::Set(d, mean), vrstd = hn::Set(d, rstd);
  const auto normal = [&](size_t i, auto part) HWY_ATTR {
    const Vec32 value = part.load(x + i);
    return hn::Mul(kCentred ? hn::Sub(value, vmean) : value, vrstd);
  };
  float sums[2];
  sum_vectors(width, sums, [&](size_t i, auto part, Vec32* into) HWY_ATTR {
    const Vec32 slope = part.load(dy + i), n = normal(i, part);
    const Vec32 dn = hn::Mul(slope, part.load(gain + i));  // 0 outside the row, as dy reads there
    if constexpr (kCentred) into[0] = hn::Add(into[0], dn);
    into[1] = hn::MulAdd(dn, n, into[1]);
    if (dgain) part.store(hn::MulAdd(slope, n, part.load(dgain + i)), dgain + i);
    if (dbias) part.store(hn::Add(slope, part.load(dbias + i)), dbias + i);
  });
  if (!dx) return;
  const Vec32 average = hn::Set(d, kCentred ? sums[0] / static_cast<float>(width) : 0);
  const Vec32 along = hn::Set(d, sums[1] / static_cast<float>(width));
  for_vectors(width, [&](size_t i, auto part) HWY_ATTR {
    Vec32 dn = hn::Mul(part.load(dy + i), part.load(gain + i));
    if constexpr (kCentred) dn = hn::Sub(dn, average);
    dn = hn::NegMulAdd(normal(i, part), along, dn);
    const Vec32 value = accumulate ? hn::MulAdd(vrstd, dn, part.load(dx + i)) : hn::Mul(vrstd, dn);
    part.store(value, dx + i);
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace lineage
HWY_AFTER_NAMESPACE();

#endif  // LINEAGE_KERNELS_CPU_NORM_INL_H_
