#pragma once

#include "lineage/base/enum_index.h"
#include "lineage/kernels/cases.h"

namespace lineage::cases {

struct ActivationCase {
  int64_t rows = 1, width = 1;
  Activation act = Activation::gelu_tanh;

  struct Data {
    Tensor x, dy;
  };
  int64_t wide() const { return gated(act) ? 2 * width : width; }
  std::string name() const {
    return fmt::format("{} [{}, {}]", enum_names(act)[enum_index(act)], rows, width);
  }
  Data data() const {
    Draw draw(name());
    return {draw.normal({rows, wide()}, 2), draw.normal({rows, width})};
  }
  Call forward() const {
    Call call(name());
    call.does([act = act, d = data(), y = call.out("y", {rows, width})](const Kernels& on) mutable {
      on.activation(y, d.x, act);
    });
    return call;
  }
  Call backward(Sink sink) const {
    Call call(name() + " backward");
    const GradSink dx = call.grad("dx", {rows, wide()}, sink);
    call.does([=, act = act, d = data()](const Kernels& on) {
      on.activation_backward(dx, d.dy, d.x, act);
    });
    return call;
  }
};

struct NormCase {
  int64_t rows = 1, width = 1;
  bool bias = true;
  float eps = 1e-5f;

  struct Data {
    Tensor x, gain, bias, dy, mean, layer_rstd, rms_rstd;
  };
  std::string name() const {
    return fmt::format("norm [{}, {}]{}", rows, width, bias ? " bias" : "");
  }
  Data data() const {
    Draw draw(name());
    Data d{draw.normal({rows, width}, 1.5f, 0.5f),
           draw.normal({width}, 0.5f, 1),
           bias ? draw.normal({width}) : Tensor(),
           draw.normal({rows, width}),
           draw.normal({rows}),
           draw.normal({rows}),
           draw.normal({rows})};
    Tensor y = Tensor::like(d.x);
    reference_kernels().layer_norm(y, d.mean, d.layer_rstd, d.x, d.gain, d.bias, eps);
    reference_kernels().rms_norm(y, d.rms_rstd, d.x, d.gain, eps);
    return d;
  }
  Call layer() const {
    Call call("layer " + name());
    Tensor y = call.out("y", {rows, width}), mean = call.out("mean", {rows});
    call.does(
        [=, eps = eps, d = data(), rstd = call.out("rstd", {rows})](const Kernels& on) mutable {
          on.layer_norm(y, mean, rstd, d.x, d.gain, d.bias, eps);
        });
    return call;
  }
  Call layer_backward(const Sinks& sinks) const {
    Call call("layer " + name() + " backward");
    const GradSink dx = call.grad("dx", {rows, width}, sinks[0]);
    const GradSink dgain = call.grad("dgain", {width}, sinks[1]);
    const GradSink dbias = call.grad("dbias", {width}, sinks[2]);
    call.does([=, d = data()](const Kernels& on) {
      on.layer_norm_backward(dx, dgain, dbias, d.dy, d.x, d.gain, d.mean, d.layer_rstd);
    });
    return call;
  }
  Call rms() const {
    Call call("rms " + name());
    Tensor y = call.out("y", {rows, width}), rstd = call.out("rstd", {rows});
    call.does([=, eps = eps, d = data()](const Kernels& on) mutable {
      on.rms_norm(y, rstd, d.x, d.gain, eps);
    });
    return call;
  }
  Call rms_backward(const Sinks& sinks) const {
    Call call("rms " + name() + " backward");
    const GradSink dx = call.grad("dx", {rows, width}, sinks[0]);
    const GradSink dgain = call.grad("dgain", {width}, sinks[1]);
    call.does([=, d = data()](const Kernels& on) {
      on.rms_norm_backward(dx, dgain, d.dy, d.x, d.gain, d.rms_rstd);
    });
    return call;
  }
};

// add, copy_grad and axpby over n elements.
struct PointwiseCase {
  int64_t n = 1;

  Call add() const {
    Call call(fmt::format("add {}", n));
    Draw draw(call.name);
    call.does([a = draw.normal({n}), b = draw.normal({n}),
               y = call.out("y", {n})](const Kernels& on) mutable { on.add(y, a, b); });
    return call;
  }
  Call copy_grad(Sink sink, bool scaled) const {
    Call call(fmt::format("copy_grad {}{}", n, scaled ? " scaled" : ""));
    Draw draw(call.name);
    const Tensor dy = draw.normal({n}), scalar = scaled ? draw.normal({1}) : Tensor();
    const GradSink dx = call.grad("dx", {n}, sink);
    call.does([=](const Kernels& on) { on.copy_grad(dx, dy, scalar); });
    return call;
  }
  Call axpby(float a, float b) const {
    Call call(fmt::format("axpby {} a {} b {}", n, a, b));
    Draw draw(call.name);
    const Tensor x = draw.normal({n});
    call.does([=, y = call.update("y", draw.normal({n}))](const Kernels& on) mutable {
      on.axpby(y, a, x, b);
    });
    return call;
  }
};

struct AdamWCase {
  int64_t n = 1;
  AdamWStep step;

  Call call() const {
    Call call(fmt::format("adamw {} step {}", n, step.step));
    Draw draw(call.name);
    Tensor values = call.update("values", draw.normal({n}));
    Tensor m = call.update("m", draw.normal({n}, 0.1f));
    const Tensor squares = draw.normal({n}, 0.1f);
    for (float& v : squares.data<float>()) v *= v;
    call.does([=, step = step, grads = draw.normal({n}), v = call.update("v", squares)](
                  const Kernels& on) mutable { on.adamw(values, m, v, grads, step); });
    return call;
  }
};

}  // namespace lineage::cases
