#include "lineage/kernels/cases_matmul.h"
#include "lineage/kernels/testing.h"

namespace lineage::cases {
namespace {

class Mlp : public OnBackend {};
INSTANTIATE_TEST_SUITE_P(On, Mlp, every_backend(), backend_name);

constexpr Activation kActivations[] = {Activation::gelu_tanh, Activation::gelu_erf,
                                       Activation::relu, Activation::relu_squared,
                                       Activation::swiglu};

TEST_P(Mlp, ComputesByHand) {
  const std::vector<float> xs = {1, -2}, w1s = {1, 1, 2, 0, 0, -1}, b1s = {0.5f, 0, 1},
                           w2s = {1, 2, 3, -1, -2, -3}, b2s = {10, 20}, residuals = {100, 200};
  Tensor y = Tensor::empty({1, 2}), pre = Tensor::empty({1, 3});
  on.mlp(y, pre, Tensor::from({1, 2}, xs), Tensor::from({3, 2}, w1s), Tensor::from({3}, b1s),
         Tensor::from({2, 3}, w2s), Tensor::from({2}, b2s), Tensor::from({1, 2}, residuals),
         Activation::relu);
  expect_close("pre", pre, {-0.5f, 2, 3});
  expect_close("y", y, {123, 207});
}

TEST_P(Mlp, EqualsItsThreeParts) {
  for (Activation act : kActivations)
    for (bool extras : {false, true}) {
      const MlpCase c{33, 24, 40, act, extras, extras};
      SCOPED_TRACE(c.name());
      const auto d = c.data();
      Tensor y = Tensor::like(d.x), pre = Tensor::like(d.pre);
      on.mlp(y, pre, d.x, d.w1, d.b1, d.w2, d.b2, d.residual, act);
      Tensor before = Tensor::like(pre), inner = Tensor::empty({c.rows, c.hidden});
      Tensor composed = Tensor::like(y);
      on.linear(before, d.x, d.w1, d.b1, {});
      on.activation(inner, before, act);
      on.linear(composed, inner, d.w2, d.b2, d.residual);
      expect_close("pre", pre.data<float>(), before.data<float>());
      expect_close("y", y.data<float>(), composed.data<float>());

      const auto gradient = [&](const Tensor& like) { return Tensor::like(like); };
      GradSink dx{gradient(d.x)}, dw1{gradient(d.w1)}, db1{Tensor::empty({c.wide()})},
          dw2{gradient(d.w2)}, db2{Tensor::empty({c.width})}, dinner{gradient(inner)},
          dpre{gradient(pre)}, dx2{gradient(d.x)}, dw1_2{gradient(d.w1)},
          db1_2{Tensor::empty({c.wide()})}, dw2_2{gradient(d.w2)}, db2_2{Tensor::empty({c.width})};
      on.linear_backward(dinner, dw2_2, db2_2, d.dy, inner, d.w2);
      on.activation_backward(dpre, dinner.out, before, act);
      on.linear_backward(dx2, dw1_2, db1_2, dpre.out, d.x, d.w1);
      on.mlp_backward(dx, dw1, db1, dw2, db2, d.dy, d.x, d.w1, d.w2, pre, act);
      expect_close("dx", dx.out.data<float>(), dx2.out.data<float>());
      expect_close("dw1", dw1.out.data<float>(), dw1_2.out.data<float>());
      expect_close("db1", db1.out.data<float>(), db1_2.out.data<float>());
      expect_close("dw2", dw2.out.data<float>(), dw2_2.out.data<float>());
      expect_close("db2", db2.out.data<float>(), db2_2.out.data<float>());
    }
}

TEST_P(Mlp, HasTheRightGradient) {
  for (Activation act : kActivations) {
    const MlpCase c{3, 4, 5, act, true, true};
    SCOPED_TRACE(c.name());
    const auto d = c.data();
    expect_gradients(c.backward(Sinks(5, Sink::overwrite)).run(on), {d.x, d.w1, d.b1, d.w2, d.b2},
                     [&](const auto& at) {
                       const auto pre =
                           reference::linear(at[0], at[1], at[2], {}, c.rows, c.width, c.wide());
                       const auto inner = reference::activation(pre, act, c.hidden);
                       return dot(reference::linear(inner, at[3], at[4], complexes(d.residual),
                                                    c.rows, c.hidden, c.width),
                                  d.dy);
                     });
  }
}

TEST(MlpParity, EveryActivation) {
  for (Activation act : kActivations)
    for (int64_t rows : kSizes) {
      expect_parity(MlpCase{rows, 7, 65, act, false, rows % 2 == 0}.forward());
      expect_parity(MlpCase{rows, 65, 129, act, true, true}.forward());
    }
  expect_parity(MlpCase{300, 130, 530, Activation::gelu_tanh, true, true}.forward());
  expect_parity(MlpCase{300, 130, 270, Activation::swiglu, false, true}.forward());
}

TEST(MlpBackwardParity, EveryActivationAndSink) {
  const auto modes = sink_modes(5);
  for (Activation act : kActivations) {
    for (const Sinks& sinks : modes) expect_parity(MlpCase{33, 17, 40, act, true}.backward(sinks));
    for (int64_t rows : kSizes)
      expect_parity(MlpCase{rows, 65, 129, act, true}.backward(
          modes[static_cast<size_t>(rows) % modes.size()]));
  }
  expect_parity(
      MlpCase{300, 130, 530, Activation::gelu_tanh, true}.backward(Sinks(5, Sink::accumulate)));
}

}  // namespace
}  // namespace lineage::cases
