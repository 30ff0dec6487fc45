#include "lineage/kernels/reference/forward.h"
#include "lineage/kernels/reference/reference.h"

namespace lineage {

using namespace reference;

std::string_view ReferenceKernels::name() const { return "reference"; }

const Kernels& reference_kernels() {
  static const ReferenceKernels kernels;
  return kernels;
}

void ReferenceKernels::matmul(Tensor& c, const Tensor& a, Trans trans_a, const Tensor& b,
                              Trans trans_b, float beta) const {
  const int64_t m = c.dim(0), n = c.dim(1), k = a.numel() / m;
  Array<double> values = product(doubles(a), trans_a, doubles(b), trans_b, m, k, n);
  if (beta != 0) {
    const Array<double> before = doubles(c);
    for (size_t i = 0; i < values.size(); ++i) values[i] += beta * before[i];
  }
  store(c, values);
}

void ReferenceKernels::matmul_symmetric(Tensor& c, const Tensor& a, Trans trans_a, const Tensor& b,
                                        Trans trans_b, float beta) const {
  matmul(c, a, trans_a, b, trans_b, beta);
}

void ReferenceKernels::linear(Tensor& y, const Tensor& x, const Tensor& w, const Tensor& bias,
                              const Tensor& residual) const {
  store(y, reference::linear(doubles(x), doubles(w), doubles(bias), doubles(residual), rows_of(x),
                             w.dim(1), w.dim(0)));
}

void ReferenceKernels::linear_backward(GradSink dx, GradSink dw, GradSink dbias, const Tensor& dy,
                                       const Tensor& x, const Tensor& w) const {
  const int64_t rows = rows_of(x), inputs = w.dim(1), outputs = w.dim(0);
  const Array<double> slopes = doubles(dy);
  if (dx) store(dx, product(slopes, Trans::no, doubles(w), Trans::no, rows, outputs, inputs));
  if (dw) store(dw, product(slopes, Trans::yes, doubles(x), Trans::no, outputs, rows, inputs));
  if (dbias) {
    Array<double> sums = zeros(outputs);
    for (size_t i = 0; i < slopes.size(); ++i) sums[i % outputs] += slopes[i];
    store(dbias, sums);
  }
}

// The reference's own layout is the plain one.
Tensor ReferenceKernels::pack(const Tensor& w) const {
  Tensor packed = Tensor::like(w);
  store(packed, doubles(w));
  return packed;
}

void ReferenceKernels::linear_packed(Tensor& y, const Tensor& x, const Tensor& packed,
                                     const Tensor& bias, const Tensor& residual) const {
  linear(y, x, packed, bias, residual);
}

}  // namespace lineage
