#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "lineage/base/parallel.h"
#include "lineage/kernels/cpu/cpu.h"
#include "lineage/kernels/cpu/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "lineage/kernels/cpu/position.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "lineage/kernels/cpu/rows-inl.h"

HWY_BEFORE_NAMESPACE();
namespace lineage {
namespace HWY_NAMESPACE {
namespace {

// y = a + b, or y = a where b is null.
void embed_row(float* y, const float* a, const float* b, size_t width) {
  for_vectors(width, [&](size_t i, auto part) HWY_ATTR {
    const Vec32 value = part.load(a + i);
    part.store(b ? hn::Add(value, part.load(b + i)) : value, y + i);
  });
}

// table[rows[n]] += dy[n] for every n in order, in the channels [begin, end) alone.
void scatter_rows(float* table, const float* dy, const int32_t* rows, int64_t n, int64_t width,
                  int64_t begin, int64_t end) {
  for (int64_t i = 0; i < n; ++i) {
    float* const to = table + rows[i] * width + begin;
    const float* const from = dy + i * width + begin;
    for_vectors(static_cast<size_t>(end - begin), [&](size_t c, auto part) HWY_ATTR {
      part.store(hn::Add(part.load(to + c), part.load(from + c)), to + c);
    });
  }
}

// cosines[i] and sines[i] of position·frequencies[i], which are cut to a quarter turn in double:
// f32 would be off by 0.01 at an angle of 10⁵. n is padded to the lanes of a vector. The
// polynomials interpolate at Chebyshev nodes; relative error below 4e-9 before rounding.
void sincos(float* cosines, float* sines, const double* frequencies, double position, size_t n) {
  const hn::ScalableTag<double> d64;
  const hn::Rebind<float, decltype(d64)> d;
  const hn::Rebind<int32_t, decltype(d64)> d32;
  const auto one = hn::Set(d, 1.0f);
  const auto zero = hn::Zero(d32), odd = hn::Set(d32, 1), two = hn::Set(d32, 2);
  for (size_t i = 0; i < n; i += hn::Lanes(d64)) {
    const auto angle = hn::Mul(hn::Set(d64, position), hn::LoadU(d64, frequencies + i));
    const auto quarters = hn::Round(hn::Mul(angle, hn::Set(d64, 2 / std::numbers::pi)));
    const auto rest = hn::NegMulAdd(quarters, hn::Set(d64, std::numbers::pi / 2), angle);
    const auto r = hn::DemoteTo(d, rest);
    const auto q = hn::DemoteTo(d32, quarters);
    const auto z = hn::Mul(r, r);
    auto s =
        hn::MulAdd(hn::Set(d, 2.7249925551786684e-06f), z, hn::Set(d, -0.00019840087043121457f));
    s = hn::MulAdd(s, z, hn::Set(d, 0.008333331905305386f));
    s = hn::MulAdd(s, z, hn::Set(d, -0.1666666716337204f));
    const auto sine = hn::MulAdd(hn::Mul(s, z), r, r);
    auto c =
        hn::MulAdd(hn::Set(d, 2.4463788577122614e-05f), z, hn::Set(d, -0.0013887588866055012f));
    c = hn::MulAdd(c, z, hn::Set(d, 0.04166664928197861f));
    c = hn::MulAdd(c, z, hn::Set(d, -0.5f));
    const auto cosine = hn::MulAdd(c, z, one);
    // A quarter turn maps (cos, sin) to (-sin, cos).
    const auto swap = hn::RebindMask(d, hn::Ne(hn::And(q, odd), zero));
    const auto flip_sin = hn::RebindMask(d, hn::Ne(hn::And(q, two), zero));
    const auto flip_cos = hn::RebindMask(d, hn::Ne(hn::And(hn::Add(q, odd), two), zero));
    const auto cos_out = hn::IfThenElse(swap, sine, cosine);
    const auto sin_out = hn::IfThenElse(swap, cosine, sine);
    hn::StoreU(hn::IfThenElse(flip_cos, hn::Neg(cos_out), cos_out), d, cosines + i);
    hn::StoreU(hn::IfThenElse(flip_sin, hn::Neg(sin_out), sin_out), d, sines + i);
  }
}

// The first 2·half channels of every query and key head of one row; y may be qkv.
void rotate_row(float* y, const float* qkv, const float* cosines, const float* sines, int64_t half,
                int64_t heads, int64_t head_width) {
  for (int64_t h = 0; h < heads; ++h) {
    const float* const from = qkv + h * head_width;
    float* const to = y + h * head_width;
    for_vectors(static_cast<size_t>(half), [&](size_t i, auto part) HWY_ATTR {
      const Vec32 a = part.load(from + i), b = part.load(from + half + i);
      const Vec32 c = part.load(cosines + i), s = part.load(sines + i);
      part.store(hn::NegMulAdd(b, s, hn::Mul(a, c)), to + i);
      part.store(hn::MulAdd(a, s, hn::Mul(b, c)), to + half + i);
    });
    if (to != from) std::copy(from + 2 * half, from + head_width, to + 2 * half);
  }
}

// Frequencies are those of rotary, negative for the inverse, from `half` padded to `padded`.
void rotary_rows(float* y, const float* qkv, const int32_t* positions, const double* frequencies,
                 int64_t half, size_t padded, const AttentionSpec& spec, int64_t rows) {
  const int64_t width = spec.qkv_width(), rotated = spec.heads + spec.kv_heads;
  std::vector<float> turns(2 * padded);
  float *const cosines = turns.data(), *const sines = cosines + padded;
  for (int64_t n = 0; n < rows; ++n) {
    const float* const from = qkv + n * width;
    float* const to = y + n * width;
    sincos(cosines, sines, frequencies, positions[n], padded);
    rotate_row(to, from, cosines, sines, half, rotated, spec.head_width);
    if (to != from)
      std::copy(from + rotated * spec.head_width, from + width, to + rotated * spec.head_width);
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace lineage
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lineage {
namespace {
HWY_EXPORT(embed_row);
HWY_EXPORT(scatter_rows);
HWY_EXPORT(rotary_rows);

const float* floats(const Tensor& x) { return x.data<float>().data(); }
float* floats(Tensor& x) { return x.data<float>().data(); }
const int32_t* integers(const Tensor& x) { return x.data<int32_t>().data(); }

// Tasks own ranges of channels, so every sum runs over the rows in order.
void scatter(GradSink table, const Tensor& dy, const Tensor& rows) {
  if (!table || rows.empty()) return;
  constexpr int64_t kChannels = 64, kZeroed = 1 << 18;
  float* const out = floats(table.out);
  if (!table.accumulate)
    parallel_for(table.out.numel(), kZeroed,
                 [&](int64_t begin, int64_t end) { std::fill(out + begin, out + end, 0.0f); });
  const int64_t width = dy.dim(-1), count = dy.numel() / width;
  parallel_for(width, kChannels, [&](int64_t begin, int64_t end) {
    HWY_DYNAMIC_DISPATCH(scatter_rows)
    (out, floats(dy), integers(rows), count, width, begin, end);
  });
}

}  // namespace

void CpuKernels::embed(Tensor& y, const Tensor& tokens, const Tensor& positions,
                       const Tensor& token_table, const Tensor& position_table) const {
  const int64_t width = token_table.dim(-1);
  parallel_for(tokens.numel(), 1 + 8192 / width, [&](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; ++n) {
      const float* const position =
          positions.empty() ? nullptr : floats(position_table) + integers(positions)[n] * width;
      HWY_DYNAMIC_DISPATCH(embed_row)
      (floats(y) + n * width, floats(token_table) + integers(tokens)[n] * width, position,
       static_cast<size_t>(width));
    }
  });
}

void CpuKernels::embed_backward(GradSink dtoken_table, GradSink dposition_table, const Tensor& dy,
                                const Tensor& tokens, const Tensor& positions) const {
  scatter(dtoken_table, dy, tokens);
  scatter(dposition_table, dy, positions);
}

void CpuKernels::rotary(Tensor& y, const Tensor& qkv, const Tensor& positions,
                        const AttentionSpec& spec, std::span<const double> frequencies,
                        bool inverse) const {
  constexpr size_t kPadding = 8;  // the most doubles in a vector
  const size_t half = frequencies.size();
  std::vector<double> padded((half + kPadding - 1) / kPadding * kPadding);
  for (size_t i = 0; i < half; ++i) padded[i] = inverse ? -frequencies[i] : frequencies[i];
  const int64_t width = spec.qkv_width();
  parallel_for(qkv.numel() / width, 1 + 8192 / width, [&](int64_t begin, int64_t end) {
    HWY_DYNAMIC_DISPATCH(rotary_rows)
    (floats(y) + begin * width, floats(qkv) + begin * width, integers(positions) + begin,
     padded.data(), static_cast<int64_t>(half), padded.size(), spec, end - begin);
  });
}

}  // namespace lineage
#endif  // HWY_ONCE
