#include "lineage/base/parallel.h"
#include "lineage/kernels/cpu/cpu.h"
#include "lineage/kernels/cpu/gemm.h"

namespace lineage {

void CpuKernels::matmul(Tensor& c, const Tensor& a, Trans trans_a, const Tensor& b, Trans trans_b,
                        float beta) const {
  Product q;
  q.m = c.dim(0), q.n = c.dim(1), q.k = a.dim(trans_a == Trans::yes ? 0 : 1);
  q.a = {a.data<float>().data(), a.dim(1), trans_a == Trans::yes};
  q.b = {b.data<float>().data(), b.dim(1), trans_b == Trans::yes};
  q.c = c.data<float>().data(), q.c_stride = q.n;
  q.accumulate = beta != 0;
  if (beta != 0 && beta != 1) axpby(c, 0, c, beta);
  multiply(q);
}

}  // namespace lineage
