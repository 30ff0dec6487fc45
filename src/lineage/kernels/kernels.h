#pragma once

#include <array>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "lineage/tensor/tensor.h"

namespace lineage {

// Where one gradient goes. Empty: nobody wants it, skip the work. Otherwise the kernel overwrites
// `out` or adds to it, as BLAS does with beta = 0 or 1. Only the tape decides which.
struct GradSink {
  Tensor out;
  bool accumulate = false;
  explicit operator bool() const { return !out.empty(); }
  float beta() const { return accumulate ? 1.0f : 0.0f; }
};

enum class Trans : bool { no, yes };

// Of an MLP's hidden layer. swiglu is gated: its input holds the gates and then the values,
// x(N,2F) = [g | u], and y(N,F) = silu(g) u (Shazeer 2020, "GLU variants improve transformer").
// gelu is Hendrycks & Gimpel's, exact (erf) or by tanh; relu_squared is Primer's (So et al. 2021).
enum class Activation : uint8_t { gelu_tanh, gelu_erf, relu, relu_squared, swiglu };
constexpr auto enum_names(Activation) {
  return std::array<std::string_view, 5>{"gelu_tanh", "gelu_erf", "relu", "relu_squared", "swiglu"};
}
constexpr bool gated(Activation a) { return a == Activation::swiglu; }

// Attention over qkv(N,(H+2K)·D): per row the H query heads, then the K key heads, then the K value
// heads, each D wide; query head h reads key/value head h / (H/K) (grouped heads, Ainslie et al.
// 2023). Row n = b·T + t sees the rows s of the same b with
//   max(starts[n], t - window + 1) <= s <= t      (window 0: no limit; starts empty: 0)
// where starts[n] is the first t of row n's document. Scores are scaled by D^-1/2; with `alibi`
// head h adds -slope(h)·(t - s) (Press et al. 2022).
struct AttentionSpec {
  int64_t heads = 1, kv_heads = 1, head_width = 1, window = 0;
  bool alibi = false;
  int64_t qkv_width() const { return (heads + 2 * kv_heads) * head_width; }
};
// Slope of head h of H: 2^(-8(h+1)/H) when H is a power of two; otherwise those of the next lower
// power, then every other one of twice that power (the paper's published rule).
float alibi_slope(int64_t head, int64_t heads);
// theta^(-2i/channels) for i from 0 to channels/2 - 1: radians a position (RoFormer, Su et al.
// 2021, section 3.2.2).
std::vector<double> rotary_frequencies(double theta, int64_t channels);

// One step of AdamW (Loshchilov & Hutter 2019) with epsilon outside the root, as PyTorch does:
//   g = grad_scale·grad;  m = b1 m + (1-b1) g;  v = b2 v + (1-b2) g²
//   p -= lr·wd·p + lr·(m / (1-b1^step)) / (sqrt(v / (1-b2^step)) + eps)
struct AdamWStep {
  float lr = 0, beta1 = 0.9f, beta2 = 0.95f, eps = 1e-8f, weight_decay = 0.1f, grad_scale = 1;
  int64_t step = 1;  // 1-based
};

// Everything a device must be able to do; the whole list, and nothing else. Kernels are called with
// checked shapes, own no memory that outlives the call and throw nothing. Outputs come first, then
// gradients, inputs and scalars; an optional tensor is an empty one. The classes that implement it:
// reference (plain loops, the oracle of every test) and cpu (Highway and oneDNN); `checked` runs
// both. Sums are taken in an order that depends on shapes alone, never on the number of threads.
//
//   B batch   T time   C channels   H heads   K key/value heads   D head width
//   F hidden width of the MLP   V vocabulary   O outputs   N = B·T rows
class Kernels {
 public:
  virtual ~Kernels() = default;
  virtual std::string_view name() const = 0;

  // --- matrix products -------------------------------------------------------------------------
  // c(m,n) = op(a) op(b) + beta c.
  virtual void matmul(Tensor& c, const Tensor& a, Trans, const Tensor& b, Trans,
                      float beta) const = 0;
  // The same where c(n,n) is known to be symmetric, as a product of commuting symmetric matrices
  // is: half the work.
  virtual void matmul_symmetric(Tensor& c, const Tensor& a, Trans, const Tensor& b, Trans,
                                float beta) const = 0;
  // y(N,O) = x(N,C) w(O,C)ᵀ + bias(O) + residual(N,O); bias and residual are optional.
  virtual void linear(Tensor& y, const Tensor& x, const Tensor& w, const Tensor& bias,
                      const Tensor& residual) const = 0;
  // dx = dy w, dw = dyᵀ x, dbias = column sums of dy.
  virtual void linear_backward(GradSink dx, GradSink dw, GradSink dbias, const Tensor& dy,
                               const Tensor& x, const Tensor& w) const = 0;
  // y = act(x w1ᵀ + b1) w2ᵀ + b2 + residual; w1(F,C) or (2F,C) when gated, w2(C,F). `pre`, of
  // shape (N,F) or (N,2F), receives x w1ᵀ + b1 for the backward pass. Biases, residual optional.
  virtual void mlp(Tensor& y, Tensor& pre, const Tensor& x, const Tensor& w1, const Tensor& b1,
                   const Tensor& w2, const Tensor& b2, const Tensor& residual,
                   Activation) const = 0;
  // May overwrite `pre`, which the forward pass left for it alone.
  virtual void mlp_backward(GradSink dx, GradSink dw1, GradSink db1, GradSink dw2, GradSink db2,
                            const Tensor& dy, const Tensor& x, const Tensor& w1, const Tensor& w2,
                            Tensor& pre, Activation) const = 0;
  // A weight w(O,C) in this device's own layout for `linear_packed`; opaque.
  virtual Tensor pack(const Tensor& w) const = 0;
  // As `linear`, for inference: each row's result is the same bits whatever the number of rows.
  virtual void linear_packed(Tensor& y, const Tensor& x, const Tensor& packed, const Tensor& bias,
                             const Tensor& residual) const = 0;

  // --- pointwise and rows ----------------------------------------------------------------------
  virtual void activation(Tensor& y, const Tensor& x, Activation) const = 0;
  virtual void activation_backward(GradSink dx, const Tensor& dy, const Tensor& x,
                                   Activation) const = 0;
  // y = (x - mean) rstd gain + bias over the last axis, rstd = 1/sqrt(var + eps); bias optional.
  // mean(N) and rstd(N) are for the backward pass.
  virtual void layer_norm(Tensor& y, Tensor& mean, Tensor& rstd, const Tensor& x,
                          const Tensor& gain, const Tensor& bias, float eps) const = 0;
  virtual void layer_norm_backward(GradSink dx, GradSink dgain, GradSink dbias, const Tensor& dy,
                                   const Tensor& x, const Tensor& gain, const Tensor& mean,
                                   const Tensor& rstd) const = 0;
  // y = x rstd gain, rstd = 1/sqrt(mean(x²) + eps) (Zhang & Sennrich 2019).
  virtual void rms_norm(Tensor& y, Tensor& rstd, const Tensor& x, const Tensor& gain,
                        float eps) const = 0;
  virtual void rms_norm_backward(GradSink dx, GradSink dgain, const Tensor& dy, const Tensor& x,
                                 const Tensor& gain, const Tensor& rstd) const = 0;
  // y = a + b.
  virtual void add(Tensor& y, const Tensor& a, const Tensor& b) const = 0;
  // dx = dy (or += dy), times scalar[0] when `scalar` is given.
  virtual void copy_grad(GradSink dx, const Tensor& dy, const Tensor& scalar) const = 0;
  // y = a x + b y.
  virtual void axpby(Tensor& y, float a, const Tensor& x, float b) const = 0;
  virtual double sum_squares(const Tensor& x) const = 0;

  // --- embeddings and positions ----------------------------------------------------------------
  // y(N,C) = token_table(V,C)[tokens] + position_table(P,C)[positions]; positions optional.
  virtual void embed(Tensor& y, const Tensor& tokens, const Tensor& positions,
                     const Tensor& token_table, const Tensor& position_table) const = 0;
  virtual void embed_backward(GradSink dtoken_table, GradSink dposition_table, const Tensor& dy,
                              const Tensor& tokens, const Tensor& positions) const = 0;
  // Rotates the pairs (x[i], x[i + R]) of every query and key head of qkv, for the R <= D/2
  // frequencies, by the angle position·frequencies[i] (RoFormer, Su et al. 2021, in the half-split
  // layout); channels from 2R on and values are copied. `inverse` rotates back, which is the
  // backward pass. y may be qkv.
  virtual void rotary(Tensor& y, const Tensor& qkv, const Tensor& positions, const AttentionSpec&,
                      std::span<const double> frequencies, bool inverse) const = 0;
  // RMSNorm of every query and key head over its D channels, gains q_gain(D) and k_gain(D); values
  // are copied (QK-norm, Henry et al. 2020; Dehghani et al. 2023). rstd is (N, H+K).
  virtual void head_norm(Tensor& y, Tensor& rstd, const Tensor& qkv, const Tensor& q_gain,
                         const Tensor& k_gain, const AttentionSpec&, float eps) const = 0;
  virtual void head_norm_backward(GradSink dqkv, GradSink dq_gain, GradSink dk_gain,
                                  const Tensor& dy, const Tensor& qkv, const Tensor& q_gain,
                                  const Tensor& k_gain, const Tensor& rstd,
                                  const AttentionSpec&) const = 0;

  // --- attention -------------------------------------------------------------------------------
  // y(N,H·D) from qkv of shape (B,T,(H+2K)·D); lse(N,H) receives the log-sum-exp of the scores.
  // No T×T matrix is stored (Dao et al. 2022).
  virtual void attention(Tensor& y, Tensor& lse, const Tensor& qkv, const Tensor& starts,
                         const AttentionSpec&) const = 0;
  virtual void attention_backward(GradSink dqkv, const Tensor& dy, const Tensor& y,
                                  const Tensor& lse, const Tensor& qkv, const Tensor& starts,
                                  const AttentionSpec&) const = 0;
  // For R rows of any sequences: stores row r's keys and values at (slots[r], positions[r]) of the
  // caches (S,P,K·D), then attends from each row over positions [max(0, p - window + 1), p] of its
  // slot. Rows of one slot come in order of position. Each row's result is the same bits whoever
  // else is in the batch.
  virtual void attention_decode(Tensor& y, Tensor& key_cache, Tensor& value_cache,
                                const Tensor& qkv, const Tensor& slots, const Tensor& positions,
                                const AttentionSpec&) const = 0;

  // --- losses ----------------------------------------------------------------------------------
  // loss[0] = sum_n weights[n] (lse(logits[n]) - logits[n][targets[n]]) / total_weight, where the
  // total is that of the whole step: all ranks, all micro-batches. So splitting a batch never
  // changes a gradient. A target whose weight is 0 may be out of range. dlogits, when not empty,
  // receives the gradient for a loss gradient of 1.
  virtual void cross_entropy(Tensor& loss, Tensor& dlogits, const Tensor& logits,
                             const Tensor& targets, const Tensor& weights,
                             float total_weight) const = 0;
  // The same for logits = hidden(N,C) w(V,C)ᵀ, in chunks of rows: the logits never exist at once.
  // Gradients, where wanted, are computed in the same pass.
  virtual void linear_cross_entropy(Tensor& loss, GradSink dhidden, GradSink dw,
                                    const Tensor& hidden, const Tensor& w, const Tensor& targets,
                                    const Tensor& weights, float total_weight) const = 0;
  // With z = logits·inv_temperature: log_probs[n] = z[n][targets[n]] - lse(z[n]), and
  // entropies[n] = -sum_v p log p (empty: not wanted). lse(N) is for the backward pass.
  virtual void log_probs(Tensor& log_probs, Tensor& entropies, Tensor& lse, const Tensor& logits,
                         const Tensor& targets, float inv_temperature) const = 0;
  // dlogits from dlog_probs(N) and dentropies(N), either of which may be empty.
  virtual void log_probs_backward(GradSink dlogits, const Tensor& dlog_probs,
                                  const Tensor& dentropies, const Tensor& entropies,
                                  const Tensor& lse, const Tensor& logits, const Tensor& targets,
                                  float inv_temperature) const = 0;
  // The same for logits = hidden wᵀ, in chunks of rows; the backward pass recomputes each chunk.
  virtual void linear_log_probs(Tensor& log_probs, Tensor& entropies, Tensor& lse,
                                const Tensor& hidden, const Tensor& w, const Tensor& targets,
                                float inv_temperature) const = 0;
  virtual void linear_log_probs_backward(GradSink dhidden, GradSink dw, const Tensor& dlog_probs,
                                         const Tensor& dentropies, const Tensor& entropies,
                                         const Tensor& lse, const Tensor& hidden, const Tensor& w,
                                         const Tensor& targets, float inv_temperature) const = 0;

  // --- optimizer -------------------------------------------------------------------------------
  virtual void adamw(Tensor& values, Tensor& m, Tensor& v, const Tensor& grads,
                     const AdamWStep&) const = 0;
};

const Kernels& kernels(Device = Device::cpu);  // the fast one for this device
const Kernels& reference_kernels();            // slow, plain, trusted
const Kernels& cpu_kernels();
// Runs both and throws an Error at the first output that differs by more than `tolerance`
// (normalised mean squared error): `lineage grow --check-kernels`.
std::unique_ptr<Kernels> checked(const Kernels& fast, const Kernels& trusted, double tolerance);

// While it lives, kernels() answers `k` on every thread. For tests and --check-kernels.
class UseKernels {
 public:
  explicit UseKernels(const Kernels& k);
  ~UseKernels();
  UseKernels(const UseKernels&) = delete;
  UseKernels& operator=(const UseKernels&) = delete;

 private:
  const Kernels* outer_;
};

}  // namespace lineage
