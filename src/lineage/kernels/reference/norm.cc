#include "lineage/kernels/reference/forward.h"
#include "lineage/kernels/reference/reference.h"

namespace lineage {

using namespace reference;

void ReferenceKernels::layer_norm(Tensor& y, Tensor& mean, Tensor& rstd, const Tensor& x,
                                  const Tensor& gain, const Tensor& bias, float eps) const {
  const auto out = reference::layer_norm(doubles(x), doubles(gain), doubles(bias), eps);
  store(y, out.y);
  store(mean, out.mean);
  store(rstd, out.rstd);
}

void ReferenceKernels::layer_norm_backward(GradSink dx, GradSink dgain, GradSink dbias,
                                           const Tensor& dy, const Tensor& x, const Tensor& gain,
                                           const Tensor& mean, const Tensor& rstd) const {
  const Array<double> slopes = doubles(dy), inputs = doubles(x), gains = doubles(gain);
  const Array<double> means = doubles(mean), rstds = doubles(rstd);
  const size_t width = gains.size();
  Array<double> dinputs(inputs.size()), dgains(width), dbiases(width);
  for (size_t n = 0; n < means.size(); ++n) {
    const double* const slope = &slopes[n * width];
    const auto normed = [&](size_t i) { return (inputs[n * width + i] - means[n]) * rstds[n]; };
    double sum = 0, dot = 0;  // of the gradient at the normed values, and with them
    for (size_t i = 0; i < width; ++i) {
      sum += slope[i] * gains[i];
      dot += slope[i] * gains[i] * normed(i);
      dgains[i] += slope[i] * normed(i);
      dbiases[i] += slope[i];
    }
    for (size_t i = 0; i < width; ++i)
      dinputs[n * width + i] =
          rstds[n] * (slope[i] * gains[i] - (sum + normed(i) * dot) / static_cast<double>(width));
  }
  store(dx, dinputs);
  store(dgain, dgains);
  store(dbias, dbiases);
}

namespace {

// Adds to dx and dgain.
void rms_norm_row_gradient(double* dx, Array<double>& dgain, const double* dy, const double* x,
                           const Array<double>& gain, double rstd) {
  double dot = 0;
  for (size_t i = 0; i < gain.size(); ++i) {
    dot += dy[i] * gain[i] * x[i] * rstd;
    dgain[i] += dy[i] * x[i] * rstd;
  }
  dot /= static_cast<double>(gain.size());
  for (size_t i = 0; i < gain.size(); ++i) dx[i] += rstd * (dy[i] * gain[i] - x[i] * rstd * dot);
}

}  // namespace

void ReferenceKernels::rms_norm(Tensor& y, Tensor& rstd, const Tensor& x, const Tensor& gain,
                                float eps) const {
  const auto out = reference::rms_norm(doubles(x), doubles(gain), eps);
  store(y, out.y);
  store(rstd, out.rstd);
}

void ReferenceKernels::rms_norm_backward(GradSink dx, GradSink dgain, const Tensor& dy,
                                         const Tensor& x, const Tensor& gain,
                                         const Tensor& rstd) const {
  const Array<double> slopes = doubles(dy), inputs = doubles(x), gains = doubles(gain);
  const Array<double> rstds = doubles(rstd);
  const size_t width = gains.size();
  Array<double> dinputs(inputs.size()), dgains(width);
  for (size_t n = 0; n < rstds.size(); ++n)
    rms_norm_row_gradient(&dinputs[n * width], dgains, &slopes[n * width], &inputs[n * width],
                          gains, rstds[n]);
  store(dx, dinputs);
  store(dgain, dgains);
}

void ReferenceKernels::head_norm(Tensor& y, Tensor& rstd, const Tensor& qkv, const Tensor& q_gain,
                                 const Tensor& k_gain, const AttentionSpec& spec, float eps) const {
  const auto out = reference::head_norm(doubles(qkv), doubles(q_gain), doubles(k_gain), spec, eps);
  store(y, out.y);
  store(rstd, out.rstd);
}

void ReferenceKernels::head_norm_backward(GradSink dqkv, GradSink dq_gain, GradSink dk_gain,
                                          const Tensor& dy, const Tensor& qkv, const Tensor& q_gain,
                                          const Tensor& k_gain, const Tensor& rstd,
                                          const AttentionSpec& spec) const {
  const Array<double> slopes = doubles(dy), inputs = doubles(qkv), rstds = doubles(rstd);
  const Array<double> q_gains = doubles(q_gain), k_gains = doubles(k_gain);
  Array<double> dinputs(inputs.size()), dq_gains(q_gains.size()), dk_gains(k_gains.size());
  const int64_t width = spec.qkv_width(), normed = spec.heads + spec.kv_heads;
  for (int64_t n = 0; n < rows_of(qkv); ++n)
    for (int64_t h = 0; h < normed + spec.kv_heads; ++h) {
      const size_t at = n * width + h * spec.head_width;
      if (h >= normed)
        std::copy_n(&slopes[at], spec.head_width, &dinputs[at]);
      else
        rms_norm_row_gradient(&dinputs[at], h < spec.heads ? dq_gains : dk_gains, &slopes[at],
                              &inputs[at], h < spec.heads ? q_gains : k_gains,
                              rstds[n * normed + h]);
    }
  store(dqkv, dinputs);
  store(dq_gain, dq_gains);
  store(dk_gain, dk_gains);
}

}  // namespace lineage
