#include "lineage/kernels/cpu/gemm.h"

#include <algorithm>

#include "lineage/base/parallel.h"
#include "lineage/kernels/cpu/gemm_block.h"
#include "lineage/tensor/pool.h"

namespace lineage {
namespace {

constexpr double kWorthThreads =
    40e3;  // multiply-adds; a parallel region costs about a microsecond

int64_t round_up(int64_t n, int64_t to) { return (n + to - 1) / to * to; }

// How c is dealt to threads: blocks of `rows` by `columns`.
struct Grid {
  int64_t rows, columns;
  int64_t down, across;
  int64_t blocks() const { return down * across; }
};

Grid grid_of(int64_t m, int64_t n, int64_t down, int64_t across) {
  const int64_t rows = round_up((m + down - 1) / down, tile_rows());
  const int64_t columns = round_up((n + across - 1) / across, panel_width());
  return {rows, columns, (m + rows - 1) / rows, (n + columns - 1) / columns};
}

// The grid of the least estimated time. Every block packs its own share of B (and of a transposed
// A), so long thin blocks cost more than square ones; costs are in cycles for each step of k.
Grid best_grid(const Product& q, int threads) {
  const double pack_b = q.packed_b ? 0.1 : 0.6, pack_a = q.a.transposed ? 0.5 : 0.1;
  Grid best = grid_of(q.m, q.n, 1, 1);
  double least = 1e30;
  for (int down = 1; down <= threads; ++down) {
    const Grid g = grid_of(q.m, q.n, down, threads / down);
    const auto rows = static_cast<double>(std::min(g.rows, round_up(q.m, tile_rows())));
    const auto columns = static_cast<double>(std::min(g.columns, round_up(q.n, panel_width())));
    const double cost =
        rows * columns / static_cast<double>(panel_width()) + pack_b * columns + pack_a * rows;
    if (cost < least) least = cost, best = g;
  }
  return best;
}

// Scratch of `blocks` pieces, in one huge page where that is possible.
std::shared_ptr<std::byte[]> scratch_for(const Product& q, int64_t blocks) {
  if (q.packed_b && !q.a.transposed) return nullptr;
  const auto bytes = static_cast<size_t>(blocks * block_scratch()) * sizeof(float);
  return pool::allocate(std::max(bytes, size_t{2} << 20));
}

float* piece(const std::shared_ptr<std::byte[]>& scratch, int64_t i) {
  return scratch ? reinterpret_cast<float*>(scratch.get()) + i * block_scratch() : nullptr;
}

void multiply_on(const Product& q, int threads) {
  const Grid g = best_grid(q, threads);
  const auto scratch = scratch_for(q, g.blocks());
  parallel_blocks(g.blocks(), 1, [&](int64_t i, int64_t, int64_t) {
    const int64_t m0 = i / g.across * g.rows, n0 = i % g.across * g.columns;
    multiply_part(q, {m0, std::min(q.m, m0 + g.rows), n0, std::min(q.n, n0 + g.columns)},
                  piece(scratch, i));
  });
}

// A gradient of a small weight sums over very many rows. Then the sum is cut into slices, by the
// shape alone; each slice is one block's work, and their sums are added in order.
constexpr int64_t kSliceDepth = 1024, kMostSlices = 16, kSmallOutput = int64_t{1} << 16;

int64_t slices_of(const Product& q) {
  if (!q.a.transposed || q.b.transposed || q.packed_b || q.m * q.n > kSmallOutput) return 1;
  return std::clamp<int64_t>(q.k / kSliceDepth, 1, kMostSlices);
}

void multiply_sliced(const Product& q, int64_t slices) {
  const int64_t depth = (q.k + slices - 1) / slices, size = q.m * (q.n + 1);
  const auto partial = pool::allocate(static_cast<size_t>(slices * size) * sizeof(float));
  auto* sums = reinterpret_cast<float*>(partial.get());
  const auto scratch = scratch_for(q, slices);
  parallel_blocks(q.k, depth, [&](int64_t i, int64_t begin, int64_t end) {
    Product slice = q;
    slice.k = end - begin;
    slice.a.data += begin * q.a.stride;
    slice.b.data += begin * q.b.stride;
    slice.c = sums + i * size;
    slice.c_stride = q.n;
    slice.a_sums = q.a_sums ? slice.c + q.m * q.n : nullptr;
    slice.accumulate = slice.accumulate_sums = false;
    multiply_part(slice, {0, q.m, 0, q.n}, piece(scratch, i));
  });
  const int64_t used = (q.k + depth - 1) / depth;
  const auto add = [&](float* to, const float* from, int64_t n, bool accumulate) {
    for (int64_t i = accumulate ? -1 : 0, first = i; i < used; ++i) {
      const float* term = i < 0 ? to : from + i * size;
      if (i == first) {
        if (i == 0) std::copy(term, term + n, to);
      } else {
        for (int64_t j = 0; j < n; ++j) to[j] += term[j];
      }
    }
  };
  parallel_for(q.m, std::max<int64_t>(1, (int64_t{1} << 14) / q.n), [&](int64_t m0, int64_t m1) {
    for (int64_t i = m0; i < m1; ++i) {
      add(q.c + i * q.c_stride, sums + i * q.n, q.n, q.accumulate);
    }
  });
  if (q.a_sums) add(q.a_sums, sums + q.m * q.n, q.m, q.accumulate_sums);
}

}  // namespace

void multiply(const Product& q) {
  if (q.m == 0 || q.n == 0) return;
  if (const int64_t slices = slices_of(q); slices > 1) return multiply_sliced(q, slices);
  const double work =
      static_cast<double>(q.m) * static_cast<double>(q.n) * static_cast<double>(q.k);
  multiply_on(q, work < kWorthThreads ? 1 : num_threads());
}

}  // namespace lineage
