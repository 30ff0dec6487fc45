#pragma once

#include "lineage/kernels/kernels.h"

namespace lineage {

// Kernels::matmul by oneDNN's dnnl_sgemm: not used for any result, but as the yardstick of
// `lineage bench` (docs/adr/0001). Its sums may change with the number of threads.
void onednn_sgemm(Tensor& c, const Tensor& a, Trans trans_a, const Tensor& b, Trans trans_b,
                  float beta);

}  // namespace lineage
