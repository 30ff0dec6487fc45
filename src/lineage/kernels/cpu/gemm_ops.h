#pragma once

#include "lineage/kernels/cpu/gemm.h"

// The three products of a linear layer y(N,O) = x(N,C) w(O,C)ᵀ, from tensors. Row-major matrices
// of any rank >= 2 count as (numel / last axis, last axis).
namespace lineage {

// y = x wᵀ + bias, bias optional.
Product forward_product(Tensor& y, const Tensor& x, const Tensor& w, const Tensor& bias);
// Adds residual(N,O), which may be y itself; optional.
void add_residual(Product&, const Tensor& residual);
// dx = dy w.
Product input_gradient(const GradSink& dx, const Tensor& dy, const Tensor& w);
// dw = dyᵀ x and dbias = column sums of dy, each if wanted.
void weight_gradient(const GradSink& dw, const GradSink& dbias, const Tensor& dy, const Tensor& x);

}  // namespace lineage
