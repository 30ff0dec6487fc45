#pragma once

#include "lineage/kernels/cases.h"

namespace lineage::cases {

// Losses of given logits, or of hidden wᵀ when `width` is not 0.
struct LossCase {
  int64_t rows = 1, vocabulary = 1, width = 0;
  float inv_temperature = 1, scale = 1;  // of the logits
  bool entropies = true;

  struct Data {
    Tensor logits, hidden, w, targets, weights, dlog_probs, dentropies, log_probs, entropies, lse;
    float total_weight = 1;
  };
  std::string name() const {
    return fmt::format("loss [{}, {}]{} 1/temperature {}{}", rows, vocabulary,
                       width ? fmt::format(" of width {}", width) : "", inv_temperature,
                       entropies ? " entropies" : "");
  }
  // About a third of the weights are 0, and so may their targets be nonsense; but for log_probs,
  // whose rows all count, `valid_targets` gives them sense.
  Data data(bool valid_targets) const {
    Draw draw(name());
    const float root = width ? 1 / std::sqrt(static_cast<float>(width)) : 1;
    Data d{width ? Tensor() : draw.normal({rows, vocabulary}, scale),
           width ? draw.normal({rows, width}, scale) : Tensor(),
           width ? draw.normal({vocabulary, width}, root) : Tensor(),
           draw.integers({rows}, 0, vocabulary),
           draw.normal({rows}, 0.2f, 1),
           draw.normal({rows}),
           entropies ? draw.normal({rows}) : Tensor(),
           draw.normal({rows}),
           entropies ? draw.normal({rows}) : Tensor(),
           draw.normal({rows})};
    if (valid_targets) {
      forward_log_probs(reference_kernels(), d.log_probs, d.entropies, d.lse, d);
      return d;
    }
    for (int64_t n = 2; n < rows; n += 3) {
      d.weights.data<float>()[n] = 0;
      d.targets.data<int32_t>()[n] = n % 2 ? -1 : 1 << 30;
    }
    d.total_weight = 0.7f * static_cast<float>(rows);
    return d;
  }
  void forward_log_probs(const Kernels& on, Tensor& log_probs, Tensor& h, Tensor& lse,
                         const Data& d) const {
    if (width)
      on.linear_log_probs(log_probs, h, lse, d.hidden, d.w, d.targets, inv_temperature);
    else
      on.log_probs(log_probs, h, lse, d.logits, d.targets, inv_temperature);
  }

  Call cross_entropy(bool gradient) const {
    Call call("cross_entropy " + name());
    Tensor loss = call.out("loss", {1});
    Tensor dlogits = gradient ? call.out("dlogits", {rows, vocabulary}) : Tensor();
    call.does([=, d = data(false)](const Kernels& on) mutable {
      on.cross_entropy(loss, dlogits, d.logits, d.targets, d.weights, d.total_weight);
    });
    return call;
  }
  Call linear_cross_entropy(const Sinks& sinks) const {
    Call call("linear_cross_entropy " + name());
    Tensor loss = call.out("loss", {1});
    const GradSink dhidden = call.grad("dhidden", {rows, width}, sinks[0]);
    const GradSink dw = call.grad("dw", {vocabulary, width}, sinks[1]);
    call.does([=, d = data(false)](const Kernels& on) mutable {
      on.linear_cross_entropy(loss, dhidden, dw, d.hidden, d.w, d.targets, d.weights,
                              d.total_weight);
    });
    return call;
  }
  Call log_probs() const {
    Call call((width ? "linear_log_probs " : "log_probs ") + name());
    Tensor log_probs = call.out("log_probs", {rows});
    Tensor h = entropies ? call.out("entropies", {rows}) : Tensor();
    call.does([=, c = *this, d = data(true), lse = call.out("lse", {rows})](
                  const Kernels& on) mutable { c.forward_log_probs(on, log_probs, h, lse, d); });
    return call;
  }
  // `wanted` gives dlog_probs; dentropies is given when the case has entropies.
  Call log_probs_backward(const Sinks& sinks, bool dlog_probs = true) const {
    Call call((width ? "linear_log_probs_backward " : "log_probs_backward ") + name());
    Data d = data(true);
    if (!dlog_probs) d.dlog_probs = {};
    if (width) {
      const GradSink dhidden = call.grad("dhidden", {rows, width}, sinks[0]);
      const GradSink dw = call.grad("dw", {vocabulary, width}, sinks[1]);
      call.does([=, inv = inv_temperature](const Kernels& on) {
        on.linear_log_probs_backward(dhidden, dw, d.dlog_probs, d.dentropies, d.entropies, d.lse,
                                     d.hidden, d.w, d.targets, inv);
      });
    } else {
      const GradSink dlogits = call.grad("dlogits", {rows, vocabulary}, sinks[0]);
      call.does([=, inv = inv_temperature](const Kernels& on) {
        on.log_probs_backward(dlogits, d.dlog_probs, d.dentropies, d.entropies, d.lse, d.logits,
                              d.targets, inv);
      });
    }
    return call;
  }
};

}  // namespace lineage::cases
