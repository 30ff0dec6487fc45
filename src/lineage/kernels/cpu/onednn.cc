#include "lineage/kernels/cpu/onednn.h"

#include <dnnl.h>

namespace lineage {

void onednn_sgemm(Tensor& c, const Tensor& a, Trans trans_a, const Tensor& b, Trans trans_b,
                  float beta) {
  const bool ta = trans_a == Trans::yes, tb = trans_b == Trans::yes;
  const int64_t M = c.dim(0), N = c.dim(1), K = ta ? a.dim(0) : a.dim(1);
  dnnl_sgemm(ta ? 'T' : 'N', tb ? 'T' : 'N', M, N, K, 1, a.data<float>().data(), a.dim(1),
             b.data<float>().data(), b.dim(1), beta, c.data<float>().data(), N);
}

}  // namespace lineage
