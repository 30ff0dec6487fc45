#include "lineage/kernels/cpu/gemm_block.h"

#include <algorithm>

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

// One panel of B, as deep as a block, lies in L1 while the slivers of a block of A pass by from L2;
// the columns of B that the panels come from lie in the shared cache, up to kMaxPacked values.
// A quarter of L2 would hold a block of A: other threads of the core, and what is fetched ahead,
// want the rest. A gradient of a weight has little work for the memory it reads, so there the
// blocks of both matrices, and those that follow, must all fit in L2.
constexpr int64_t kMaxDepth = kLanes == 16 ? 256 : 384;
constexpr int64_t kMaxDepthTransposed = 192;
constexpr int64_t kMaxRows = 8 * kTileRows;
constexpr int64_t kMaxColumns = 1024;
constexpr int64_t kMaxPacked = int64_t{768} << 10;
constexpr int64_t kSliverRoom = kMaxDepth * kMaxRows + 16;
constexpr int64_t kScratch = kSliverRoom + kMaxPacked;

int64_t round_up(int64_t n, int64_t to) { return (n + to - 1) / to * to; }

// Equal steps of at most `most`, each a multiple of `unit`.
int64_t even_step(int64_t n, int64_t most, int64_t unit) {
  const int64_t steps = std::max<int64_t>(1, (n + most - 1) / most);
  return std::max(unit, round_up((n + steps - 1) / steps, unit));
}

// Brings memory that the next block needs into L2, a few lines for each tile of this one.
class Fetcher {
 public:
  void add(const float* data, int64_t stride, int64_t rows, int64_t columns) {
    regions_[count_++] = {data, stride, rows, (columns + kLine - 1) / kLine};
  }
  void spread_over(int64_t tiles) {
    int64_t lines = 0;
    for (int i = 0; i < count_; ++i) lines += regions_[i].rows * regions_[i].lines;
    share_ = (lines + tiles - 1) / std::max<int64_t>(tiles, 1);
  }
  HWY_INLINE void fetch() {
    for (int64_t left = share_; left > 0 && count_ > 0; --left) {
      Region& r = regions_[count_ - 1];
      __builtin_prefetch(r.data + line_ * kLine, 0, 2);
      if (++line_ < r.lines) continue;
      line_ = 0;
      r.data += r.stride;
      if (--r.rows == 0) --count_;
    }
  }

 private:
  static constexpr int64_t kLine = 16;
  struct Region {
    const float* data;
    int64_t stride, rows, lines;
  };
  Region regions_[2];
  int count_ = 0;
  int64_t line_ = 0, share_ = 0;
};

// One block of A against one block of B: rows [m0,m1), columns [n0,n1), kc values of k. `a` and `b`
// point at the first value; sliver s of a packed A begins at a + s·kc·kTileRows.
struct Block {
  const Product& q;
  int64_t m0, m1, n0, n1, kc;
  const float* a;
  const float* b;
  int64_t panel_stride;
  bool add, last;
  Fetcher next;
};

template <int R = kTileRows, class Visitor>
HWY_INLINE void with_rows(int rows, const Visitor& visit) {
  if constexpr (R > 1) {
    if (rows < R) return with_rows<R - 1>(rows, visit);
  }
  visit.template operator()<R>();
}

template <int R, int P, bool kPackedA>
HWY_INLINE void tile(const Block& s, const float* a, const float* b, int64_t i, int64_t j,
                     int rows) {
  float* c = s.q.c + i * s.q.c_stride + j;
  for (int r = 0; r < rows; ++r) __builtin_prefetch(c + r * s.q.c_stride, 1);
  Floats sums[R][2 * P];
  tile_sums<R, P, kPackedA>(s.kc, a, s.q.a.stride, b, s.panel_stride, sums);
  HWY_UNROLL(4) for (int p = 0; p < P; ++p) {
    store_tile<R, P>(sums, p, rows, s.q, i, j + p * kPanelWidth, s.add, s.last);
  }
}

template <bool kPackedA>
HWY_NOINLINE void multiply_block(Block& s) {
  for (int64_t j = s.n0; j < s.n1; j += kPanelWidth) {
    const float* b = s.b + (j - s.n0) / kPanelWidth * s.panel_stride;
    const int64_t step = kTileRows * (kPackedA ? s.kc : s.q.a.stride);
    const int64_t above = s.q.lower_half ? std::clamp<int64_t>(j - s.m0, 0, s.m1 - s.m0) : 0;
    int64_t i = s.m0 + above / kTileRows * kTileRows;
    const float* a = s.a + above / kTileRows * step;
    for (; i + kTileRows <= s.m1; i += kTileRows, a += step) {
      s.next.fetch();
      tile<kTileRows, 1, kPackedA>(s, a, b, i, j, kTileRows);
    }
    if (i == s.m1) continue;
    const int rows = static_cast<int>(s.m1 - i);
    if constexpr (kPackedA) {
      tile<kTileRows, 1, true>(s, a, b, i, j, rows);
    } else {
      with_rows(rows, [&]<int R>() HWY_ATTR { tile<R, 1, false>(s, a, b, i, j, R); });
    }
  }
}

// Few rows leave registers for several panels at once, which hides the latency of the adds.
template <int R>
constexpr int kPanelsAtOnce = R == 1   ? 4
                              : R == 2 ? 3
                              : R == 3 ? 2
                                       : 1;

template <int R>
HWY_NOINLINE void multiply_few_rows(const Block& s) {
  constexpr int P = kPanelsAtOnce<R>;
  const auto panel = [&](int64_t j) { return s.b + (j - s.n0) / kPanelWidth * s.panel_stride; };
  int64_t j = s.n0;
  if constexpr (P > 1) {
    for (; j + (P - 1) * kPanelWidth < s.n1; j += P * kPanelWidth) {
      tile<R, P, false>(s, s.a, panel(j), s.m0, j, R);
    }
  }
  for (; j < s.n1; j += kPanelWidth) tile<R, 1, false>(s, s.a, panel(j), s.m0, j, R);
}

// The walk of one thread through its part of a product.
class Walk {
 public:
  Walk(const Product& q, const Part& part, float* scratch)
      : q_(q), part_(part), slivers_(scratch), packed_(scratch + kSliverRoom) {
    // Of k and the kind of product alone: it settles the order of summation.
    depth_ = even_step(q.k, q.a.transposed ? kMaxDepthTransposed : kMaxDepth, 8);
    width_ = even_step(part.n1 - part.n0, kMaxColumns, kPanelWidth);
    height_ = even_step(part.m1 - part.m0, kMaxRows, kTileRows);
    span_ = q.packed_b       ? std::max(q.k, depth_)
            : q.a.transposed ? depth_
                             : even_step(q.k, kMaxPacked / width_ / depth_ * depth_, depth_);
    if (q.a_sums && part.n0 == 0 && !q.accumulate_sums) {
      std::fill(q.a_sums + part.m0, q.a_sums + part.m1, 0.0f);
    }
  }

  void run() {
    for (int64_t n0 = part_.n0; n0 < part_.n1; n0 += width_) {
      const int64_t n1 = std::min(part_.n1, n0 + width_);
      for (int64_t span = 0; span == 0 || span < q_.k; span += span_) {
        const int64_t end = std::min(q_.k, span + span_);
        if (!q_.packed_b) pack_b(packed_, q_.b, span, end - span, n0, n1);
        for (int64_t m0 = part_.m0; m0 < part_.m1; m0 += height_) {
          for (int64_t k0 = span; k0 == span || k0 < end; k0 += depth_) {
            multiply(m0, n0, n1, k0, span, end);
          }
        }
      }
    }
  }

 private:
  void multiply(int64_t m0, int64_t n0, int64_t n1, int64_t k0, int64_t span, int64_t end) {
    const int64_t m1 = std::min(part_.m1, m0 + height_), kc = std::min(end - k0, depth_);
    Block s{q_, m0, m1, n0, n1, kc, nullptr, nullptr, 0, q_.accumulate || k0 > 0, k0 + kc >= q_.k,
            {}};
    if (q_.packed_b) {
      s.b = q_.packed_b + n0 * q_.k + k0 * kPanelWidth;
      s.panel_stride = q_.k * kPanelWidth;
    } else {
      s.b = packed_ + (k0 - span) * kPanelWidth;
      s.panel_stride = (end - span) * kPanelWidth;
    }
    if (k0 + depth_ < end) {
      fetch_a(s.next, m0, k0 + depth_);
    } else if (m1 < part_.m1) {
      fetch_a(s.next, m1, span);
    } else if (end < q_.k) {
      fetch_a(s.next, part_.m0, end);
      if (q_.a.transposed && !q_.b.transposed && !q_.packed_b) {
        s.next.add(q_.b.data + end * q_.b.stride + n0, q_.b.stride, std::min(q_.k - end, depth_),
                   n1 - n0);
      }
    }
    s.next.spread_over((m1 - m0) / kTileRows * ((n1 - n0 + kPanelWidth - 1) / kPanelWidth));
    if (q_.a.transposed) {
      pack_a(slivers_, q_.a.data + k0 * q_.a.stride + m0, q_.a.stride, kc, m1 - m0,
             q_.a_sums && n0 == 0 ? q_.a_sums + m0 : nullptr);
      s.a = slivers_;
      multiply_block<true>(s);
    } else {
      s.a = q_.a.data + m0 * q_.a.stride + k0;
      if (m1 - m0 >= kTileRows) return multiply_block<false>(s);
      with_rows(static_cast<int>(m1 - m0), [&]<int R>() HWY_ATTR { multiply_few_rows<R>(s); });
    }
  }

  void fetch_a(Fetcher& next, int64_t m0, int64_t k0) {
    const int64_t rows = std::min(part_.m1 - m0, height_), kc = std::min(q_.k - k0, depth_);
    if (q_.a.transposed) {
      next.add(q_.a.data + k0 * q_.a.stride + m0, q_.a.stride, kc, rows);
    } else {
      next.add(q_.a.data + m0 * q_.a.stride + k0, q_.a.stride, rows, kc);
    }
  }

  const Product& q_;
  const Part& part_;
  float* slivers_;
  float* packed_;
  int64_t depth_, width_, height_, span_;
};

void multiply_part(const Product& q, const Part& part, float* scratch) {
  Walk(q, part, scratch).run();
}

void pack_panels(float* packed, const Operand& b, int64_t k, int64_t n, int64_t begin,
                 int64_t end) {
  for (int64_t panel = begin; panel < end; ++panel) {
    const int64_t j = panel * kPanelWidth;
    pack_b(packed + j * k, b, 0, k, j, std::min(n, j + kPanelWidth));
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
