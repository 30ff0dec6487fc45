#include "lineage/base/parallel.h"
#include "lineage/kernels/cpu/cpu.h"
#include "lineage/kernels/cpu/gemm_ops.h"

namespace lineage {

void CpuKernels::linear(Tensor& y, const Tensor& x, const Tensor& w, const Tensor& bias,
                        const Tensor& residual) const {
  Product q = forward_product(y, x, w, bias);
  add_residual(q, residual);
  multiply(q);
}

void CpuKernels::linear_backward(GradSink dx, GradSink dw, GradSink dbias, const Tensor& dy,
                                 const Tensor& x, const Tensor& w) const {
  if (dx) multiply(input_gradient(dx, dy, w));
  weight_gradient(dw, dbias, dy, x);
}

}  // namespace lineage
