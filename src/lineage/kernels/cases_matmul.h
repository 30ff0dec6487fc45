#pragma once

#include "lineage/base/enum_index.h"
#include "lineage/kernels/cases.h"

namespace lineage::cases {

struct MatmulCase {
  int64_t m = 1, k = 1, n = 1;
  Trans trans_a = Trans::no, trans_b = Trans::no;
  float beta = 0;

  std::string name() const {
    return fmt::format("matmul m{} k{} n{}{}{} beta {}", m, k, n,
                       trans_a == Trans::yes ? " aT" : "", trans_b == Trans::yes ? " bT" : "",
                       beta);
  }
  Call call() const {
    Call call(name());
    Draw draw(name());
    const Tensor a = draw.normal(trans_a == Trans::yes ? Shape{k, m} : Shape{m, k});
    const Tensor b = draw.normal(trans_b == Trans::yes ? Shape{n, k} : Shape{k, n});
    Tensor c = beta == 0 ? call.out("c", {m, n}) : call.update("c", draw.normal({m, n}));
    call.does([*this, c, a, b](const Kernels& on) mutable {
      on.matmul(c, a, trans_a, b, trans_b, beta);
    });
    return call;
  }
};

// c = x xᵀ or xᵀ x, the product that is symmetric for any x.
struct SymmetricCase {
  int64_t n = 1, k = 1;
  bool tall = false;  // x is (k,n), not (n,k)
  float beta = 0;

  std::string name() const {
    return fmt::format("matmul_symmetric n{} k{}{} beta {}", n, k, tall ? " tall" : "", beta);
  }
  Call call() const {
    Call call(name());
    Draw draw(name());
    const Tensor x = draw.normal(tall ? Shape{k, n} : Shape{n, k});
    const Tensor half = draw.normal({n, n});
    Tensor before = copy_of(half);
    const auto from = half.data<float>(), to = before.data<float>();
    for (size_t i = 0, N = static_cast<size_t>(n); i < N; ++i)
      for (size_t j = 0; j < i; ++j) to[i * N + j] = from[j * N + i];
    Tensor c = beta == 0 ? call.out("c", {n, n}) : call.update("c", before);
    call.does([*this, c, x](const Kernels& on) mutable {
      on.matmul_symmetric(c, x, Trans(tall), x, Trans(!tall), beta);
    });
    return call;
  }
};

struct LinearCase {
  int64_t rows = 1, inputs = 1, outputs = 1;
  bool bias = false, residual = false;

  struct Data {
    Tensor x, w, bias, residual, dy;
  };
  std::string name() const {
    return fmt::format("linear {} rows {} -> {}{}{}", rows, inputs, outputs, bias ? " bias" : "",
                       residual ? " residual" : "");
  }
  Data data() const {
    Draw draw(name());
    return {draw.normal({rows, inputs}), draw.normal({outputs, inputs}),
            bias ? draw.normal({outputs}) : Tensor(),
            residual ? draw.normal({rows, outputs}) : Tensor(), draw.normal({rows, outputs})};
  }
  Call forward() const {
    Call call(name());
    call.does([d = data(), y = call.out("y", {rows, outputs})](const Kernels& on) mutable {
      on.linear(y, d.x, d.w, d.bias, d.residual);
    });
    return call;
  }
  // Packs at each run, since a packed weight belongs to one backend.
  Call packed() const {
    Call call("packed " + name());
    call.does([d = data(), y = call.out("y", {rows, outputs})](const Kernels& on) mutable {
      on.linear_packed(y, d.x, on.pack(d.w), d.bias, d.residual);
    });
    return call;
  }
  Call backward(const Sinks& sinks) const {
    Call call(name() + " backward");
    const GradSink dx = call.grad("dx", {rows, inputs}, sinks[0]);
    const GradSink dw = call.grad("dw", {outputs, inputs}, sinks[1]);
    const GradSink dbias = call.grad("dbias", {outputs}, sinks[2]);
    call.does(
        [=, d = data()](const Kernels& on) { on.linear_backward(dx, dw, dbias, d.dy, d.x, d.w); });
    return call;
  }
};

struct MlpCase {
  int64_t rows = 1, width = 1, hidden = 1;
  Activation act = Activation::gelu_tanh;
  bool biases = false, residual = false;

  struct Data {
    Tensor x, w1, b1, w2, b2, residual, dy, pre;
  };
  int64_t wide() const { return gated(act) ? 2 * hidden : hidden; }
  std::string name() const {
    return fmt::format("mlp {} rows {} -> {} {}{}{}", rows, width, hidden,
                       enum_names(act)[enum_index(act)], biases ? " biases" : "",
                       residual ? " residual" : "");
  }
  Data data() const {
    Draw draw(name());
    const float scale = 1 / std::sqrt(static_cast<float>(width));
    Data d{draw.normal({rows, width}),
           draw.normal({wide(), width}, scale),
           biases ? draw.normal({wide()}) : Tensor(),
           draw.normal({width, hidden}),
           biases ? draw.normal({width}) : Tensor(),
           residual ? draw.normal({rows, width}) : Tensor(),
           draw.normal({rows, width}),
           draw.normal({rows, wide()})};
    reference_kernels().linear(d.pre, d.x, d.w1, d.b1, {});
    return d;
  }
  Call forward() const {
    Call call(name());
    Tensor y = call.out("y", {rows, width}), pre = call.out("pre", {rows, wide()});
    call.does([=, act = act, d = data()](const Kernels& on) mutable {
      on.mlp(y, pre, d.x, d.w1, d.b1, d.w2, d.b2, d.residual, act);
    });
    return call;
  }
  Call backward(const Sinks& sinks) const {
    Call call(name() + " backward");
    const Data d = data();
    const GradSink dx = call.grad("dx", {rows, width}, sinks[0]);
    const GradSink dw1 = call.grad("dw1", {wide(), width}, sinks[1]);
    const GradSink db1 = call.grad("db1", {wide()}, sinks[2]);
    const GradSink dw2 = call.grad("dw2", {width, hidden}, sinks[3]);
    const GradSink db2 = call.grad("db2", {width}, sinks[4]);
    call.does([=, act = act, pre = call.scratch(d.pre)](const Kernels& on) mutable {
      on.mlp_backward(dx, dw1, db1, dw2, db2, d.dy, d.x, d.w1, d.w2, pre, act);
    });
    return call;
  }
};

}  // namespace lineage::cases
