#include "lineage/kernels/cpu/softmax_row.h"

#include <cmath>

#include "lineage/kernels/cpu/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "lineage/kernels/cpu/softmax_row.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "lineage/kernels/cpu/math-inl.h"
#include "lineage/kernels/cpu/rows-inl.h"

HWY_BEFORE_NAMESPACE();
namespace lineage {
namespace HWY_NAMESPACE {
namespace {

// The largest of scale·logits; scale may be negative.
float largest(const float* logits, size_t size, float scale) {
  const F32 d;
  const size_t lanes = hn::Lanes(d);
  float most = logits[0] * scale;
  size_t i = 0;
  if (size >= 4 * lanes) {
    const Vec32 s = hn::Set(d, scale);
    Vec32 m[4];
    for (Vec32& v : m) v = hn::Set(d, most);
    for (; i + 4 * lanes <= size; i += 4 * lanes) {
      HWY_UNROLL(4)
      for (size_t v = 0; v < 4; ++v) {
        m[v] = hn::Max(m[v], hn::Mul(s, hn::LoadU(d, logits + i + v * lanes)));
      }
    }
    const Vec32 all = hn::Max(hn::Max(m[0], m[1]), hn::Max(m[2], m[3]));
    most = hn::GetLane(hn::MaxOfLanes(d, all));
  }
  for (; i < size; ++i) most = std::max(most, scale * logits[i]);
  return most;
}

double cross_entropy_row(float* dlogits, const float* logits, int64_t count, int64_t target,
                         float scale) {
  const F32 d;
  const auto size = static_cast<size_t>(count);
  const float most = largest(logits, size, 1.0f), at_target = logits[target];
  const Vec32 shift = hn::Set(d, most);
  float sum[1];
  sum_vectors(size, sum, [&](size_t i, auto part, Vec32* sums) HWY_ATTR {
    const Vec32 e = part.zero_outside(vexp(F32(), hn::Sub(part.load(logits + i), shift)));
    if (dlogits) part.store(e, dlogits + i);
    sums[0] = hn::Add(sums[0], e);
  });
  if (dlogits) {
    const Vec32 factor = hn::Set(d, scale / sum[0]);
    for_vectors(size, [&](size_t i, auto part) HWY_ATTR {
      part.store(hn::Mul(part.load(dlogits + i), factor), dlogits + i);
    });
    dlogits[target] -= scale;
  }
  return std::log(static_cast<double>(sum[0])) + static_cast<double>(most) -
         static_cast<double>(at_target);
}

// log p, or so little that p is 0 and p log p too, rather than not a number.
template <class V>
HWY_INLINE V at_least_little(V log_p) {
  const V little = hn::Set(F32(), -1000.0f);
  return hn::IfThenElse(hn::Lt(log_p, little), little, log_p);  // Max may swallow NaN
}

LogProb log_prob_row(const float* logits, int64_t count, int64_t target, float inv_temperature) {
  const F32 d;
  const auto size = static_cast<size_t>(count);
  const float most = largest(logits, size, inv_temperature);
  const Vec32 shift = hn::Set(d, -most), s = hn::Set(d, inv_temperature);
  float sum[2];  // of e^(z - most), and of the same times z - most
  sum_vectors(size, sum, [&](size_t i, auto part, Vec32* sums) HWY_ATTR {
    const Vec32 z = at_least_little(hn::MulAdd(part.load(logits + i), s, shift));
    const Vec32 e = part.zero_outside(vexp(F32(), z));
    sums[0] = hn::Add(sums[0], e);
    sums[1] = hn::MulAdd(e, z, sums[1]);
  });
  const float log_sum = std::log(sum[0]), lse = most + log_sum;
  return {(logits[target] * inv_temperature - most) - log_sum, log_sum - sum[1] / sum[0], lse};
}

void log_prob_row_backward(float* dlogits, bool accumulate, const float* logits, int64_t count,
                           int64_t target, float inv_temperature, const LogProbGrad& grad) {
  const F32 d;
  const Vec32 s = hn::Set(d, inv_temperature), minus_lse = hn::Set(d, -grad.lse);
  const Vec32 entropy = hn::Set(d, grad.entropy);
  const Vec32 dlog_prob = hn::Set(d, -inv_temperature * grad.dlog_prob);
  const Vec32 dentropy = hn::Set(d, -inv_temperature * grad.dentropy);
  for_vectors(static_cast<size_t>(count), [&](size_t i, auto part) HWY_ATTR {
    const Vec32 log_p = at_least_little(hn::MulAdd(part.load(logits + i), s, minus_lse));
    const Vec32 slope = hn::MulAdd(dentropy, hn::Add(log_p, entropy), dlog_prob);
    const Vec32 dz = hn::Mul(vexp(F32(), log_p), slope);
    part.store(accumulate ? hn::Add(part.load(dlogits + i), dz) : dz, dlogits + i);
  });
  dlogits[target] += inv_temperature * grad.dlog_prob;
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace lineage
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lineage {
HWY_EXPORT(cross_entropy_row);
HWY_EXPORT(log_prob_row);
HWY_EXPORT(log_prob_row_backward);

double cross_entropy_row(float* dlogits, const float* logits, int64_t size, int64_t target,
                         float scale) {
  return HWY_DYNAMIC_DISPATCH(cross_entropy_row)(dlogits, logits, size, target, scale);
}
LogProb log_prob_row(const float* logits, int64_t size, int64_t target, float inv_temperature) {
  return HWY_DYNAMIC_DISPATCH(log_prob_row)(logits, size, target, inv_temperature);
}
void log_prob_row_backward(float* dlogits, bool accumulate, const float* logits, int64_t size,
                           int64_t target, float inv_temperature, const LogProbGrad& grad) {
  HWY_DYNAMIC_DISPATCH(log_prob_row_backward)
  (dlogits, accumulate, logits, size, target, inv_temperature, grad);
}

}  // namespace lineage
#endif  // HWY_ONCE
