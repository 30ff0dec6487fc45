#include "lineage/base/error.h"
#include "lineage/ops/ops.h"
#include "lineage/ops/tape.h"

namespace lineage::ops {
namespace {

void check_targets(std::string_view op, const Tensor& targets, const Tensor& weights, int64_t N,
                   int64_t V) {
  require(targets.numel() == N && (weights.empty() || weights.numel() == N), op, ": ", N,
          " rows, targets ", targets.shape(), ", weights ", weights.shape());
  const auto ids = targets.data<int32_t>();
  const float* w = weights.empty() ? nullptr : weights.data<float>().data();
  for (size_t n = 0; n < ids.size(); ++n)
    require((w && w[n] == 0) || (ids[n] >= 0 && ids[n] < V), op, ": target ", ids[n], " at row ", n,
            "; wanted 0 to ", V - 1, ", or a weight of 0");
}

}  // namespace

Tensor cross_entropy(const Tensor& logits, const Tensor& targets, const Tensor& weights,
                     float total_weight) {
  check_targets("cross_entropy", targets, weights, logits.dim(0), logits.dim(1));
  Tape* tape = Tape::current();
  Tensor loss = Tensor::empty({1}), dlogits;
  if (tape && tape->tracked(logits)) dlogits = Tensor::like(logits);
  const Kernels& k = kernels(logits.device());
  k.cross_entropy(loss, dlogits, logits, targets, weights, total_weight);
  record("cross_entropy", {logits}, {loss}, [=, &k](std::span<const Tensor> dys, auto grads) {
    k.copy_grad(grads[0], dlogits, dys[0]);
  });
  return loss;
}

Tensor linear_cross_entropy(const Tensor& hidden, const Tensor& weight, const Tensor& targets,
                            const Tensor& weights, float total_weight) {
  const int64_t C = hidden.dim(-1), N = hidden.numel() / C, V = weight.dim(0);
  require(weight.shape() == Shape{V, C}, "linear_cross_entropy: hidden is ", hidden.shape(),
          ", weight ", weight.shape());
  check_targets("linear_cross_entropy", targets, weights, N, V);
  Tape* tape = Tape::current();
  Tensor loss = Tensor::empty({1});
  GradSink dhidden, dweight;
  if (tape && tape->tracked(hidden)) dhidden = {Tensor::empty({N, C}), false};
  if (tape) dweight = tape->sink(weight);
  const Kernels& k = kernels(hidden.device());
  k.linear_cross_entropy(loss, dhidden, dweight, hidden.view({N, C}), weight, targets, weights,
                         total_weight);
  record("linear_cross_entropy", {hidden, weight}, {loss},
         [dhidden, &k](std::span<const Tensor> dys, auto grads) {
           require(
               dys[0].template data<float>()[0] == 1,
               "linear_cross_entropy: its loss gradient must be 1; put the coefficient into the "
               "weights");
           if (grads[0]) k.copy_grad(grads[0], dhidden.out, {});
         });
  return loss;
}

Tensor given_loss(const Tensor& x, float loss, const Tensor& dx) {
  require(dx.numel() == x.numel(), "given_loss: x is ", x.shape(), ", its gradient ", dx.shape());
  const Kernels& k = kernels(x.device());
  const Tensor out = Tensor::full({1}, loss);
  record("given_loss", {x}, {out},
         [=, &k](std::span<const Tensor> dys, auto grads) { k.copy_grad(grads[0], dx, dys[0]); });
  return out;
}

LogProbs log_probs(const Tensor& logits, const Tensor& targets, float temperature,
                   bool with_entropy) {
  const int64_t N = logits.dim(0);
  require(temperature > 0, "log_probs: temperature is ", temperature, "; wanted more than 0");
  check_targets("log_probs", targets, {}, N, logits.dim(1));
  LogProbs out{Tensor::empty({N}), with_entropy ? Tensor::empty({N}) : Tensor{}};
  Tensor lse = Tensor::empty({N});
  const Kernels& k = kernels(logits.device());
  k.log_probs(out.log_probs, out.entropies, lse, logits, targets, 1 / temperature);
  record("log_probs", {logits}, {out.log_probs, out.entropies},
         [=, &k](std::span<const Tensor> dys, auto grads) {
           k.log_probs_backward(grads[0], dys[0], with_entropy ? dys[1] : Tensor{}, out.entropies,
                                lse, logits, targets, 1 / temperature);
         });
  return out;
}

LogProbs linear_log_probs(const Tensor& hidden, const Tensor& weight, const Tensor& targets,
                          float temperature, bool with_entropy) {
  const int64_t C = hidden.dim(-1), N = hidden.numel() / C;
  require(weight.dim(1) == C, "linear_log_probs: hidden is ", hidden.shape(), ", weight ",
          weight.shape());
  require(temperature > 0, "linear_log_probs: temperature is ", temperature,
          "; wanted more than 0");
  check_targets("linear_log_probs", targets, {}, N, weight.dim(0));
  LogProbs out{Tensor::empty({N}), with_entropy ? Tensor::empty({N}) : Tensor{}};
  Tensor lse = Tensor::empty({N});
  const Tensor rows = hidden.view({N, C});
  const Kernels& k = kernels(hidden.device());
  k.linear_log_probs(out.log_probs, out.entropies, lse, rows, weight, targets, 1 / temperature);
  record("linear_log_probs", {hidden, weight}, {out.log_probs, out.entropies},
         [=, &k](std::span<const Tensor> dys, auto grads) {
           k.linear_log_probs_backward(grads[0], grads[1], dys[0], with_entropy ? dys[1] : Tensor{},
                                       out.entropies, lse, rows, weight, targets, 1 / temperature);
         });
  return out;
}

}  // namespace lineage::ops
