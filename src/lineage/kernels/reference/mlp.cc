#include "lineage/kernels/reference/forward.h"
#include "lineage/kernels/reference/gradients.h"
#include "lineage/kernels/reference/reference.h"

namespace lineage {

using namespace reference;

void ReferenceKernels::mlp(Tensor& y, Tensor& pre, const Tensor& x, const Tensor& w1,
                           const Tensor& b1, const Tensor& w2, const Tensor& b2,
                           const Tensor& residual, Activation act) const {
  const int64_t rows = rows_of(x), width = w1.dim(1), hidden = w2.dim(1);
  const Array<double> before =
      reference::linear(doubles(x), doubles(w1), doubles(b1), {}, rows, width, w1.dim(0));
  const Array<double> inner = reference::activation(before, act, hidden);
  const Array<double> out =
      reference::linear(inner, doubles(w2), doubles(b2), doubles(residual), rows, hidden, width);
  store(pre, before);
  store(y, out);
}

void ReferenceKernels::mlp_backward(GradSink dx, GradSink dw1, GradSink db1, GradSink dw2,
                                    GradSink db2, const Tensor& dy, const Tensor& x,
                                    const Tensor& w1, const Tensor& w2, Tensor& pre,
                                    Activation act) const {
  const int64_t rows = rows_of(x), hidden = w2.dim(1);
  Tensor inner = Tensor::empty({rows, hidden}), dinner = Tensor::like(inner);
  Tensor dpre = Tensor::empty({rows, w1.dim(0)});
  activation(inner, pre, act);
  linear_backward({dinner}, dw2, db2, dy, inner, w2);
  activation_backward({dpre}, dinner, pre, act);
  linear_backward(dx, dw1, db1, dpre, x, w1);
}

}  // namespace lineage
