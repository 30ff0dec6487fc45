#include "lineage/kernels/cpu/gemm_block.h"

#include "lineage/kernels/cpu/targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "lineage/kernels/cpu/gemm_block.cc"
#include "hwy/foreach_target.h"
#include "lineage/kernels/cpu/gemm_pack-inl.h"
#include "lineage/kernels/cpu/gemm_tile-inl.h"

HWY_BEFORE_NAMESPACE();
namespace lineage {
namespace HWY_NAMESPACE {
namespace {

// A sliver of A and the panel that streams past it share L1; the block of B stays in L2.
constexpr int64_t kMaxDepth = 256;
constexpr int64_t kBlockValues = 80 << 10;
constexpr int64_t kScratch = kBlockValues + (kMaxDepth + 16) * kTileRows;

int64_t round_up(int64_t n, int64_t to) { return (n + to - 1) / to * to; }

// Equal steps of at most `most`, each a multiple of `unit`. What `k` is cut into depends on k
// alone.
int64_t even_step(int64_t n, int64_t most, int64_t unit) {
  const int64_t steps = std::max<int64_t>(1, (n + most - 1) / most);
  return std::max(unit, round_up((n + steps - 1) / steps, unit));
}

template <int R = kTileRows, class Visitor>
HWY_INLINE void with_rows(int rows, const Visitor& visit) {
  if constexpr (R > 1) {
    if (rows < R) return with_rows<R - 1>(rows, visit);
  }
  visit.template operator()<R>();
}

// Few rows leave registers for several panels at once, which hides the latency of the adds.
template <int R>
constexpr int kPanelsAtOnce = R == 1   ? 4
                              : R == 2 ? 3
                              : R == 3 ? 2
                                       : 1;

// One block of k for one sliver of rows: `a` and `b` point at its first value.
struct Sweep {
  const Product& q;
  int64_t i, n0, n1, kc;
  const float* a;
  const float* b;
  int64_t panel_stride;
  bool add, last;
};

template <int R, int P, bool kPackedA>
HWY_INLINE void tiles(const Sweep& s, int rows, int64_t j) {
  Floats sums[R][2 * P];
  tile_sums<R, P, kPackedA>(s.kc, s.a, s.q.a.stride,
                            s.b + (j - s.n0) / kPanelWidth * s.panel_stride, s.panel_stride, sums);
  HWY_UNROLL(4) for (int p = 0; p < P; ++p) {
    store_tile<R, P>(sums, p, rows, s.q, s.i, j + p * kPanelWidth, s.add, s.last);
  }
}

template <int R, bool kPackedA>
HWY_NOINLINE void sweep(const Sweep& s, int rows) {
  constexpr int P = kPackedA ? 1 : kPanelsAtOnce<R>;
  int64_t j = s.n0;
  if constexpr (P > 1) {
    for (; j + (P - 1) * kPanelWidth < s.n1; j += P * kPanelWidth)
      tiles<R, P, kPackedA>(s, rows, j);
  }
  for (; j < s.n1; j += kPanelWidth) tiles<R, 1, kPackedA>(s, rows, j);
}

void multiply_part(const Product& q, const Part& part, float* HWY_RESTRICT scratch) {
  const int64_t depth = even_step(q.k, kMaxDepth, 8);
  const int64_t width =
      even_step(part.n1 - part.n0, kBlockValues / depth / kPanelWidth * kPanelWidth, kPanelWidth);
  float* block = scratch;
  float* sliver = scratch + kBlockValues;
  const bool sums_wanted = q.a_sums && part.n0 == 0;
  if (sums_wanted && !q.accumulate_sums) std::fill(q.a_sums + part.m0, q.a_sums + part.m1, 0.0f);
  for (int64_t n0 = part.n0; n0 < part.n1; n0 += width) {
    const int64_t n1 = std::min(part.n1, n0 + width);
    for (int64_t k0 = 0; k0 == 0 || k0 < q.k; k0 += depth) {
      const int64_t kc = std::min(q.k - k0, depth);
      Sweep s{q, 0, n0, n1, kc, nullptr, nullptr, 0, q.accumulate || k0 > 0, k0 + depth >= q.k};
      if (q.packed_b) {
        s.b = q.packed_b + n0 * q.k + k0 * kPanelWidth;
        s.panel_stride = q.k * kPanelWidth;
      } else {
        s.b = block;
        s.panel_stride = kc * kPanelWidth;
        for (int64_t j = n0; j < n1; j += kPanelWidth) {
          pack_panel(block + (j - n0) * kc, q.b, k0, kc, j,
                     std::min<int64_t>(kPanelWidth, q.n - j));
        }
      }
      for (s.i = part.m0; s.i < part.m1; s.i += kTileRows) {
        const int rows = static_cast<int>(std::min<int64_t>(kTileRows, part.m1 - s.i));
        if (q.a.transposed) {
          float* sums = sums_wanted && n0 == 0 ? q.a_sums + s.i : nullptr;
          pack_sliver(sliver, q.a.data + k0 * q.a.stride + s.i, q.a.stride, kc, rows, q.m - s.i,
                      sums);
          s.a = sliver;
          sweep<kTileRows, true>(s, rows);
        } else {
          s.a = q.a.data + s.i * q.a.stride + k0;
          with_rows(rows, [&]<int R>() HWY_ATTR { sweep<R, false>(s, R); });
        }
      }
    }
  }
}

void pack_panels(float* packed, const Operand& b, int64_t k, int64_t n, int64_t begin,
                 int64_t end) {
  for (int64_t panel = begin; panel < end; ++panel) {
    const int64_t j = panel * kPanelWidth;
    pack_panel(packed + panel * kPanelWidth * k, b, 0, k, j, std::min<int64_t>(kPanelWidth, n - j));
  }
}

int64_t panel_width() { return kPanelWidth; }
int64_t tile_rows() { return kTileRows; }
int64_t block_scratch() { return kScratch; }

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace lineage
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include "lineage/base/parallel.h"

namespace lineage {

HWY_EXPORT(multiply_part);
HWY_EXPORT(pack_panels);
HWY_EXPORT(panel_width);
HWY_EXPORT(tile_rows);
HWY_EXPORT(block_scratch);

void multiply_part(const Product& q, const Part& part, float* scratch) {
  HWY_DYNAMIC_DISPATCH(multiply_part)(q, part, scratch);
}
int64_t panel_width() { return HWY_DYNAMIC_DISPATCH(panel_width)(); }
int64_t tile_rows() { return HWY_DYNAMIC_DISPATCH(tile_rows)(); }
int64_t block_scratch() { return HWY_DYNAMIC_DISPATCH(block_scratch)(); }

void pack_panels(float* packed, const Operand& b, int64_t k, int64_t n) {
  const int64_t width = panel_width();
  const int64_t grain =
      std::max<int64_t>(1, (int64_t{1} << 15) / (width * std::max<int64_t>(k, 1)));
  parallel_for((n + width - 1) / width, grain, [&](int64_t begin, int64_t end) {
    HWY_DYNAMIC_DISPATCH(pack_panels)(packed, b, k, n, begin, end);
  });
}

}  // namespace lineage
#endif  // HWY_ONCE
