#pragma once

#include "lineage/kernels/cpu/gemm.h"

namespace lineage {

// The part [m0,m1) x [n0,n1) of a product, on this thread; n0 a multiple of panel_width() (and m0
// best one of tile_rows()). `scratch`, 64-byte aligned, holds block_scratch() values.
struct Part {
  int64_t m0, m1, n0, n1;
};
void multiply_part(const Product&, const Part&, float* scratch);
int64_t block_scratch();
int64_t tile_rows();

}  // namespace lineage
