#include "lineage/ops/ops.h"

#include "lineage/base/error.h"
#include "lineage/ops/tape.h"

namespace lineage::ops {
namespace {

int64_t rows_of(const Tensor& x) { return x.dim(-1) ? x.numel() / x.dim(-1) : 0; }
bool absent_or(const Tensor& x, const Shape& shape) { return x.empty() || x.shape() == shape; }

}  // namespace

Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias, const Tensor& residual) {
  const int64_t C = x.dim(-1), N = rows_of(x), O = weight.dim(0);
  require(weight.shape() == Shape{O, C} && absent_or(bias, {O}) &&
              (residual.empty() || residual.numel() == N * O),
          "linear: x is ", x.shape(), ", weight ", weight.shape(), ", bias ", bias.shape(),
          ", residual ", residual.shape());
  const Tensor rows = x.view({N, C});
  Tensor y = Tensor::empty({N, O});  // (N,O)
  const Kernels& k = kernels(x.device());
  k.linear(y, rows, weight, bias, residual);
  constexpr int kResidual = 3;
  record(
      "linear", {x, weight, bias, residual}, {y},
      [=, &k](std::span<const Tensor> dys, std::span<const GradSink> grads) {
        k.linear_backward(grads[0], grads[1], grads[2], dys[0], rows, weight);
      },
      residual.empty() ? Tape::kNone : kResidual);
  return y;
}

Tensor linear_low_rank(const Tensor& x, const Tensor& weight, const Tensor& bias, const Tensor& a,
                       const Tensor& b, const Tensor& residual) {
  const int64_t C = x.dim(-1), N = rows_of(x), O = weight.dim(0), R = a.dim(0);
  require(weight.shape() == Shape{O, C} && a.shape() == Shape{R, C} && b.shape() == Shape{O, R} &&
              absent_or(bias, {O}) && (residual.empty() || residual.numel() == N * O),
          "linear_low_rank: x is ", x.shape(), ", weight ", weight.shape(), ", bias ", bias.shape(),
          ", a ", a.shape(), ", b ", b.shape(), ", residual ", residual.shape());
  const Tensor rows = x.view({N, C});
  Tensor y = Tensor::empty({N, O}), inner = Tensor::empty({N, R});
  const Kernels& k = kernels(x.device());
  k.linear(y, rows, weight, bias, residual);
  k.linear(inner, rows, a, {}, {});
  k.matmul(y, inner, Trans::no, b, Trans::yes, 1);
  constexpr int kResidual = 5;
  record(
      "linear_low_rank", {x, weight, bias, a, b, residual}, {y},
      [=, &k](std::span<const Tensor> dys, std::span<const GradSink> grads) {
        GradSink dinner{Tensor::empty({N, R}), false};
        k.linear_backward(dinner, grads[4], {}, dys[0], inner, b);
        k.linear_backward(grads[0], grads[1], grads[2], dys[0], rows, weight);
        k.linear_backward({grads[0].out, true}, grads[3], {}, dinner.out, rows, a);
      },
      residual.empty() ? Tape::kNone : kResidual);
  return y;
}

Tensor low_rank_b(const Tensor& b, std::span<const OutputRows> rows, int64_t outputs, float scale) {
  const int64_t r = b.dim(1), R = std::ssize(rows) * r;
  int64_t total = 0;
  for (const OutputRows& o : rows) {
    require(o.first >= 0 && o.count > 0 && o.first + o.count <= outputs, "low_rank_b: rows ",
            o.first, " to ", o.first + o.count, " of ", outputs);
    total += o.count;
  }
  require(b.shape() == Shape{total, r}, "low_rank_b: b is ", b.shape(), "; its rows are ", total);
  Tensor y = Tensor::zeros({outputs, R});
  // Calls `each` with the places in b and in y of every element. They are few: r of a weight's C
  // columns.
  const auto visit = [of = std::vector(rows.begin(), rows.end()), r, R](const auto& each) {
    int64_t from = 0;
    for (int64_t i = 0; i < std::ssize(of); ++i)
      for (int64_t row = of[static_cast<size_t>(i)].first,
                   end = row + of[static_cast<size_t>(i)].count;
           row < end; ++row)
        for (int64_t c = 0; c < r; ++c)
          each(static_cast<size_t>(from++), static_cast<size_t>(row * R + i * r + c));
  };
  visit([from = b.data<float>(), to = y.data<float>(), scale](size_t in, size_t out) {
    to[out] = scale * from[in];
  });
  record("low_rank_b", {b}, {y}, [visit, scale](std::span<const Tensor> dys, auto grads) {
    if (!grads[0]) return;
    GradSink sink = grads[0];
    visit([dy = dys[0].data<float>(), db = sink.out.data<float>(), beta = sink.beta(), scale](
              size_t in, size_t out) { db[in] = (beta == 0 ? 0 : db[in]) + scale * dy[out]; });
  });
  return y;
}

Tensor mlp(const Tensor& x, const Tensor& w1, const Tensor& b1, const Tensor& w2, const Tensor& b2,
           const Tensor& residual, Activation act) {
  const int64_t C = x.dim(-1), N = rows_of(x), F = w2.dim(1), F1 = gated(act) ? 2 * F : F;
  require(w1.shape() == Shape{F1, C} && w2.shape() == Shape{w2.dim(0), F} && absent_or(b1, {F1}) &&
              absent_or(b2, {w2.dim(0)}) && (residual.empty() || residual.numel() == N * w2.dim(0)),
          "mlp: x is ", x.shape(), ", w1 ", w1.shape(), ", b1 ", b1.shape(), ", w2 ", w2.shape(),
          ", b2 ", b2.shape(), ", residual ", residual.shape());
  const Tensor rows = x.view({N, C});
  Tensor y = Tensor::empty({N, w2.dim(0)}), pre = Tensor::empty({N, F1});
  const Kernels& k = kernels(x.device());
  k.mlp(y, pre, rows, w1, b1, w2, b2, residual, act);
  constexpr int kResidual = 5;
  record(
      "mlp", {x, w1, b1, w2, b2, residual}, {y},
      [=, &k](std::span<const Tensor> dys, std::span<const GradSink> grads) mutable {
        k.mlp_backward(grads[0], grads[1], grads[2], grads[3], grads[4], dys[0], rows, w1, w2, pre,
                       act);
      },
      residual.empty() ? Tape::kNone : kResidual);
  return y;
}

Tensor activation(const Tensor& x, Activation act) {
  const int64_t F = gated(act) ? x.dim(-1) / 2 : x.dim(-1);
  require(!gated(act) || x.dim(-1) % 2 == 0, "activation: x is ", x.shape(),
          "; a gated one needs an even last axis");
  Tensor y = Tensor::empty({rows_of(x), F});
  const Kernels& k = kernels(x.device());
  k.activation(y, x, act);
  record("activation", {x}, {y}, [=, &k](std::span<const Tensor> dys, auto grads) {
    k.activation_backward(grads[0], dys[0], x, act);
  });
  return y;
}

Tensor layer_norm(const Tensor& x, const Tensor& gain, const Tensor& bias, float eps) {
  const int64_t C = x.dim(-1), N = rows_of(x);
  require(gain.shape() == Shape{C} && absent_or(bias, {C}), "layer_norm: x is ", x.shape(),
          ", gain ", gain.shape(), ", bias ", bias.shape());
  Tensor y = Tensor::like(x), mean = Tensor::empty({N}), rstd = Tensor::empty({N});
  const Kernels& k = kernels(x.device());
  k.layer_norm(y, mean, rstd, x, gain, bias, eps);
  record("layer_norm", {x, gain, bias}, {y}, [=, &k](std::span<const Tensor> dys, auto grads) {
    k.layer_norm_backward(grads[0], grads[1], grads[2], dys[0], x, gain, mean, rstd);
  });
  return y;
}

Tensor rms_norm(const Tensor& x, const Tensor& gain, float eps) {
  require(gain.shape() == Shape{x.dim(-1)}, "rms_norm: x is ", x.shape(), ", gain ", gain.shape());
  Tensor y = Tensor::like(x), rstd = Tensor::empty({rows_of(x)});
  const Kernels& k = kernels(x.device());
  k.rms_norm(y, rstd, x, gain, eps);
  record("rms_norm", {x, gain}, {y}, [=, &k](std::span<const Tensor> dys, auto grads) {
    k.rms_norm_backward(grads[0], grads[1], dys[0], x, gain, rstd);
  });
  return y;
}

Tensor add(const Tensor& a, const Tensor& b) {
  require(a.shape() == b.shape(), "add: ", a.shape(), " and ", b.shape());
  Tensor y = Tensor::like(a);
  const Kernels& k = kernels(a.device());
  k.add(y, a, b);
  constexpr int kFirst = 0;
  record(
      "add", {a, b}, {y},
      [&k](std::span<const Tensor> dys, auto grads) {
        if (grads[1]) k.copy_grad(grads[1], dys[0], {});
      },
      kFirst);
  return y;
}

Tensor linear_packed(const Tensor& x, const Tensor& packed, int64_t outputs, const Tensor& bias,
                     const Tensor& residual) {
  const int64_t N = rows_of(x);
  refuse_tape("linear_packed");
  require(absent_or(bias, {outputs}) && (residual.empty() || residual.numel() == N * outputs),
          "linear_packed: x is ", x.shape(), ", outputs ", outputs, ", bias ", bias.shape(),
          ", residual ", residual.shape());
  Tensor y = Tensor::empty({N, outputs});
  kernels(x.device()).linear_packed(y, x.view({N, x.dim(-1)}), packed, bias, residual);
  return y;
}

}  // namespace lineage::ops
