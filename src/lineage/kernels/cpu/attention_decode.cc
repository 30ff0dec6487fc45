#include <algorithm>
#include <cmath>

#include "lineage/base/parallel.h"
#include "lineage/kernels/cpu/attention.h"
#include "lineage/kernels/cpu/cpu.h"
#include "lineage/kernels/cpu/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "lineage/kernels/cpu/attention_decode.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "lineage/kernels/cpu/attention_block-inl.h"

#ifndef LINEAGE_KERNELS_CPU_ATTENTION_DECODE_ONCE
#define LINEAGE_KERNELS_CPU_ATTENTION_DECODE_ONCE
namespace lineage {

// One query over the cached positions [begin, end) of one key/value head. What is computed, and in
// which order, depends on this task alone, so a row's bits do not depend on its neighbours.
struct DecodeTask {
  const float *query, *keys, *values;  // keys and values of position 0, `stride` apart
  float* y;                            // (D)
  int64_t stride, begin, end, head_width;
  float slope;  // of ALiBi in base 2, or 0
};

}  // namespace lineage
#endif

HWY_BEFORE_NAMESPACE();
namespace lineage {
namespace HWY_NAMESPACE {
namespace {

constexpr int64_t kChunk = 512;  // cached positions whose scores are held at once

#if HWY_TARGET == HWY_SCALAR
HWY_INLINE void store_four_sums(Vec32 a, Vec32 b, Vec32 c, Vec32 e, float* to) {
  to[0] = hn::GetLane(a), to[1] = hn::GetLane(b), to[2] = hn::GetLane(c), to[3] = hn::GetLane(e);
}
#else
template <class D>
HWY_INLINE hn::Vec<hn::FixedTag<float, 4> > sum_of_blocks(D d, hn::Vec<D> v) {
  if constexpr (hn::MaxLanes(D()) == 4) {
    return v;
  } else {
    const hn::Half<D> half;
    return sum_of_blocks(half, hn::Add(hn::LowerHalf(half, v), hn::UpperHalf(half, v)));
  }
}

// The sums over the lanes of four vectors, each added in the same order.
HWY_INLINE void store_four_sums(Vec32 a, Vec32 b, Vec32 c, Vec32 e, float* to) {
  const F32 d;
  const Vec32 ac = hn::Add(hn::InterleaveLower(d, a, c), hn::InterleaveUpper(d, a, c));
  const Vec32 be = hn::Add(hn::InterleaveLower(d, b, e), hn::InterleaveUpper(d, b, e));
  const Vec32 all = hn::Add(hn::InterleaveLower(d, ac, be), hn::InterleaveUpper(d, ac, be));
  hn::StoreU(sum_of_blocks(d, all), hn::FixedTag<float, 4>(), to);
}
#endif

// scores[j] = query · keys[j], four keys at a time; the last ones of `count` repeat.
HWY_INLINE void score_keys(float* scores, const float* query, const float* keys, int64_t stride,
                           int64_t count, int64_t head_width) {
  for (int64_t j = 0; j < count; j += 4) {
    const auto key = [&](int64_t i) { return keys + std::min(j + i, count - 1) * stride; };
    const float *const k0 = key(0), *const k1 = key(1), *const k2 = key(2), *const k3 = key(3);
    Vec32 s0 = hn::Zero(F32()), s1 = s0, s2 = s0, s3 = s0;
    for_vectors(static_cast<size_t>(head_width), [&](size_t c, auto part) HWY_ATTR {
      const Vec32 q = part.load(query + c);
      s0 = hn::MulAdd(q, part.load(k0 + c), s0);
      s1 = hn::MulAdd(q, part.load(k1 + c), s1);
      s2 = hn::MulAdd(q, part.load(k2 + c), s2);
      s3 = hn::MulAdd(q, part.load(k3 + c), s3);
    });
    store_four_sums(s0, s1, s2, s3, scores + j);
  }
}

// y = factor y + sum over j of weights[j] values[j], in kVectors vectors of channels. Even and odd
// keys are summed apart, to hide the latency of FMA.
template <int kVectors, class Where>
HWY_INLINE void weigh_values(float* y, float factor, const float* weights, const float* values,
                             int64_t stride, int64_t count, Where part) {
  const F32 d;
  Vec32 even[kVectors], odd[kVectors];
  HWY_UNROLL(4) for (int v = 0; v < kVectors; ++v) {
    even[v] = hn::Mul(hn::Set(d, factor), part.load(y + v * kLaneCount));
    odd[v] = hn::Zero(d);
  }
  int64_t j = 0;
  for (; j + 2 <= count; j += 2) {
    const Vec32 w0 = hn::Set(d, weights[j]), w1 = hn::Set(d, weights[j + 1]);
    const float *const row0 = values + j * stride, *const row1 = row0 + stride;
    HWY_UNROLL(4) for (int v = 0; v < kVectors; ++v) {
      even[v] = hn::MulAdd(w0, part.load(row0 + v * kLaneCount), even[v]);
      odd[v] = hn::MulAdd(w1, part.load(row1 + v * kLaneCount), odd[v]);
    }
  }
  const Vec32 w0 = hn::Set(d, j < count ? weights[j] : 0.0f);
  HWY_UNROLL(4) for (int v = 0; v < kVectors; ++v) {
    if (j < count)
      even[v] = hn::MulAdd(w0, part.load(values + j * stride + v * kLaneCount), even[v]);
    part.store(hn::Add(even[v], odd[v]), y + v * kLaneCount);
  }
}

HWY_INLINE void weigh_all(float* y, float factor, const float* weights, const float* values,
                          int64_t stride, int64_t count, int64_t head_width) {
  int64_t c = 0;
  for (; c + 4 * kLaneCount <= head_width; c += 4 * kLaneCount)
    weigh_values<4>(y + c, factor, weights, values + c, stride, count, Whole{});
  for (; c + kLaneCount <= head_width; c += kLaneCount)
    weigh_values<1>(y + c, factor, weights, values + c, stride, count, Whole{});
  if (c < head_width)
    weigh_values<1>(y + c, factor, weights, values + c, stride, count,
                    Part{static_cast<size_t>(head_width - c)});
}

// Softmax over chunks of positions, with the largest score and the sum carried along.
void decode_row(const DecodeTask& task, float* query) {
  const F32 d;
  const float scale = kLog2E / std::sqrt(static_cast<float>(task.head_width));
  for (int64_t c = 0; c < task.head_width; ++c) query[c] = scale * task.query[c];
  std::fill_n(task.y, task.head_width, 0.0f);
  HWY_ALIGN float scores[kChunk];
  float largest = -1e30f, total = 0;
  for (int64_t begin = task.begin; begin < task.end; begin += kChunk) {
    const int64_t count = std::min(kChunk, task.end - begin);
    score_keys(scores, query, task.keys + begin * task.stride, task.stride, count, task.head_width);
    if (task.slope != 0)
      for (int64_t j = 0; j < count; ++j)
        scores[j] -= task.slope * static_cast<float>(task.end - 1 - begin - j);
    const auto n = static_cast<size_t>(count);
    Vec32 most = hn::Set(d, largest);
    for_vectors(n, [&](size_t j, auto part) HWY_ATTR {
      most = part.keep_outside(hn::Max(most, part.load(scores + j)), most);
    });
    const float now = hn::GetLane(hn::MaxOfLanes(d, most));
    float sum[1];
    sum_vectors(n, sum, [&](size_t j, auto part, Vec32* sums) HWY_ATTR {
      const Vec32 p =
          part.zero_outside(exp2_nonpositive(hn::Sub(part.load(scores + j), hn::Set(d, now))));
      part.store(p, scores + j);
      sums[0] = hn::Add(sums[0], p);
    });
    const float factor = hn::GetLane(exp2_nonpositive(hn::Set(d, largest - now)));
    total = total * factor + sum[0];
    largest = now;
    weigh_all(task.y, factor, scores, task.values + begin * task.stride, task.stride, count,
              task.head_width);
  }
  for (int64_t c = 0; c < task.head_width; ++c) task.y[c] /= total;
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace lineage
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lineage {
namespace {
HWY_EXPORT(decode_row);
}

void CpuKernels::attention_decode(Tensor& y, Tensor& key_cache, Tensor& value_cache,
                                  const Tensor& qkv, const Tensor& slots, const Tensor& positions,
                                  const AttentionSpec& spec) const {
  const int64_t rows = slots.numel(), capacity = key_cache.dim(1), width = spec.head_width;
  const int64_t stride = spec.kv_heads * width, group = spec.heads / spec.kv_heads;
  const float* const in = qkv.data<float>().data();
  float *const keys = key_cache.data<float>().data(), *const values =
                                                          value_cache.data<float>().data();
  const int32_t *const slot = slots.data<int32_t>().data(), *const at =
                                                                positions.data<int32_t>().data();
  const auto begin_of = [&](int64_t r) {
    return spec.window > 0 ? std::max<int64_t>(0, at[r] - spec.window + 1) : 0;
  };

  int64_t work = 0;  // multiply-adds
  for (int64_t r = 0; r < rows; ++r) {
    const float* const from = in + r * spec.qkv_width() + spec.heads * width;
    const int64_t to = (slot[r] * capacity + at[r]) * stride;
    std::copy_n(from, stride, keys + to);
    std::copy_n(from + stride, stride, values + to);
    work += 2 * (at[r] + 1 - begin_of(r)) * spec.heads * width;
  }
  const auto decode = [&](int64_t begin, int64_t end) {
    std::vector<float> query(static_cast<size_t>(width));
    for (int64_t i = begin; i < end; ++i) {
      const int64_t r = i / spec.heads, h = i % spec.heads;
      const int64_t cached = slot[r] * capacity * stride + h / group * width;
      DecodeTask task;
      task.query = in + r * spec.qkv_width() + h * width;
      task.keys = keys + cached;
      task.values = values + cached;
      task.y = y.data<float>().data() + i * width;
      task.stride = stride;
      task.begin = begin_of(r);
      task.end = at[r] + 1;
      task.head_width = width;
      task.slope = spec.alibi ? attention_layout::kLog2E * alibi_slope(h, spec.heads) : 0;
      HWY_DYNAMIC_DISPATCH(decode_row)(task, query.data());
    }
  };
  // Waking the other threads costs some microseconds.
  constexpr int64_t kWorthThreads = 1 << 17;
  const int64_t items = rows * spec.heads;
  if (work < kWorthThreads)
    decode(0, items);
  else
    parallel_blocks(
        items, group, [&](int64_t, int64_t begin, int64_t end) { decode(begin, end); }, true);
}

}  // namespace lineage
#endif  // HWY_ONCE
