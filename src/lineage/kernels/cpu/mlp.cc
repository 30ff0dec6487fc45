#include <algorithm>

#include "lineage/kernels/cpu/cpu.h"
#include "lineage/kernels/cpu/gemm_ops.h"
#include "lineage/kernels/cpu/mlp_gate.h"

namespace lineage {
namespace {

// The MLP goes through its rows in chunks whose hidden layer act(pre) stays in the shared cache; it
// is never stored as a whole, and the backward pass computes it again from `pre`.
constexpr int64_t kHiddenValues = int64_t{1} << 20, kFewestRows = 512;

int64_t chunk_rows(int64_t rows, int64_t width) {
  const int64_t most = std::max(kFewestRows, kHiddenValues / width);
  const int64_t chunks = std::max<int64_t>(1, (rows + most - 1) / most);
  return std::max<int64_t>(1, (rows + chunks - 1) / chunks);
}

int64_t rows_of(const Tensor& x) { return x.numel() / std::max<int64_t>(1, x.dim(-1)); }

// Rows [begin, end) of a matrix of any rank, or nothing of nothing.
Tensor part(const Tensor& x, int64_t begin, int64_t end) {
  if (x.empty()) return x;
  return x.slice(begin * x.dim(-1), {end - begin, x.dim(-1)});
}

void activation_epilogue(Product& q, Epilogue::Kind kind, Tensor& pre, Activation activation) {
  q.epilogue.kind = kind;
  q.epilogue.activation = activation;
  q.epilogue.pre = pre.data<float>().data();
  q.epilogue.pre_stride = pre.dim(-1);
}

}  // namespace

void CpuKernels::mlp(Tensor& y, Tensor& pre, const Tensor& x, const Tensor& w1, const Tensor& b1,
                     const Tensor& w2, const Tensor& b2, const Tensor& residual,
                     Activation activation) const {
  const int64_t rows = rows_of(x), width = w2.dim(1), step = chunk_rows(rows, width);
  Tensor hidden = Tensor::empty({step, width});
  for (int64_t begin = 0; begin < rows; begin += step) {
    const int64_t end = std::min(rows, begin + step);
    Tensor h = hidden.rows(0, end - begin), p = part(pre, begin, end), out = part(y, begin, end);
    if (gated(activation)) {
      multiply(forward_product(p, part(x, begin, end), w1, b1));
      gate_rows(h.data<float>().data(), p.data<float>().data(), end - begin, width);
    } else {
      Product fc = forward_product(h, part(x, begin, end), w1, b1);
      activation_epilogue(fc, Epilogue::Kind::activate, p, activation);
      multiply(fc);
    }
    Product proj = forward_product(out, h, w2, b2);
    add_residual(proj, part(residual, begin, end));
    multiply(proj);
  }
}

void CpuKernels::mlp_backward(GradSink dx, GradSink dw1, GradSink db1, GradSink dw2, GradSink db2,
                              const Tensor& dy, const Tensor& x, const Tensor& w1, const Tensor& w2,
                              Tensor& pre, Activation activation) const {
  const int64_t rows = rows_of(x), width = w2.dim(1), step = chunk_rows(rows, width);
  Tensor hidden = Tensor::empty({step, width});
  for (int64_t begin = 0; begin < rows; begin += step) {
    const int64_t end = std::min(rows, begin + step);
    Tensor h = hidden.rows(0, end - begin), p = part(pre, begin, end);
    const Tensor dy_part = part(dy, begin, end), x_part = part(x, begin, end);
    // h = act(pre), and pre becomes its own gradient.
    Product dh = input_gradient({h, false}, dy_part, w2);
    if (!gated(activation)) {
      activation_epilogue(dh, Epilogue::Kind::activate_backward, p, activation);
    }
    multiply(dh);
    if (gated(activation)) {
      gate_rows_backward(h.data<float>().data(), p.data<float>().data(), end - begin, width);
    }
    weight_gradient(dw2, db2, dy_part, h);
    weight_gradient(dw1, db1, p, x_part);
    if (dx) multiply(input_gradient({part(dx.out, begin, end), dx.accumulate}, p, w1));
    // The next chunks add to what this one began.
    for (GradSink* sink : {&dw1, &db1, &dw2, &db2}) sink->accumulate = true;
  }
}

}  // namespace lineage
