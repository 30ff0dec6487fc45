#include <algorithm>

#include "lineage/base/parallel.h"
#include "lineage/kernels/cpu/cpu.h"
#include "lineage/kernels/cpu/gemm.h"

namespace lineage {
namespace {

Product product_of(Tensor& c, const Tensor& a, Trans trans_a, const Tensor& b, Trans trans_b,
                   float beta) {
  Product q;
  q.m = c.dim(0), q.n = c.dim(1), q.k = a.dim(trans_a == Trans::yes ? 0 : 1);
  q.a = {a.data<float>().data(), a.dim(1), trans_a == Trans::yes};
  q.b = {b.data<float>().data(), b.dim(1), trans_b == Trans::yes};
  q.c = c.data<float>().data(), q.c_stride = q.n;
  q.accumulate = beta != 0;
  return q;
}

}  // namespace

void CpuKernels::matmul(Tensor& c, const Tensor& a, Trans trans_a, const Tensor& b, Trans trans_b,
                        float beta) const {
  if (beta != 0 && beta != 1) axpby(c, 0, c, beta);
  multiply(product_of(c, a, trans_a, b, trans_b, beta));
}

void CpuKernels::matmul_symmetric(Tensor& c, const Tensor& a, Trans trans_a, const Tensor& b,
                                  Trans trans_b, float beta) const {
  if (beta != 0 && beta != 1) axpby(c, 0, c, beta);
  Product q = product_of(c, a, trans_a, b, trans_b, beta);
  q.lower_half = true;
  multiply(q);
  constexpr int64_t kSquare = 16;  // a line of each of its rows stays in L1
  parallel_for(q.n, kSquare, [&](int64_t begin, int64_t end) {
    for (int64_t first = begin; first < q.n; first += kSquare)
      for (int64_t i = begin; i < end; ++i)
        for (int64_t j = std::max(first, i + 1); j < std::min(first + kSquare, q.n); ++j)
          q.c[i * q.n + j] = q.c[j * q.n + i];
  });
}

}  // namespace lineage
