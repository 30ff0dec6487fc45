#pragma once

#include "lineage/kernels/kernels.h"

namespace lineage {

// Plain loops with sums in double: slow and trusted, the oracle of every other backend.
class ReferenceKernels final : public Kernels {
 public:
  std::string_view name() const override;
  void matmul(Tensor& c, const Tensor& a, Trans, const Tensor& b, Trans, float beta) const override;
  void matmul_symmetric(Tensor& c, const Tensor& a, Trans, const Tensor& b, Trans,
                        float beta) const override;
  void linear(Tensor& y, const Tensor& x, const Tensor& w, const Tensor& bias,
              const Tensor& residual) const override;
  void linear_backward(GradSink dx, GradSink dw, GradSink dbias, const Tensor& dy, const Tensor& x,
                       const Tensor& w) const override;
  void mlp(Tensor& y, Tensor& pre, const Tensor& x, const Tensor& w1, const Tensor& b1,
           const Tensor& w2, const Tensor& b2, const Tensor& residual, Activation) const override;
  void mlp_backward(GradSink dx, GradSink dw1, GradSink db1, GradSink dw2, GradSink db2,
                    const Tensor& dy, const Tensor& x, const Tensor& w1, const Tensor& w2,
                    Tensor& pre, Activation) const override;
  Tensor pack(const Tensor& w) const override;
  void linear_packed(Tensor& y, const Tensor& x, const Tensor& packed, const Tensor& bias,
                     const Tensor& residual) const override;
  void activation(Tensor& y, const Tensor& x, Activation) const override;
  void activation_backward(GradSink dx, const Tensor& dy, const Tensor& x,
                           Activation) const override;
  void layer_norm(Tensor& y, Tensor& mean, Tensor& rstd, const Tensor& x, const Tensor& gain,
                  const Tensor& bias, float eps) const override;
  void layer_norm_backward(GradSink dx, GradSink dgain, GradSink dbias, const Tensor& dy,
                           const Tensor& x, const Tensor& gain, const Tensor& mean,
                           const Tensor& rstd) const override;
  void rms_norm(Tensor& y, Tensor& rstd, const Tensor& x, const Tensor& gain,
                float eps) const override;
  void rms_norm_backward(GradSink dx, GradSink dgain, const Tensor& dy, const Tensor& x,
                         const Tensor& gain, const Tensor& rstd) const override;
  void add(Tensor& y, const Tensor& a, const Tensor& b) const override;
  void copy_grad(GradSink dx, const Tensor& dy, const Tensor& scalar) const override;
  void axpby(Tensor& y, float a, const Tensor& x, float b) const override;
  double sum_squares(const Tensor& x) const override;
  void embed(Tensor& y, const Tensor& tokens, const Tensor& positions, const Tensor& token_table,
             const Tensor& position_table) const override;
  void embed_backward(GradSink dtoken_table, GradSink dposition_table, const Tensor& dy,
                      const Tensor& tokens, const Tensor& positions) const override;
  void rotary(Tensor& y, const Tensor& qkv, const Tensor& positions, const AttentionSpec&,
              std::span<const double> frequencies, bool inverse) const override;
  void head_norm(Tensor& y, Tensor& rstd, const Tensor& qkv, const Tensor& q_gain,
                 const Tensor& k_gain, const AttentionSpec&, float eps) const override;
  void head_norm_backward(GradSink dqkv, GradSink dq_gain, GradSink dk_gain, const Tensor& dy,
                          const Tensor& qkv, const Tensor& q_gain, const Tensor& k_gain,
                          const Tensor& rstd, const AttentionSpec&) const override;
  void attention(Tensor& y, Tensor& lse, const Tensor& qkv, const Tensor& starts,
                 const AttentionSpec&) const override;
  void attention_backward(GradSink dqkv, const Tensor& dy, const Tensor& y, const Tensor& lse,
                          const Tensor& qkv, const Tensor& starts,
                          const AttentionSpec&) const override;
  void attention_decode(Tensor& y, Tensor& key_cache, Tensor& value_cache, const Tensor& qkv,
                        const Tensor& slots, const Tensor& positions,
                        const AttentionSpec&) const override;
  void cross_entropy(Tensor& loss, Tensor& dlogits, const Tensor& logits, const Tensor& targets,
                     const Tensor& weights, float total_weight) const override;
  void linear_cross_entropy(Tensor& loss, GradSink dhidden, GradSink dw, const Tensor& hidden,
                            const Tensor& w, const Tensor& targets, const Tensor& weights,
                            float total_weight) const override;
  void log_probs(Tensor& log_probs, Tensor& entropies, Tensor& lse, const Tensor& logits,
                 const Tensor& targets, float inv_temperature) const override;
  void log_probs_backward(GradSink dlogits, const Tensor& dlog_probs, const Tensor& dentropies,
                          const Tensor& entropies, const Tensor& lse, const Tensor& logits,
                          const Tensor& targets, float inv_temperature) const override;
  void linear_log_probs(Tensor& log_probs, Tensor& entropies, Tensor& lse, const Tensor& hidden,
                        const Tensor& w, const Tensor& targets,
                        float inv_temperature) const override;
  void linear_log_probs_backward(GradSink dhidden, GradSink dw, const Tensor& dlog_probs,
                                 const Tensor& dentropies, const Tensor& entropies,
                                 const Tensor& lse, const Tensor& hidden, const Tensor& w,
                                 const Tensor& targets, float inv_temperature) const override;
  void adamw(Tensor& values, Tensor& m, Tensor& v, const Tensor& grads,
             const AdamWStep&) const override;
};

}  // namespace lineage
