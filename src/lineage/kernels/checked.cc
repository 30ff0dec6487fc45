#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <sstream>
#include <tuple>
#include <utility>
#include <vector>

#include "lineage/base/error.h"
#include "lineage/kernels/kernels.h"

namespace lineage {
namespace {

Tensor copy_of(const Tensor& x) {
  if (x.empty()) return {};
  Tensor copy = Tensor::like(x);
  std::memcpy(copy.bytes(), x.bytes(), static_cast<size_t>(x.byte_size()));
  return copy;
}
GradSink copy_of(const GradSink& sink) { return {copy_of(sink.out), sink.accumulate}; }

const Tensor& tensor_of(const Tensor& x) { return x; }
const Tensor& tensor_of(const GradSink& sink) { return sink.out; }

// "[3, 17]" for the element `index` of a tensor.
std::string place(const Shape& shape, int64_t index) {
  std::vector<int64_t> at(static_cast<size_t>(shape.rank()));
  for (int axis = shape.rank() - 1; axis >= 0; --axis) {
    at[axis] = index % shape[axis];
    index /= shape[axis];
  }
  std::ostringstream out;
  out << Shape(std::move(at));
  return out.str();
}

// Two packed weights in one block, behind a header that says how to take them apart.
class PackedPair {
 public:
  static Tensor join(const Tensor& a, const Tensor& b) {
    Tensor pair = Tensor::empty({2 * kHeader + a.numel() + b.numel()});
    int64_t at = 0;
    for (const Tensor* x : {&a, &b}) {
      int64_t header[kHeader / 2] = {x->shape().rank()};
      std::ranges::copy(x->shape().dims(), header + 1);
      std::memcpy(pair.bytes() + at, header, sizeof header);
      std::memcpy(pair.bytes() + at + sizeof header, x->bytes(),
                  static_cast<size_t>(x->byte_size()));
      at += static_cast<int64_t>(sizeof header) + x->byte_size();
    }
    return pair;
  }
  static std::pair<Tensor, Tensor> split(const Tensor& pair) {
    const Tensor a = part(pair, 0);
    return {a, part(pair, kHeader + a.numel())};
  }

 private:
  static constexpr int64_t kHeader = 16;  // floats, which hold a rank and up to 7 extents

  static Tensor part(const Tensor& pair, int64_t at) {
    int64_t header[kHeader / 2];
    std::memcpy(header, pair.bytes() + at * size_of(pair.dtype()), sizeof header);
    return pair.slice(at + kHeader, Shape(std::vector(header + 1, header + 1 + header[0])));
  }
};

class CheckedKernels final : public Kernels {
 public:
  CheckedKernels(const Kernels& fast, const Kernels& trusted, double tolerance)
      : fast_(fast), trusted_(trusted), tolerance_(tolerance) {
    name_ = std::string(fast.name()) + " checked by " + std::string(trusted.name());
  }
  std::string_view name() const override { return name_; }

  void matmul(Tensor& c, const Tensor& a, Trans trans_a, const Tensor& b, Trans trans_b,
              float beta) const override {
    both("matmul", {"c"}, &Kernels::matmul, std::tie(c), a, trans_a, b, trans_b, beta);
  }
  void matmul_symmetric(Tensor& c, const Tensor& a, Trans trans_a, const Tensor& b, Trans trans_b,
                        float beta) const override {
    both("matmul_symmetric", {"c"}, &Kernels::matmul_symmetric, std::tie(c), a, trans_a, b, trans_b,
         beta);
  }
  void linear(Tensor& y, const Tensor& x, const Tensor& w, const Tensor& bias,
              const Tensor& residual) const override {
    both("linear", {"y"}, &Kernels::linear, std::tie(y), x, w, bias, residual);
  }
  void linear_backward(GradSink dx, GradSink dw, GradSink dbias, const Tensor& dy, const Tensor& x,
                       const Tensor& w) const override {
    both("linear_backward", {"dx", "dw", "dbias"}, &Kernels::linear_backward,
         std::tie(dx, dw, dbias), dy, x, w);
  }
  void mlp(Tensor& y, Tensor& pre, const Tensor& x, const Tensor& w1, const Tensor& b1,
           const Tensor& w2, const Tensor& b2, const Tensor& residual,
           Activation act) const override {
    both("mlp", {"y", "pre"}, &Kernels::mlp, std::tie(y, pre), x, w1, b1, w2, b2, residual, act);
  }
  void mlp_backward(GradSink dx, GradSink dw1, GradSink db1, GradSink dw2, GradSink db2,
                    const Tensor& dy, const Tensor& x, const Tensor& w1, const Tensor& w2,
                    Tensor& pre, Activation act) const override {
    const auto call = [&](const Kernels& k, GradSink a, GradSink b, GradSink c, GradSink d,
                          GradSink e) {
      Tensor scratch = &k == &fast_ ? pre : copy_of(pre);
      k.mlp_backward(a, b, c, d, e, dy, x, w1, w2, scratch, act);
    };
    both("mlp_backward", {"dx", "dw1", "db1", "dw2", "db2"}, call,
         std::tie(dx, dw1, db1, dw2, db2));
  }
  Tensor pack(const Tensor& w) const override {
    return PackedPair::join(fast_.pack(w), trusted_.pack(w));
  }
  void linear_packed(Tensor& y, const Tensor& x, const Tensor& packed, const Tensor& bias,
                     const Tensor& residual) const override {
    const auto [for_fast, for_trusted] = PackedPair::split(packed);
    const auto call = [&, &fast_pack = for_fast, &trusted_pack = for_trusted](const Kernels& k,
                                                                              Tensor& out) {
      k.linear_packed(out, x, &k == &fast_ ? fast_pack : trusted_pack, bias, residual);
    };
    both("linear_packed", {"y"}, call, std::tie(y));
  }

  void activation(Tensor& y, const Tensor& x, Activation act) const override {
    both("activation", {"y"}, &Kernels::activation, std::tie(y), x, act);
  }
  void activation_backward(GradSink dx, const Tensor& dy, const Tensor& x,
                           Activation act) const override {
    both("activation_backward", {"dx"}, &Kernels::activation_backward, std::tie(dx), dy, x, act);
  }
  void layer_norm(Tensor& y, Tensor& mean, Tensor& rstd, const Tensor& x, const Tensor& gain,
                  const Tensor& bias, float eps) const override {
    both("layer_norm", {"y", "mean", "rstd"}, &Kernels::layer_norm, std::tie(y, mean, rstd), x,
         gain, bias, eps);
  }
  void layer_norm_backward(GradSink dx, GradSink dgain, GradSink dbias, const Tensor& dy,
                           const Tensor& x, const Tensor& gain, const Tensor& mean,
                           const Tensor& rstd) const override {
    both("layer_norm_backward", {"dx", "dgain", "dbias"}, &Kernels::layer_norm_backward,
         std::tie(dx, dgain, dbias), dy, x, gain, mean, rstd);
  }
  void rms_norm(Tensor& y, Tensor& rstd, const Tensor& x, const Tensor& gain,
                float eps) const override {
    both("rms_norm", {"y", "rstd"}, &Kernels::rms_norm, std::tie(y, rstd), x, gain, eps);
  }
  void rms_norm_backward(GradSink dx, GradSink dgain, const Tensor& dy, const Tensor& x,
                         const Tensor& gain, const Tensor& rstd) const override {
    both("rms_norm_backward", {"dx", "dgain"}, &Kernels::rms_norm_backward, std::tie(dx, dgain), dy,
         x, gain, rstd);
  }
  void add(Tensor& y, const Tensor& a, const Tensor& b) const override {
    both("add", {"y"}, &Kernels::add, std::tie(y), a, b);
  }
  void copy_grad(GradSink dx, const Tensor& dy, const Tensor& scalar) const override {
    both("copy_grad", {"dx"}, &Kernels::copy_grad, std::tie(dx), dy, scalar);
  }
  void axpby(Tensor& y, float a, const Tensor& x, float b) const override {
    both("axpby", {"y"}, &Kernels::axpby, std::tie(y), a, x, b);
  }
  double sum_squares(const Tensor& x) const override {
    const double fast = fast_.sum_squares(x), trusted = trusted_.sum_squares(x);
    compare("sum_squares", "sum", Tensor::full({1}, static_cast<float>(fast)),
            Tensor::full({1}, static_cast<float>(trusted)));
    return fast;
  }

  void embed(Tensor& y, const Tensor& tokens, const Tensor& positions, const Tensor& token_table,
             const Tensor& position_table) const override {
    both("embed", {"y"}, &Kernels::embed, std::tie(y), tokens, positions, token_table,
         position_table);
  }
  void embed_backward(GradSink dtoken_table, GradSink dposition_table, const Tensor& dy,
                      const Tensor& tokens, const Tensor& positions) const override {
    both("embed_backward", {"dtoken_table", "dposition_table"}, &Kernels::embed_backward,
         std::tie(dtoken_table, dposition_table), dy, tokens, positions);
  }
  void rotary(Tensor& y, const Tensor& qkv, const Tensor& positions, const AttentionSpec& spec,
              std::span<const double> frequencies, bool inverse) const override {
    both("rotary", {"y"}, &Kernels::rotary, std::tie(y), qkv, positions, spec, frequencies,
         inverse);
  }
  void head_norm(Tensor& y, Tensor& rstd, const Tensor& qkv, const Tensor& q_gain,
                 const Tensor& k_gain, const AttentionSpec& spec, float eps) const override {
    both("head_norm", {"y", "rstd"}, &Kernels::head_norm, std::tie(y, rstd), qkv, q_gain, k_gain,
         spec, eps);
  }
  void head_norm_backward(GradSink dqkv, GradSink dq_gain, GradSink dk_gain, const Tensor& dy,
                          const Tensor& qkv, const Tensor& q_gain, const Tensor& k_gain,
                          const Tensor& rstd, const AttentionSpec& spec) const override {
    both("head_norm_backward", {"dqkv", "dq_gain", "dk_gain"}, &Kernels::head_norm_backward,
         std::tie(dqkv, dq_gain, dk_gain), dy, qkv, q_gain, k_gain, rstd, spec);
  }

  void attention(Tensor& y, Tensor& lse, const Tensor& qkv, const Tensor& starts,
                 const AttentionSpec& spec) const override {
    both("attention", {"y", "lse"}, &Kernels::attention, std::tie(y, lse), qkv, starts, spec);
  }
  void attention_backward(GradSink dqkv, const Tensor& dy, const Tensor& y, const Tensor& lse,
                          const Tensor& qkv, const Tensor& starts,
                          const AttentionSpec& spec) const override {
    both("attention_backward", {"dqkv"}, &Kernels::attention_backward, std::tie(dqkv), dy, y, lse,
         qkv, starts, spec);
  }
  void attention_decode(Tensor& y, Tensor& key_cache, Tensor& value_cache, const Tensor& qkv,
                        const Tensor& slots, const Tensor& positions,
                        const AttentionSpec& spec) const override {
    both("attention_decode", {"y", "key_cache", "value_cache"}, &Kernels::attention_decode,
         std::tie(y, key_cache, value_cache), qkv, slots, positions, spec);
  }

  void cross_entropy(Tensor& loss, Tensor& dlogits, const Tensor& logits, const Tensor& targets,
                     const Tensor& weights, float total_weight) const override {
    both("cross_entropy", {"loss", "dlogits"}, &Kernels::cross_entropy, std::tie(loss, dlogits),
         logits, targets, weights, total_weight);
  }
  void linear_cross_entropy(Tensor& loss, GradSink dhidden, GradSink dw, const Tensor& hidden,
                            const Tensor& w, const Tensor& targets, const Tensor& weights,
                            float total_weight) const override {
    both("linear_cross_entropy", {"loss", "dhidden", "dw"}, &Kernels::linear_cross_entropy,
         std::tie(loss, dhidden, dw), hidden, w, targets, weights, total_weight);
  }
  void log_probs(Tensor& log_probs, Tensor& entropies, Tensor& lse, const Tensor& logits,
                 const Tensor& targets, float inv_temperature) const override {
    both("log_probs", {"log_probs", "entropies", "lse"}, &Kernels::log_probs,
         std::tie(log_probs, entropies, lse), logits, targets, inv_temperature);
  }
  void log_probs_backward(GradSink dlogits, const Tensor& dlog_probs, const Tensor& dentropies,
                          const Tensor& entropies, const Tensor& lse, const Tensor& logits,
                          const Tensor& targets, float inv_temperature) const override {
    both("log_probs_backward", {"dlogits"}, &Kernels::log_probs_backward, std::tie(dlogits),
         dlog_probs, dentropies, entropies, lse, logits, targets, inv_temperature);
  }
  void linear_log_probs(Tensor& log_probs, Tensor& entropies, Tensor& lse, const Tensor& hidden,
                        const Tensor& w, const Tensor& targets,
                        float inv_temperature) const override {
    both("linear_log_probs", {"log_probs", "entropies", "lse"}, &Kernels::linear_log_probs,
         std::tie(log_probs, entropies, lse), hidden, w, targets, inv_temperature);
  }
  void linear_log_probs_backward(GradSink dhidden, GradSink dw, const Tensor& dlog_probs,
                                 const Tensor& dentropies, const Tensor& entropies,
                                 const Tensor& lse, const Tensor& hidden, const Tensor& w,
                                 const Tensor& targets, float inv_temperature) const override {
    both("linear_log_probs_backward", {"dhidden", "dw"}, &Kernels::linear_log_probs_backward,
         std::tie(dhidden, dw), dlog_probs, dentropies, entropies, lse, hidden, w, targets,
         inv_temperature);
  }

  void adamw(Tensor& values, Tensor& m, Tensor& v, const Tensor& grads,
             const AdamWStep& step) const override {
    both("adamw", {"values", "m", "v"}, &Kernels::adamw, std::tie(values, m, v), grads, step);
  }

 private:
  // The trusted kernels go first and on copies: an output may alias an input, and what comes back
  // must be what the fast ones wrote.
  template <class Call, class... Outs, class... Ins>
  void both(std::string_view kernel, const std::array<std::string_view, sizeof...(Outs)>& names,
            Call call, std::tuple<Outs&...> outs, const Ins&... ins) const {
    auto copies = std::apply([](Outs&... out) { return std::tuple(copy_of(out)...); }, outs);
    std::apply([&](auto&... out) { std::invoke(call, trusted_, out..., ins...); }, copies);
    std::apply([&](Outs&... out) { std::invoke(call, fast_, out..., ins...); }, outs);
    [&]<size_t... i>(std::index_sequence<i...>) {
      (compare(kernel, names[i], tensor_of(std::get<i>(outs)), tensor_of(std::get<i>(copies))),
       ...);
    }
    (std::index_sequence_for<Outs...>());
  }

  void compare(std::string_view kernel, std::string_view output, const Tensor& fast,
               const Tensor& trusted) const {
    if (fast.empty()) return;
    const auto got = fast.data<float>(), want = trusted.data<float>();
    double error = 0, size = 0, largest = -1;
    size_t worst = 0;
    for (size_t i = 0; i < got.size(); ++i) {
      if (got[i] == want[i] || (std::isnan(got[i]) && std::isnan(want[i]))) continue;
      double difference = std::abs(double{got[i]} - double{want[i]});
      if (!std::isfinite(difference)) difference = std::numeric_limits<double>::infinity();
      if (difference > largest) {
        largest = difference;
        worst = i;
      }
      error += difference * difference;
    }
    if (error == 0) return;
    for (float v : want) size += std::isfinite(v) ? double{v} * double{v} : 0;
    if (error <= tolerance_ * size) return;
    std::ostringstream message;
    message.precision(9);
    message << kernel << ": " << output << place(fast.shape(), static_cast<int64_t>(worst))
            << " is " << got[worst] << " by " << fast_.name() << " and " << want[worst] << " by "
            << trusted_.name() << " (normalised squared error " << error / size << "); at most "
            << tolerance_ << " is allowed";
    throw Error(message.str(), "run kernels_test on this machine and report what it says");
  }

  const Kernels& fast_;
  const Kernels& trusted_;
  double tolerance_;
  std::string name_;
};

}  // namespace

std::unique_ptr<Kernels> checked(const Kernels& fast, const Kernels& trusted, double tolerance) {
  return std::make_unique<CheckedKernels>(fast, trusted, tolerance);
}

}  // namespace lineage
