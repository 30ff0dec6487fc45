// Register tiles for the five products of attention, whose operands are small blocks in cache.

// Compiled once for each target: the include guard toggles.
#if defined(LINEAGE_KERNELS_CPU_ATTENTION_TILE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef LINEAGE_KERNELS_CPU_ATTENTION_TILE_INL_H_
#undef LINEAGE_KERNELS_CPU_ATTENTION_TILE_INL_H_
#else
#define LINEAGE_KERNELS_CPU_ATTENTION_TILE_INL_H_
#endif

#include <algorithm>

#include "lineage/kernels/cpu/attention.h"
#include "lineage/kernels/cpu/rows-inl.h"

HWY_BEFORE_NAMESPACE();
namespace lineage {
namespace HWY_NAMESPACE {

using namespace attention_layout;

constexpr int kLaneCount = static_cast<int>(hn::MaxLanes(F32()));

// Rows of a tile whose columns are `vectors` vectors: 12 sums hide the latency of FMA and leave
// registers for one row of b and one number of a, of 16.
constexpr int tile_rows(int vectors) { return vectors >= 12 ? 1 : 12 / vectors; }

// c(R,columns) = a(R,depth) b(depth,columns), or += with `add`. a(r,k) is at a[r·lda + k], or at
// a[k·lda + r] when kAcross.
template <int kVectors, bool kAcross>
HWY_INLINE void tile(int64_t depth, const float* HWY_RESTRICT a, int64_t lda,
                     const float* HWY_RESTRICT b, int64_t ldb, float* HWY_RESTRICT c, int64_t ldc,
                     bool add) {
  const F32 d;
  constexpr int kRows = tile_rows(kVectors);
  Vec32 sums[kRows][kVectors];
  HWY_UNROLL(16) for (int r = 0; r < kRows; ++r) {
    HWY_UNROLL(16) for (int v = 0; v < kVectors; ++v) sums[r][v] = hn::Zero(d);
  }
  HWY_UNROLL(1) for (int64_t k = 0; k < depth; ++k) {
    Vec32 row[kVectors];
    HWY_UNROLL(16) for (int v = 0; v < kVectors; ++v) row[v] = hn::LoadU(d, b + v * kLaneCount);
    HWY_UNROLL(16) for (int r = 0; r < kRows; ++r) {
      const Vec32 x = hn::Set(d, kAcross ? a[r] : a[r * lda]);
      HWY_UNROLL(16) for (int v = 0; v < kVectors; ++v) {
        sums[r][v] = hn::MulAdd(x, row[v], sums[r][v]);
      }
    }
    a += kAcross ? lda : 1;
    b += ldb;
  }
  HWY_UNROLL(16) for (int r = 0; r < kRows; ++r) {
    HWY_UNROLL(16) for (int v = 0; v < kVectors; ++v) {
      float* const to = c + r * ldc + v * kLaneCount;
      hn::StoreU(add ? hn::Add(sums[r][v], hn::LoadU(d, to)) : sums[r][v], d, to);
    }
  }
}

// S(key, query) for the keys [begin, end) of a chunk and one panel of queries: rows of keys by
// columns of queries. Up to kSlack rows after `end` are overwritten.
inline HWY_NOINLINE void score_tiles(int64_t begin, int64_t end, const float* keys, int64_t ld,
                                     const float* queries, int64_t head_width, float* scores) {
  constexpr int kVectors = static_cast<int>(kPanel) / kLaneCount;
  for (int64_t j = begin; j < end; j += tile_rows(kVectors))
    tile<kVectors, false>(head_width, keys + j * ld, ld, queries, kQueries, scores + j * kQueries,
                          kQueries, false);
}

// The part of the depth that a tile of rows [begin, end) needs; `a` is 0 elsewhere.
struct Depth {
  int64_t begin, end;
};

// Columns [0, vectors) of c(rows,·) = a b, each tile with the depth that depth_of(begin, end) says.
template <int kVectors, bool kAcross, class DepthOf>
HWY_INLINE void channel_panel(int64_t begin, int64_t end, const float* a, int64_t lda,
                              const float* b, float* c, int64_t ld, bool add,
                              const DepthOf& depth_of) {
  constexpr int64_t kRows = tile_rows(kVectors);
  for (int64_t i = begin; i < end; i += kRows) {
    const Depth depth = depth_of(i, i + kRows);
    if (add && depth.begin >= depth.end) continue;
    tile<kVectors, kAcross>(std::max<int64_t>(0, depth.end - depth.begin),
                            kAcross ? a + depth.begin * lda + i : a + i * lda + depth.begin, lda,
                            b + depth.begin * ld, ld, c + i * ld, ld, add);
  }
}

// c = a b or c += a b, where columns are the channels of a head: b and c have rows at distance ld.
// Rows [begin, end) of c are written, and up to kSlack after them.
template <bool kAcross, class DepthOf>
HWY_NOINLINE void channel_tiles(int64_t begin, int64_t end, const float* a, int64_t lda,
                                const float* b, float* c, int64_t ld, int64_t head_width, bool add,
                                const DepthOf& depth_of) {
  int64_t left = (head_width + kLaneCount - 1) / kLaneCount;
  while (left > 0) {  // by two vectors; an odd number ends with three, or is the only one
    const int64_t vectors = left == 1 || left == 3 ? left : 2;
    if (vectors == 1)
      channel_panel<1, kAcross>(begin, end, a, lda, b, c, ld, add, depth_of);
    else if (vectors == 2)
      channel_panel<2, kAcross>(begin, end, a, lda, b, c, ld, add, depth_of);
    else
      channel_panel<3, kAcross>(begin, end, a, lda, b, c, ld, add, depth_of);
    left -= vectors;
    b += vectors * kLaneCount;
    c += vectors * kLaneCount;
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace lineage
HWY_AFTER_NAMESPACE();

#endif  // LINEAGE_KERNELS_CPU_ATTENTION_TILE_INL_H_
