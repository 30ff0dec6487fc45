#include "lineage/kernels/reference/forward.h"
#include "lineage/kernels/reference/gradients.h"
#include "lineage/kernels/reference/reference.h"

namespace lineage {
namespace reference {

Array<double> cross_entropy_gradient(const Array<double>& logits, std::span<const int32_t> targets,
                                     const Array<double>& weights, double total_weight) {
  const size_t vocabulary = logits.size() / targets.size();
  Array<double> dlogits(logits.size());
  for (size_t n = 0; n < targets.size(); ++n) {
    if (weights[n] == 0) continue;
    Array<double> p(&logits[n * vocabulary], &logits[n * vocabulary] + vocabulary);
    softmax(p);
    p[targets[n]] -= 1;
    for (size_t v = 0; v < vocabulary; ++v)
      dlogits[n * vocabulary + v] = weights[n] / total_weight * p[v];
  }
  return dlogits;
}

Array<double> log_probs_gradient(const Array<double>& dlog_probs, const Array<double>& dentropies,
                                 const Array<double>& logits, std::span<const int32_t> targets,
                                 double inv_temperature) {
  const size_t vocabulary = logits.size() / targets.size();
  const auto forward = log_probs(logits, targets, inv_temperature);
  Array<double> dlogits(logits.size());
  for (size_t i = 0; i < logits.size(); ++i) {
    const size_t n = i / vocabulary, v = i % vocabulary;
    const double log_p = inv_temperature * logits[i] - forward.lse[n], p = std::exp(log_p);
    double dz = 0;
    if (!dlog_probs.empty())
      dz += dlog_probs[n] * ((static_cast<int32_t>(v) == targets[n] ? 1 : 0) - p);
    if (!dentropies.empty()) dz -= dentropies[n] * p * (log_p + forward.entropies[n]);
    dlogits[i] = inv_temperature * dz;
  }
  return dlogits;
}

}  // namespace reference

using namespace reference;

namespace {

// The logits of the fused kernels, hidden(N,C) w(V,C)ᵀ, unrounded.
Array<double> logits_of(const Tensor& hidden, const Tensor& w) {
  return reference::linear<double>(doubles(hidden), doubles(w), {}, {}, rows_of(hidden), w.dim(1),
                                   w.dim(0));
}

void store_linear_gradients(const GradSink& dhidden, const GradSink& dw,
                            const Array<double>& dlogits, const Tensor& hidden, const Tensor& w) {
  const int64_t rows = rows_of(hidden), width = w.dim(1), vocabulary = w.dim(0);
  if (dhidden)
    store(dhidden, product(dlogits, Trans::no, doubles(w), Trans::no, rows, vocabulary, width));
  if (dw)
    store(dw, product(dlogits, Trans::yes, doubles(hidden), Trans::no, vocabulary, rows, width));
}

void store_log_probs(Tensor& log_probs, Tensor& entropies, Tensor& lse,
                     const LogProbs<double>& out) {
  store(log_probs, out.log_probs);
  store(entropies, out.entropies);
  store(lse, out.lse);
}

}  // namespace

void ReferenceKernels::cross_entropy(Tensor& loss, Tensor& dlogits, const Tensor& logits,
                                     const Tensor& targets, const Tensor& weights,
                                     float total_weight) const {
  const Array<double> z = doubles(logits), w = doubles(weights);
  if (!dlogits.empty())
    store(dlogits, cross_entropy_gradient(z, integers(targets), w, total_weight));
  store(loss, {reference::cross_entropy(z, integers(targets), w, total_weight)});
}

void ReferenceKernels::linear_cross_entropy(Tensor& loss, GradSink dhidden, GradSink dw,
                                            const Tensor& hidden, const Tensor& w,
                                            const Tensor& targets, const Tensor& weights,
                                            float total_weight) const {
  const Array<double> z = logits_of(hidden, w), row_weights = doubles(weights);
  if (dhidden || dw)
    store_linear_gradients(dhidden, dw,
                           cross_entropy_gradient(z, integers(targets), row_weights, total_weight),
                           hidden, w);
  store(loss, {reference::cross_entropy(z, integers(targets), row_weights, total_weight)});
}

void ReferenceKernels::log_probs(Tensor& log_probs, Tensor& entropies, Tensor& lse,
                                 const Tensor& logits, const Tensor& targets,
                                 float inv_temperature) const {
  store_log_probs(log_probs, entropies, lse,
                  reference::log_probs(doubles(logits), integers(targets), inv_temperature));
}

// Entropies and lse go unread here and below: both are computed anew in double.
void ReferenceKernels::log_probs_backward(GradSink dlogits, const Tensor& dlog_probs,
                                          const Tensor& dentropies, const Tensor&, const Tensor&,
                                          const Tensor& logits, const Tensor& targets,
                                          float inv_temperature) const {
  store(dlogits, log_probs_gradient(doubles(dlog_probs), doubles(dentropies), doubles(logits),
                                    integers(targets), inv_temperature));
}

void ReferenceKernels::linear_log_probs(Tensor& log_probs, Tensor& entropies, Tensor& lse,
                                        const Tensor& hidden, const Tensor& w,
                                        const Tensor& targets, float inv_temperature) const {
  store_log_probs(log_probs, entropies, lse,
                  reference::log_probs(logits_of(hidden, w), integers(targets), inv_temperature));
}

void ReferenceKernels::linear_log_probs_backward(GradSink dhidden, GradSink dw,
                                                 const Tensor& dlog_probs, const Tensor& dentropies,
                                                 const Tensor&, const Tensor&, const Tensor& hidden,
                                                 const Tensor& w, const Tensor& targets,
                                                 float inv_temperature) const {
  const Array<double> dlogits =
      log_probs_gradient(doubles(dlog_probs), doubles(dentropies), logits_of(hidden, w),
                         integers(targets), inv_temperature);
  store_linear_gradients(dhidden, dw, dlogits, hidden, w);
}

}  // namespace lineage
