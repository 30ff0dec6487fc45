#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "lineage/kernels/kernels.h"

namespace lineage {

// Passes every call on and adds up how long it took, over all threads that call: where the time of
// a step goes.
class TimedKernels final : public Kernels {
 public:
  explicit TimedKernels(const Kernels& inner) : inner_(inner) {}

  struct Time {
    double seconds = 0;
    int64_t calls = 0;
  };
  std::vector<std::pair<std::string, Time>> times() const;  // the longest first

  std::string_view name() const override { return inner_.name(); }
  void matmul(Tensor& c, const Tensor& a, Trans trans_a, const Tensor& b, Trans trans_b,
              float beta) const override {
    return time("matmul", [&] { return inner_.matmul(c, a, trans_a, b, trans_b, beta); });
  }
  void matmul_symmetric(Tensor& c, const Tensor& a, Trans trans_a, const Tensor& b, Trans trans_b,
                        float beta) const override {
    return time("matmul_symmetric",
                [&] { return inner_.matmul_symmetric(c, a, trans_a, b, trans_b, beta); });
  }
  void linear(Tensor& y, const Tensor& x, const Tensor& w, const Tensor& bias,
              const Tensor& residual) const override {
    return time("linear", [&] { return inner_.linear(y, x, w, bias, residual); });
  }
  void linear_backward(GradSink dx, GradSink dw, GradSink dbias, const Tensor& dy, const Tensor& x,
                       const Tensor& w) const override {
    return time("linear_backward", [&] { return inner_.linear_backward(dx, dw, dbias, dy, x, w); });
  }
  void mlp(Tensor& y, Tensor& pre, const Tensor& x, const Tensor& w1, const Tensor& b1,
           const Tensor& w2, const Tensor& b2, const Tensor& residual,
           Activation act) const override {
    return time("mlp", [&] { return inner_.mlp(y, pre, x, w1, b1, w2, b2, residual, act); });
  }
  void mlp_backward(GradSink dx, GradSink dw1, GradSink db1, GradSink dw2, GradSink db2,
                    const Tensor& dy, const Tensor& x, const Tensor& w1, const Tensor& w2,
                    Tensor& pre, Activation act) const override {
    return time("mlp_backward", [&] {
      return inner_.mlp_backward(dx, dw1, db1, dw2, db2, dy, x, w1, w2, pre, act);
    });
  }
  Tensor pack(const Tensor& w) const override {
    return time("pack", [&] { return inner_.pack(w); });
  }
  void linear_packed(Tensor& y, const Tensor& x, const Tensor& packed, const Tensor& bias,
                     const Tensor& residual) const override {
    return time("linear_packed",
                [&] { return inner_.linear_packed(y, x, packed, bias, residual); });
  }
  void activation(Tensor& y, const Tensor& x, Activation act) const override {
    return time("activation", [&] { return inner_.activation(y, x, act); });
  }
  void activation_backward(GradSink dx, const Tensor& dy, const Tensor& x,
                           Activation act) const override {
    return time("activation_backward", [&] { return inner_.activation_backward(dx, dy, x, act); });
  }
  void layer_norm(Tensor& y, Tensor& mean, Tensor& rstd, const Tensor& x, const Tensor& gain,
                  const Tensor& bias, float eps) const override {
    return time("layer_norm", [&] { return inner_.layer_norm(y, mean, rstd, x, gain, bias, eps); });
  }
  void layer_norm_backward(GradSink dx, GradSink dgain, GradSink dbias, const Tensor& dy,
                           const Tensor& x, const Tensor& gain, const Tensor& mean,
                           const Tensor& rstd) const override {
    return time("layer_norm_backward", [&] {
      return inner_.layer_norm_backward(dx, dgain, dbias, dy, x, gain, mean, rstd);
    });
  }
  void rms_norm(Tensor& y, Tensor& rstd, const Tensor& x, const Tensor& gain,
                float eps) const override {
    return time("rms_norm", [&] { return inner_.rms_norm(y, rstd, x, gain, eps); });
  }
  void rms_norm_backward(GradSink dx, GradSink dgain, const Tensor& dy, const Tensor& x,
                         const Tensor& gain, const Tensor& rstd) const override {
    return time("rms_norm_backward",
                [&] { return inner_.rms_norm_backward(dx, dgain, dy, x, gain, rstd); });
  }
  void add(Tensor& y, const Tensor& a, const Tensor& b) const override {
    return time("add", [&] { return inner_.add(y, a, b); });
  }
  void copy_grad(GradSink dx, const Tensor& dy, const Tensor& scalar) const override {
    return time("copy_grad", [&] { return inner_.copy_grad(dx, dy, scalar); });
  }
  void axpby(Tensor& y, float a, const Tensor& x, float b) const override {
    return time("axpby", [&] { return inner_.axpby(y, a, x, b); });
  }
  double sum_squares(const Tensor& x) const override {
    return time("sum_squares", [&] { return inner_.sum_squares(x); });
  }
  void embed(Tensor& y, const Tensor& tokens, const Tensor& positions, const Tensor& token_table,
             const Tensor& position_table) const override {
    return time("embed",
                [&] { return inner_.embed(y, tokens, positions, token_table, position_table); });
  }
  void embed_backward(GradSink dtoken_table, GradSink dposition_table, const Tensor& dy,
                      const Tensor& tokens, const Tensor& positions) const override {
    return time("embed_backward", [&] {
      return inner_.embed_backward(dtoken_table, dposition_table, dy, tokens, positions);
    });
  }
  void rotary(Tensor& y, const Tensor& qkv, const Tensor& positions, const AttentionSpec& spec,
              std::span<const double> frequencies, bool inverse) const override {
    return time("rotary",
                [&] { return inner_.rotary(y, qkv, positions, spec, frequencies, inverse); });
  }
  void head_norm(Tensor& y, Tensor& rstd, const Tensor& qkv, const Tensor& q_gain,
                 const Tensor& k_gain, const AttentionSpec& spec, float eps) const override {
    return time("head_norm",
                [&] { return inner_.head_norm(y, rstd, qkv, q_gain, k_gain, spec, eps); });
  }
  void head_norm_backward(GradSink dqkv, GradSink dq_gain, GradSink dk_gain, const Tensor& dy,
                          const Tensor& qkv, const Tensor& q_gain, const Tensor& k_gain,
                          const Tensor& rstd, const AttentionSpec& spec) const override {
    return time("head_norm_backward", [&] {
      return inner_.head_norm_backward(dqkv, dq_gain, dk_gain, dy, qkv, q_gain, k_gain, rstd, spec);
    });
  }
  void attention(Tensor& y, Tensor& lse, const Tensor& qkv, const Tensor& starts,
                 const AttentionSpec& spec) const override {
    return time("attention", [&] { return inner_.attention(y, lse, qkv, starts, spec); });
  }
  void attention_backward(GradSink dqkv, const Tensor& dy, const Tensor& y, const Tensor& lse,
                          const Tensor& qkv, const Tensor& starts,
                          const AttentionSpec& spec) const override {
    return time("attention_backward",
                [&] { return inner_.attention_backward(dqkv, dy, y, lse, qkv, starts, spec); });
  }
  void attention_decode(Tensor& y, Tensor& key_cache, Tensor& value_cache, const Tensor& qkv,
                        const Tensor& slots, const Tensor& positions,
                        const AttentionSpec& spec) const override {
    return time("attention_decode", [&] {
      return inner_.attention_decode(y, key_cache, value_cache, qkv, slots, positions, spec);
    });
  }
  void cross_entropy(Tensor& loss, Tensor& dlogits, const Tensor& logits, const Tensor& targets,
                     const Tensor& weights, float total_weight) const override {
    return time("cross_entropy", [&] {
      return inner_.cross_entropy(loss, dlogits, logits, targets, weights, total_weight);
    });
  }
  void linear_cross_entropy(Tensor& loss, GradSink dhidden, GradSink dw, const Tensor& hidden,
                            const Tensor& w, const Tensor& targets, const Tensor& weights,
                            float total_weight) const override {
    return time("linear_cross_entropy", [&] {
      return inner_.linear_cross_entropy(loss, dhidden, dw, hidden, w, targets, weights,
                                         total_weight);
    });
  }
  void log_probs(Tensor& log_probs, Tensor& entropies, Tensor& lse, const Tensor& logits,
                 const Tensor& targets, float inv_temperature) const override {
    return time("log_probs", [&] {
      return inner_.log_probs(log_probs, entropies, lse, logits, targets, inv_temperature);
    });
  }
  void log_probs_backward(GradSink dlogits, const Tensor& dlog_probs, const Tensor& dentropies,
                          const Tensor& entropies, const Tensor& lse, const Tensor& logits,
                          const Tensor& targets, float inv_temperature) const override {
    return time("log_probs_backward", [&] {
      return inner_.log_probs_backward(dlogits, dlog_probs, dentropies, entropies, lse, logits,
                                       targets, inv_temperature);
    });
  }
  void linear_log_probs(Tensor& log_probs, Tensor& entropies, Tensor& lse, const Tensor& hidden,
                        const Tensor& w, const Tensor& targets,
                        float inv_temperature) const override {
    return time("linear_log_probs", [&] {
      return inner_.linear_log_probs(log_probs, entropies, lse, hidden, w, targets,
                                     inv_temperature);
    });
  }
  void linear_log_probs_backward(GradSink dhidden, GradSink dw, const Tensor& dlog_probs,
                                 const Tensor& dentropies, const Tensor& entropies,
                                 const Tensor& lse, const Tensor& hidden, const Tensor& w,
                                 const Tensor& targets, float inv_temperature) const override {
    return time("linear_log_probs_backward", [&] {
      return inner_.linear_log_probs_backward(dhidden, dw, dlog_probs, dentropies, entropies, lse,
                                              hidden, w, targets, inv_temperature);
    });
  }
  void adamw(Tensor& values, Tensor& m, Tensor& v, const Tensor& grads,
             const AdamWStep& step) const override {
    return time("adamw", [&] { return inner_.adamw(values, m, v, grads, step); });
  }

 private:
  template <class Call>
  std::invoke_result_t<Call> time(const char* name, const Call& call) const {
    struct Watch {
      const TimedKernels& of;
      const char* name;
      std::chrono::steady_clock::time_point start = std::chrono::steady_clock::now();
      ~Watch() {
        const auto took = std::chrono::steady_clock::now() - start;
        const std::lock_guard lock(of.mutex_);
        Time& time = of.times_[name];
        time.seconds += std::chrono::duration<double>(took).count();
        ++time.calls;
      }
    } watch{*this, name};
    return call();
  }

  const Kernels& inner_;
  mutable std::mutex mutex_;
  mutable std::map<std::string, Time> times_;
};

}  // namespace lineage
