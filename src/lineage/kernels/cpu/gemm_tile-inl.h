// The register tile of the matrix product: up to kTileRows rows by panels of kPanelWidth columns.

// Compiled once for each target: the include guard toggles.
#if defined(LINEAGE_KERNELS_CPU_GEMM_TILE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef LINEAGE_KERNELS_CPU_GEMM_TILE_INL_H_
#undef LINEAGE_KERNELS_CPU_GEMM_TILE_INL_H_
#else
#define LINEAGE_KERNELS_CPU_GEMM_TILE_INL_H_
#endif

#include <cstring>

#include "lineage/kernels/cpu/activation-inl.h"
#include "lineage/kernels/cpu/gemm.h"

HWY_BEFORE_NAMESPACE();
namespace lineage {
namespace HWY_NAMESPACE {

using Lanes = hn::CappedTag<float, 16>;
using Floats = hn::Vec<Lanes>;
constexpr int kLanes = static_cast<int>(hn::MaxLanes(Lanes()));
constexpr int kPanelWidth = 2 * kLanes;
// Sums fill the registers: 12 of 16, or 24 of 32; the rest hold a row of the panel and one of A.
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_NEON
constexpr int kTileRows = 12;
#else
constexpr int kTileRows = 6;
#endif

// sums = a(R,kc) b(kc,P panels). Row r of `a` begins at a + r·a_stride when read in place; a packed
// sliver holds kTileRows values for each k.
template <int R, int P, bool kPackedA>
HWY_INLINE void tile_sums(int64_t kc, const float* HWY_RESTRICT a, int64_t a_stride,
                          const float* HWY_RESTRICT b, int64_t panel_stride,
                          Floats (&sums)[R][2 * P]) {
  const Lanes d;
  HWY_UNROLL(16) for (int r = 0; r < R; ++r) {
    HWY_UNROLL(8) for (int v = 0; v < 2 * P; ++v) sums[r][v] = hn::Zero(d);
  }
  HWY_UNROLL(4) for (; kc > 0; --kc) {
    Floats columns[2 * P];
    HWY_UNROLL(8) for (int v = 0; v < 2 * P; ++v) {
      columns[v] = hn::Load(d, b + (v / 2) * panel_stride + (v % 2) * kLanes);
    }
    b += kPanelWidth;
    HWY_UNROLL(16) for (int r = 0; r < R; ++r) {
      const Floats x = hn::Set(d, kPackedA ? a[r] : a[r * a_stride]);
      HWY_UNROLL(8) for (int v = 0; v < 2 * P; ++v) {
        sums[r][v] = hn::MulAdd(x, columns[v], sums[r][v]);
      }
    }
    a += kPackedA ? kTileRows : 1;
  }
}

// Where finished sums go: kPanelWidth columns of a few rows, and what the epilogue reads there.
struct Destination {
  float* c;
  int64_t c_stride;
  bool add;  // to what c (or, under Kind::activate, pre) holds
  const float* bias;
  const float* residual;
  int64_t residual_stride;
  float* pre;
  int64_t pre_stride;
};

// The epilogue of `rows` rows of finished sums, one vector at a time.
inline void finish_rows(const float* HWY_RESTRICT sums, int rows, const Destination& to,
                        Epilogue::Kind kind, Activation activation) {
  const Lanes d;
  const auto each = [&](const auto& finish) HWY_ATTR {
    for (int r = 0; r < rows; ++r) {
      for (int v = 0; v < kPanelWidth; v += kLanes) {
        finish(hn::Load(d, sums + r * kPanelWidth + v), r, v);
      }
    }
  };
  if (kind == Epilogue::Kind::plain) {
    each([&](Floats x, int r, int v) HWY_ATTR {
      float* c = to.c + r * to.c_stride + v;
      if (to.add) x = hn::Add(hn::LoadU(d, c), x);
      if (to.bias) x = hn::Add(x, hn::LoadU(d, to.bias + v));
      if (to.residual) x = hn::Add(x, hn::LoadU(d, to.residual + r * to.residual_stride + v));
      hn::StoreU(x, d, c);
    });
  } else if (kind == Epilogue::Kind::activate) {
    with_activation(activation, [&]<Activation A>() HWY_ATTR {
      each([&](Floats x, int r, int v) HWY_ATTR {
        float* pre = to.pre + r * to.pre_stride + v;
        if (to.add) x = hn::Add(hn::LoadU(d, pre), x);
        if (to.bias) x = hn::Add(x, hn::LoadU(d, to.bias + v));
        hn::StoreU(x, d, pre);
        hn::StoreU(activate<A>(d, x).value, d, to.c + r * to.c_stride + v);
      });
    });
  } else {
    with_activation(activation, [&]<Activation A>() HWY_ATTR {
      each([&](Floats x, int r, int v) HWY_ATTR {
        float* c = to.c + r * to.c_stride + v;
        float* pre = to.pre + r * to.pre_stride + v;
        if (to.add) x = hn::Add(hn::LoadU(d, c), x);
        const auto act = activate<A>(d, hn::LoadU(d, pre));
        hn::StoreU(act.value, d, c);
        hn::StoreU(hn::Mul(x, act.slope), d, pre);
      });
    });
  }
}

// The same where the matrix ends within the panel: each row goes through padded copies, so that
// every element meets the same instructions wherever it lies.
HWY_NOINLINE void finish_edge(const float* HWY_RESTRICT sums, int rows, int width,
                              const Destination& to, Epilogue::Kind kind, Activation activation) {
  HWY_ALIGN float c[kPanelWidth] = {}, pre[kPanelWidth] = {};
  HWY_ALIGN float bias[kPanelWidth] = {}, residual[kPanelWidth] = {};
  const auto bytes = static_cast<size_t>(width) * sizeof(float);
  const bool reads_pre =
      kind == Epilogue::Kind::activate_backward || (kind == Epilogue::Kind::activate && to.add);
  if (to.bias) std::memcpy(bias, to.bias, bytes);
  for (int r = 0; r < rows; ++r) {
    if (to.add) std::memcpy(c, to.c + r * to.c_stride, bytes);
    if (to.residual) std::memcpy(residual, to.residual + r * to.residual_stride, bytes);
    if (reads_pre) std::memcpy(pre, to.pre + r * to.pre_stride, bytes);
    finish_rows(
        sums + r * kPanelWidth, 1,
        {c, 0, to.add, to.bias ? bias : nullptr, to.residual ? residual : nullptr, 0, pre, 0}, kind,
        activation);
    std::memcpy(to.c + r * to.c_stride, c, bytes);
    if (kind != Epilogue::Kind::plain) std::memcpy(to.pre + r * to.pre_stride, pre, bytes);
  }
}

// Stores the sums of one panel, rows [i, i + rows) and columns from j: rows <= R.
template <int R, int P>
HWY_INLINE void store_tile(const Floats (&sums)[R][2 * P], int panel, int rows, const Product& q,
                           int64_t i, int64_t j, bool add, bool last) {
  const Lanes d;
  const Epilogue& e = q.epilogue;
  float* HWY_RESTRICT c = q.c + i * q.c_stride + j;
  const bool whole = rows == R && j + kPanelWidth <= q.n;
  if (whole && (!last || (e.kind == Epilogue::Kind::plain && !e.bias && !e.residual)) &&
      e.kind != Epilogue::Kind::activate) {
    if (add) {
      HWY_UNROLL(16) for (int r = 0; r < R; ++r, c += q.c_stride) {
        hn::StoreU(hn::Add(hn::LoadU(d, c), sums[r][2 * panel]), d, c);
        hn::StoreU(hn::Add(hn::LoadU(d, c + kLanes), sums[r][2 * panel + 1]), d, c + kLanes);
      }
    } else {
      HWY_UNROLL(16) for (int r = 0; r < R; ++r, c += q.c_stride) {
        hn::StoreU(sums[r][2 * panel], d, c);
        hn::StoreU(sums[r][2 * panel + 1], d, c + kLanes);
      }
    }
    return;
  }
  if (whole && e.kind == Epilogue::Kind::plain) {  // the last block, with something to add
    const Floats none = hn::Zero(d);
    const Floats bias0 = e.bias ? hn::LoadU(d, e.bias + j) : none;
    const Floats bias1 = e.bias ? hn::LoadU(d, e.bias + j + kLanes) : none;
    const float* residual = e.residual ? e.residual + i * e.residual_stride + j : nullptr;
    HWY_UNROLL(16) for (int r = 0; r < R; ++r, c += q.c_stride) {
      Floats x0 = sums[r][2 * panel], x1 = sums[r][2 * panel + 1];
      if (add) {
        x0 = hn::Add(hn::LoadU(d, c), x0);
        x1 = hn::Add(hn::LoadU(d, c + kLanes), x1);
      }
      if (e.bias) {
        x0 = hn::Add(x0, bias0);
        x1 = hn::Add(x1, bias1);
      }
      if (residual) {
        x0 = hn::Add(x0, hn::LoadU(d, residual));
        x1 = hn::Add(x1, hn::LoadU(d, residual + kLanes));
        residual += e.residual_stride;
      }
      hn::StoreU(x0, d, c);
      hn::StoreU(x1, d, c + kLanes);
    }
    return;
  }
  HWY_ALIGN float buffer[R * kPanelWidth];
  HWY_UNROLL(16) for (int r = 0; r < R; ++r) {
    hn::Store(sums[r][2 * panel], d, buffer + r * kPanelWidth);
    hn::Store(sums[r][2 * panel + 1], d, buffer + r * kPanelWidth + kLanes);
  }
  const auto at = [&](auto* base, int64_t stride) { return base ? base + i * stride + j : base; };
  Destination to{c,
                 q.c_stride,
                 add,
                 last && e.bias ? e.bias + j : nullptr,
                 nullptr,
                 e.residual_stride,
                 at(e.pre, e.pre_stride),
                 e.pre_stride};
  if (last) to.residual = at(e.residual, e.residual_stride);
  Epilogue::Kind kind = e.kind;
  if (!last) {
    // Sums that are not complete wait where the epilogue will look for them.
    if (kind == Epilogue::Kind::activate) to.c = to.pre, to.c_stride = to.pre_stride;
    kind = Epilogue::Kind::plain;
  }
  const int width = static_cast<int>(q.n - j < kPanelWidth ? q.n - j : kPanelWidth);
  if (width == kPanelWidth) {
    finish_rows(buffer, rows, to, kind, e.activation);
  } else {
    finish_edge(buffer, rows, width, to, kind, e.activation);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace lineage
HWY_AFTER_NAMESPACE();

#endif  // LINEAGE_KERNELS_CPU_GEMM_TILE_INL_H_
