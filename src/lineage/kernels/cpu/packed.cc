#include "lineage/kernels/cpu/cpu.h"
#include "lineage/kernels/cpu/gemm_ops.h"

namespace lineage {

// Panels as the matrix product reads them. Shape (panels, C, panel width); O is known from y.
Tensor CpuKernels::pack(const Tensor& w) const {
  const int64_t n = w.dim(0), k = w.dim(1), width = panel_width();
  Tensor packed = Tensor::empty({(n + width - 1) / width, k, width});
  pack_panels(packed.data<float>().data(), {w.data<float>().data(), k, true}, k, n);
  return packed;
}

void CpuKernels::linear_packed(Tensor& y, const Tensor& x, const Tensor& packed, const Tensor& bias,
                               const Tensor& residual) const {
  Product q;
  q.n = y.dim(-1), q.k = x.dim(-1), q.m = q.n ? y.numel() / q.n : 0;
  q.a = {x.data<float>().data(), q.k, false};
  q.packed_b = packed.data<float>().data();
  q.c = y.data<float>().data(), q.c_stride = q.n;
  if (!bias.empty()) q.epilogue.bias = bias.data<float>().data();
  add_residual(q, residual);
  multiply(q);
}

}  // namespace lineage
