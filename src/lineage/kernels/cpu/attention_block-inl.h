// Copies of queries, keys and values into blocks, and what happens to the scores of a block.

// Compiled once for each target: the include guard toggles.
#if defined(LINEAGE_KERNELS_CPU_ATTENTION_BLOCK_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef LINEAGE_KERNELS_CPU_ATTENTION_BLOCK_INL_H_
#undef LINEAGE_KERNELS_CPU_ATTENTION_BLOCK_INL_H_
#else
#define LINEAGE_KERNELS_CPU_ATTENTION_BLOCK_INL_H_
#endif

#include <cstring>

#include "lineage/kernels/cpu/attention_tile-inl.h"

HWY_BEFORE_NAMESPACE();
namespace lineage {
namespace HWY_NAMESPACE {

// A head's rows lie far apart, which no hardware prefetcher follows: fetch what is needed (or, with
// kWrite, written) kAhead rows later. A prefetch outside of the tensor does nothing.
constexpr int64_t kAhead = 16;
template <bool kWrite = false>
HWY_INLINE void prefetch_row(const float* row, int64_t head_width) {
  for (int64_t c = 0; c < head_width; c += 16) __builtin_prefetch(row + c, kWrite);
}

// to(rows, ld) = factor from(rows, D); from's rows are `stride` apart. Columns after D become zero.
inline HWY_NOINLINE void copy_rows(float* to, int64_t ld, const float* from, int64_t stride,
                                   int64_t rows, int64_t head_width, float factor) {
  const Vec32 scale = hn::Set(F32(), factor);
  for (int64_t i = 0; i < rows; ++i) {
    float* const row = to + i * ld;
    prefetch_row(from + (i + kAhead) * stride, head_width);
    for_vectors(static_cast<size_t>(head_width), [&](size_t c, auto part) HWY_ATTR {
      hn::StoreU(hn::Mul(scale, part.load(from + i * stride + c)), F32(), row + c);
    });
  }
}

// to(D, kQueries) = factor from(rows, D)ᵀ, with zeros for missing rows up to `padded`.
inline HWY_NOINLINE void copy_transposed(float* to, const float* from, int64_t stride, int64_t rows,
                                         int64_t padded, int64_t head_width, float factor) {
  int64_t i = 0;
#if HWY_TARGET != HWY_SCALAR
  const hn::FixedTag<float, 4> d;
  const auto scale = hn::Set(d, factor);
  for (; i + 4 <= rows; i += 4) {
    const float* const row = from + i * stride;
    for (int64_t r = 0; r < 4; ++r) prefetch_row(row + (kAhead + r) * stride, head_width);
    int64_t c = 0;
    for (; c + 4 <= head_width; c += 4) {
      const auto r0 = hn::LoadU(d, row + c), r1 = hn::LoadU(d, row + stride + c);
      const auto r2 = hn::LoadU(d, row + 2 * stride + c), r3 = hn::LoadU(d, row + 3 * stride + c);
      const auto even01 = hn::InterleaveLower(d, r0, r2), odd01 = hn::InterleaveLower(d, r1, r3);
      const auto even23 = hn::InterleaveUpper(d, r0, r2), odd23 = hn::InterleaveUpper(d, r1, r3);
      float* const out = to + c * kQueries + i;
      hn::StoreU(hn::Mul(scale, hn::InterleaveLower(d, even01, odd01)), d, out);
      hn::StoreU(hn::Mul(scale, hn::InterleaveUpper(d, even01, odd01)), d, out + kQueries);
      hn::StoreU(hn::Mul(scale, hn::InterleaveLower(d, even23, odd23)), d, out + 2 * kQueries);
      hn::StoreU(hn::Mul(scale, hn::InterleaveUpper(d, even23, odd23)), d, out + 3 * kQueries);
    }
    for (; c < head_width; ++c)
      for (int64_t r = 0; r < 4; ++r) to[c * kQueries + i + r] = factor * row[r * stride + c];
  }
#endif
  for (; i < padded; ++i)
    for (int64_t c = 0; c < head_width; ++c)
      to[c * kQueries + i] = i < rows ? factor * from[i * stride + c] : 0.0f;
}

// 2^x to 2e-7, relative, for x <= 1 or so; 0 below -126, NaN for NaN. The polynomial interpolates
// (2^r - 1)/r at Chebyshev nodes of [-1/2, 1/2].
HWY_INLINE Vec32 exp2_nonpositive(Vec32 x) {
  const F32 d;
  const hn::RebindToSigned<F32> di;
  const Vec32 magic = hn::Set(d, 12583039.0f);  // 1.5·2^23 + 127: adding it rounds to an integer
  const Vec32 shifted = hn::Add(x, magic);
  const Vec32 r = hn::Sub(x, hn::Sub(shifted, magic));
  Vec32 p = hn::MulAdd(hn::Set(d, 0.0013381302123889327f), r, hn::Set(d, 0.00966636836528778f));
  p = hn::MulAdd(p, r, hn::Set(d, 0.055503811687231064f));
  p = hn::MulAdd(p, r, hn::Set(d, 0.2402234971523285f));
  p = hn::MulAdd(p, r, hn::Set(d, 0.6931471824645996f));
  p = hn::MulAdd(p, r, hn::Set(d, 1.0f));
  const Vec32 power = hn::BitCast(d, hn::ShiftLeft<23>(hn::BitCast(di, shifted)));
  // Of NaN, whose `power` may be any bits: a multiplication keeps it, and so does this comparison.
  return hn::IfThenZeroElse(hn::Lt(x, hn::Set(d, -126.0f)), hn::Mul(p, power));
}

// One panel of queries against a chunk of keys. Query lane i is time t + i and sees the keys
// [first[i], t + i]; only keys [begin, end) are visible to any of them, and all see [clear_begin,
// clear_end).
struct PanelSight {
  int64_t t, begin, end, clear_begin, clear_end;
  const int32_t* first;
};

HWY_INLINE PanelSight panel_sight(const int32_t* first, int64_t t, int64_t steps,
                                  int64_t chunk_begin, int64_t chunk_end) {
  const auto [least, most] = std::minmax_element(first + t, first + t + kPanel);
  PanelSight s{t, 0, 0, 0, 0, first + t};
  s.begin = std::max<int64_t>(chunk_begin, *least);
  s.end = std::max(s.begin, std::min({chunk_end, t + kPanel, steps}));
  s.clear_begin = std::clamp<int64_t>(*most, s.begin, s.end);
  s.clear_end = std::clamp<int64_t>(t + 1, s.clear_begin, s.end);
  return s;
}

// Calls row(j, v, masked) — with the mask of visible lanes where masked is true_type — for every
// key j that the panel sees and vector v of its queries.
template <class Row>
HWY_INLINE void for_scores(const PanelSight& sight, const Row& row) {
  const hn::RebindToSigned<F32> di;
  constexpr int64_t kVectors = kPanel / kLaneCount;
  const auto masked = [&](int64_t begin, int64_t end) HWY_ATTR {
    for (int64_t j = begin; j < end; ++j) {
      HWY_UNROLL(16) for (int64_t v = 0; v < kVectors; ++v) {
        const auto first = hn::LoadU(di, sight.first + v * kLaneCount);
        const auto after = hn::Iota(di, static_cast<int32_t>(sight.t + 1 + v * kLaneCount));
        const auto key = hn::Set(di, static_cast<int32_t>(j));
        const auto next = hn::Set(di, static_cast<int32_t>(j + 1));
        row(j, v, hn::RebindMask(F32(), hn::And(hn::Lt(first, next), hn::Lt(key, after))));
      }
    }
  };
  masked(sight.begin, sight.clear_begin);
  for (int64_t j = sight.clear_begin; j < sight.clear_end; ++j) {
    HWY_UNROLL(16) for (int64_t v = 0; v < kVectors; ++v) row(j, v, nullptr);
  }
  masked(sight.clear_end, sight.end);
}

// Zeros in the panel's columns of rows [begin, end) that the panel does not see.
inline HWY_NOINLINE void clear_unseen(float* scores, const PanelSight& sight, int64_t chunk_begin,
                                      int64_t begin, int64_t end) {
  const auto clear = [&](int64_t from, int64_t to) {
    for (int64_t j = from; j < to; ++j)
      std::memset(scores + (j - chunk_begin) * kQueries, 0, kPanel * sizeof(float));
  };
  clear(begin, std::min(sight.begin, end));
  clear(std::max(sight.end, begin), end);
}

}  // namespace HWY_NAMESPACE
}  // namespace lineage
HWY_AFTER_NAMESPACE();

#endif  // LINEAGE_KERNELS_CPU_ATTENTION_BLOCK_INL_H_
