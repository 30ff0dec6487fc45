// Packing of the matrix product's operands into the order in which tile_sums() reads them.

// Compiled once for each target: the include guard toggles.
#if defined(LINEAGE_KERNELS_CPU_GEMM_PACK_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef LINEAGE_KERNELS_CPU_GEMM_PACK_INL_H_
#undef LINEAGE_KERNELS_CPU_GEMM_PACK_INL_H_
#else
#define LINEAGE_KERNELS_CPU_GEMM_PACK_INL_H_
#endif

#include <cstring>

#include "lineage/kernels/cpu/gemm_tile-inl.h"

HWY_BEFORE_NAMESPACE();
namespace lineage {
namespace HWY_NAMESPACE {

// panel[k][j] = rows[j·stride + k] for j < width and kc values of k; zeros for the other columns.
inline void pack_panel_transposed(float* HWY_RESTRICT panel, const float* HWY_RESTRICT rows,
                                  int64_t stride, int64_t kc, int width) {
  int j = 0;
#if HWY_TARGET != HWY_SCALAR
  // Blocks of 4x4, turned in registers: the one size that every vector width offers.
  const hn::FixedTag<float, 4> d4;
  const hn::RepartitionToWide<decltype(d4)> pairs;
  for (; j + 4 <= width; j += 4) {
    const float* in = rows + j * stride;
    float* out = panel + j;
    int64_t k = 0;
    for (; k + 4 <= kc; k += 4, in += 4, out += 4 * kPanelWidth) {
      const auto a = hn::LoadU(d4, in), b = hn::LoadU(d4, in + stride);
      const auto c = hn::LoadU(d4, in + 2 * stride), e = hn::LoadU(d4, in + 3 * stride);
      const auto ab = hn::BitCast(pairs, hn::InterleaveLower(d4, a, b));
      const auto ce = hn::BitCast(pairs, hn::InterleaveLower(d4, c, e));
      const auto ab_upper = hn::BitCast(pairs, hn::InterleaveUpper(d4, a, b));
      const auto ce_upper = hn::BitCast(pairs, hn::InterleaveUpper(d4, c, e));
      hn::Store(hn::BitCast(d4, hn::InterleaveLower(pairs, ab, ce)), d4, out);
      hn::Store(hn::BitCast(d4, hn::InterleaveUpper(pairs, ab, ce)), d4, out + kPanelWidth);
      hn::Store(hn::BitCast(d4, hn::InterleaveLower(pairs, ab_upper, ce_upper)), d4,
                out + 2 * kPanelWidth);
      hn::Store(hn::BitCast(d4, hn::InterleaveUpper(pairs, ab_upper, ce_upper)), d4,
                out + 3 * kPanelWidth);
    }
    for (; k < kc; ++k, ++in, out += kPanelWidth) {
      for (int lane = 0; lane < 4; ++lane) out[lane] = in[lane * stride];
    }
  }
#endif
  for (; j < kPanelWidth; ++j) {
    for (int64_t k = 0; k < kc; ++k) {
      panel[k * kPanelWidth + j] = j < width ? rows[j * stride + k] : 0.0f;
    }
  }
}

// panel[k][j] = rows[k·stride + j], likewise.
inline void pack_panel_rows(float* HWY_RESTRICT panel, const float* HWY_RESTRICT rows,
                            int64_t stride, int64_t kc, int width) {
  const Lanes d;
  for (int64_t k = 0; k < kc; ++k, panel += kPanelWidth, rows += stride) {
    if (width == kPanelWidth) {
      hn::Store(hn::LoadU(d, rows), d, panel);
      hn::Store(hn::LoadU(d, rows + kLanes), d, panel + kLanes);
    } else {
      for (int j = 0; j < kPanelWidth; ++j) panel[j] = j < width ? rows[j] : 0.0f;
    }
  }
}

// The rows [k0, k0 + kc) and columns [j0, j0 + width) of b, zeros beyond the width.
inline void pack_panel(float* panel, const Operand& b, int64_t k0, int64_t kc, int64_t j0,
                       int64_t width) {
  if (b.transposed) {
    pack_panel_transposed(panel, b.data + j0 * b.stride + k0, b.stride, kc,
                          static_cast<int>(width));
  } else {
    pack_panel_rows(panel, b.data + k0 * b.stride + j0, b.stride, kc, static_cast<int>(width));
  }
}

// sliver[k][i] = columns[k·stride + i] for i < rows, and their sums over k added to `sums` when
// given. Whole vectors are moved where `readable` columns allow: each k overwrites what the one
// before it left beyond its rows, so the sliver needs kLanes values of room behind it.
inline void pack_sliver(float* HWY_RESTRICT sliver, const float* HWY_RESTRICT columns,
                        int64_t stride, int64_t kc, int rows, int64_t readable,
                        float* HWY_RESTRICT sums) {
  constexpr int kVectors = (kTileRows + kLanes - 1) / kLanes;
  const Lanes d;
  if (readable < kVectors * kLanes) {
    for (int i = 0; i < kTileRows; ++i) {
      if (i >= rows) {
        for (int64_t k = 0; k < kc; ++k) sliver[k * kTileRows + i] = 0;
        continue;
      }
      float sum = 0;
      for (int64_t k = 0; k < kc; ++k) {
        sliver[k * kTileRows + i] = columns[k * stride + i];
        sum += columns[k * stride + i];
      }
      if (sums) sums[i] += sum;
    }
    return;
  }
  Floats totals[kVectors];
  HWY_UNROLL(16) for (int v = 0; v < kVectors; ++v) totals[v] = hn::Zero(d);
  for (int64_t k = 0; k < kc; ++k, sliver += kTileRows, columns += stride) {
    HWY_UNROLL(16) for (int v = 0; v < kVectors; ++v) {
      const Floats x = hn::LoadU(d, columns + v * kLanes);
      hn::StoreU(x, d, sliver + v * kLanes);
      totals[v] = hn::Add(totals[v], x);
    }
  }
  if (!sums) return;
  HWY_ALIGN float lanes[kVectors * kLanes];
  HWY_UNROLL(16) for (int v = 0; v < kVectors; ++v) hn::Store(totals[v], d, lanes + v * kLanes);
  for (int i = 0; i < rows; ++i) sums[i] += lanes[i];
}

}  // namespace HWY_NAMESPACE
}  // namespace lineage
HWY_AFTER_NAMESPACE();

#endif  // LINEAGE_KERNELS_CPU_GEMM_PACK_INL_H_
