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

// Rows are copied a few at a time to all panels or slivers: that reads memory in its own order and
// leaves the lines it writes whole.
constexpr int64_t kRowsAtOnce = 16;

// Row-major rows(kc,width) into panels of kc rows, zeros beyond the width.
inline void pack_panels_rows(float* HWY_RESTRICT panels, const float* HWY_RESTRICT rows,
                             int64_t stride, int64_t kc, int64_t width) {
  const Lanes d;
  for (int64_t k = 0; k < kc; k += kRowsAtOnce) {
    const int64_t end = HWY_MIN(kc, k + kRowsAtOnce);
    for (int64_t j = 0; j < width; j += kPanelWidth) {
      const float* in = rows + k * stride + j;
      float* out = panels + j * kc + k * kPanelWidth;
      const int64_t count = width - j;
      for (int64_t i = k; i < end; ++i, in += stride, out += kPanelWidth) {
        if (count >= kPanelWidth) {
          hn::Store(hn::LoadU(d, in), d, out);
          hn::Store(hn::LoadU(d, in + kLanes), d, out + kLanes);
        } else {
          for (int v = 0; v < kPanelWidth; ++v) out[v] = v < count ? in[v] : 0.0f;
        }
      }
    }
  }
}

// The values [k0, k0 + kc) x [j0, j1) of b in panels, zeros beyond j1.
inline void pack_b(float* panels, const Operand& b, int64_t k0, int64_t kc, int64_t j0,
                   int64_t j1) {
  if (!b.transposed) {
    return pack_panels_rows(panels, b.data + k0 * b.stride + j0, b.stride, kc, j1 - j0);
  }
  for (int64_t j = j0; j < j1; j += kPanelWidth) {
    pack_panel_transposed(panels + (j - j0) * kc, b.data + j * b.stride + k0, b.stride, kc,
                          static_cast<int>(HWY_MIN(j1 - j, kPanelWidth)));
  }
}

// sums[j] += the sum of rows(count,width) over its rows.
inline void add_rows(float* HWY_RESTRICT sums, const float* HWY_RESTRICT rows, int64_t stride,
                     int64_t count, int64_t width) {
  const Lanes d;
  int64_t j = 0;
  for (; j + kLanes <= width; j += kLanes) {
    Floats sum = hn::LoadU(d, sums + j);
    for (int64_t k = 0; k < count; ++k) sum = hn::Add(sum, hn::LoadU(d, rows + k * stride + j));
    hn::StoreU(sum, d, sums + j);
  }
  for (; j < width; ++j) {
    for (int64_t k = 0; k < count; ++k) sums[j] += rows[k * stride + j];
  }
}

// Row-major rows(kc,width) into slivers of kTileRows values for each of kc rows, zeros beyond the
// width; and their sums over k added to `sums` if given.
inline void pack_a(float* HWY_RESTRICT slivers, const float* HWY_RESTRICT rows, int64_t stride,
                   int64_t kc, int64_t width, float* HWY_RESTRICT sums) {
  constexpr int64_t kVectors = (kTileRows + kLanes - 1) / kLanes, kReach = kVectors * kLanes;
  const Lanes d;
  for (int64_t k = 0; k < kc; k += kRowsAtOnce) {
    const int64_t end = HWY_MIN(kc, k + kRowsAtOnce);
    for (int64_t i = 0; i < width; i += kTileRows) {
      const float* in = rows + k * stride + i;
      float* out = slivers + i * kc + k * kTileRows;
      int64_t row = k;
      if (i + kReach <= width) {
        // Whole vectors: what one leaves beyond its row, the next row overwrites. The last has
        // none.
        for (; row < HWY_MIN(end, kc - 1); ++row, in += stride, out += kTileRows) {
          HWY_UNROLL(16) for (int64_t v = 0; v < kReach; v += kLanes) {
            hn::StoreU(hn::LoadU(d, in + v), d, out + v);
          }
        }
      }
      for (; row < end; ++row, in += stride, out += kTileRows) {
        for (int64_t v = 0; v < kTileRows; ++v) out[v] = i + v < width ? in[v] : 0.0f;
      }
    }
    if (sums) add_rows(sums, rows + k * stride, stride, end - k, width);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace lineage
HWY_AFTER_NAMESPACE();

#endif  // LINEAGE_KERNELS_CPU_GEMM_PACK_INL_H_
