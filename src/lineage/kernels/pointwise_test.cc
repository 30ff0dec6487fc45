#include "lineage/base/enum_index.h"
#include "lineage/kernels/cases_rows.h"
#include "lineage/kernels/testing.h"

namespace lineage::cases {
namespace {

class Pointwise : public OnBackend {};
INSTANTIATE_TEST_SUITE_P(On, Pointwise, every_backend(), backend_name);

constexpr Activation kActivations[] = {Activation::gelu_tanh, Activation::gelu_erf,
                                       Activation::relu, Activation::relu_squared,
                                       Activation::swiglu};

std::vector<float> activated(const Kernels& on, std::vector<float> x, Activation act) {
  const int64_t n = static_cast<int64_t>(x.size());
  Tensor y = Tensor::full({1, gated(act) ? n / 2 : n}, NAN);
  on.activation(y, Tensor::from({1, n}, x), act);
  return {y.data<float>().begin(), y.data<float>().end()};
}

TEST_P(Pointwise, ActivationsHaveTheirPublishedValues) {
  const std::vector<float> x = {-3, -1, -0.5f, 0.5f, 1, 3};
  const auto expect = [&](Activation act, std::vector<float> want) {
    const auto got = activated(on, x, act);
    for (size_t i = 0; i < x.size(); ++i) EXPECT_NEAR(got[i], want[i], 2e-6) << x[i];
  };
  expect(Activation::gelu_tanh, {-0.0036373920817729f, -0.1588080094917306f, -0.1542859974973404f,
                                 0.3457140025026596f, 0.8411919905082694f, 2.9963626079182271f});
  expect(Activation::gelu_erf, {-0.0040496940951045f, -0.1586552539314571f, -0.1542687693629881f,
                                0.3457312306370119f, 0.8413447460685429f, 2.9959503059048955f});
  expect(Activation::relu, {0, 0, 0, 0.5f, 1, 3});
  expect(Activation::relu_squared, {0, 0, 0, 0.25f, 1, 9});
  // Gates -3, -1, -0.5; values 0.5, 1, 3.
  const auto got = activated(on, x, Activation::swiglu);
  const float want[] = {-0.0711388097599645f, -0.2689414213699951f, -0.5663110031979219f};
  for (size_t i = 0; i < 3; ++i) EXPECT_NEAR(got[i], want[i], 2e-6);
}

TEST_P(Pointwise, ActivationsAreRightFarOutAndAtZero) {
  for (Activation act : {Activation::gelu_tanh, Activation::gelu_erf, Activation::relu}) {
    EXPECT_EQ(activated(on, {-1000, -0.0f, 0, 1000}, act), (std::vector<float>{0, 0, 0, 1000}));
  }
  EXPECT_EQ(activated(on, {-1000, -0.0f, 0, 1000}, Activation::relu_squared),
            (std::vector<float>{0, 0, 0, 1e6f}));
  EXPECT_EQ(activated(on, {-1000, 0, 1000, 2, 2, 2}, Activation::swiglu),
            (std::vector<float>{0, 0, 2000}));
  for (Activation act : kActivations) {
    std::vector<float> x = {-1000, -100, -0.0f, 0, 100, 1000};
    Tensor dx = Tensor::full({1, 6}, NAN);
    on.activation_backward({dx}, Tensor::full({1, gated(act) ? 3 : 6}, 1), Tensor::from({1, 6}, x),
                           act);
    for (float v : dx.data<float>()) EXPECT_TRUE(std::isfinite(v));
  }
}

// From where exponentials vanish to where they overflow.
TEST_P(Pointwise, ActivationsAreRightOverTheWholeLine) {
  std::vector<float> line = {0};
  for (float x = 1e-3f; x < 3e4f; x *= 1.1f) line.insert(line.end(), {x, -x});
  const int64_t n = static_cast<int64_t>(line.size());
  for (Activation act : kActivations) {
    SCOPED_TRACE(enum_names(act)[enum_index(act)]);
    std::vector<float> xs = line;
    if (gated(act)) xs.insert(xs.end(), line.size(), 1.0f);
    const Tensor x = Tensor::from({1, static_cast<int64_t>(xs.size())}, xs);
    const Tensor ones = Tensor::full({1, n}, 1);
    Tensor y = Tensor::full({1, n}, NAN), want = Tensor::like(y);
    Tensor dx = Tensor::like(x), dwant = Tensor::like(x);
    on.activation(y, x, act);
    on.activation_backward({dx}, ones, x, act);
    reference_kernels().activation(want, x, act);
    reference_kernels().activation_backward({dwant}, ones, x, act);
    for (size_t i = 0; i < line.size(); ++i) {
      const float size = std::abs(line[i]);
      EXPECT_NEAR(y.data<float>()[i], want.data<float>()[i], 1e-6 * size) << line[i];
      // Slopes are of size 1 but for relu_squared's.
      EXPECT_NEAR(dx.data<float>()[i], dwant.data<float>()[i], 2e-6 * std::max(1.0f, size))
          << line[i];
    }
  }
}

TEST_P(Pointwise, ActivationsHaveTheRightGradient) {
  for (Activation act : kActivations) {
    const ActivationCase c{3, 35, act};
    SCOPED_TRACE(c.name());
    const auto d = c.data();
    expect_gradients(c.backward(Sink::overwrite).run(on), {d.x}, [&](const auto& at) {
      return dot(reference::activation(at[0], act, c.width), d.dy);
    });
  }
}

TEST_P(Pointwise, AddsScalesAndSums) {
  const std::vector<float> as = {1, -0.0f, 1000}, bs = {2, 0, -1000};
  const Tensor a = Tensor::from({3}, as), b = Tensor::from({3}, bs);
  Tensor y = Tensor::full({3}, NAN);
  on.add(y, a, b);
  expect_close("add", y, {3, 0, 0});
  on.axpby(y, 2, a, -1);
  expect_close("axpby", y, {-1, 0, 2000});
  on.copy_grad({y, true}, b, Tensor::full({1}, 3));
  expect_close("copy_grad", y, {5, 0, -1000});
  on.copy_grad({y}, b, {});
  expect_close("copy_grad", y, {2, 0, -1000});
  EXPECT_DOUBLE_EQ(on.sum_squares(b), 1000004);
}

// What clipping by the global norm rests on: no digit may drown in a long sum.
TEST_P(Pointwise, SumSquaresIsExactOverMillions) {
  const Tensor x = Tensor::full({3'000'001}, 0.1f);
  const double want = 3'000'001 * double{0.1f} * double{0.1f};
  EXPECT_NEAR(on.sum_squares(x), want, 1e-7 * want);
}

// Clipping by the norm must notice a gradient that is no number.
TEST_P(Pointwise, SumSquaresLetsNaNAndInfinityThrough) {
  for (size_t place : {0, 7, 8, 99}) {
    const Tensor x = Tensor::full({100}, 1);
    x.data<float>()[place] = -INFINITY;
    EXPECT_EQ(on.sum_squares(x), INFINITY);
    x.data<float>()[place] = NAN;
    EXPECT_TRUE(std::isnan(on.sum_squares(x)));
  }
  EXPECT_NEAR(on.sum_squares(Tensor::full({10}, 1e30f)), 1e61, 1e56);  // beyond f32
}

TEST(SumSquaresParity, EverySizeAndThreads) {
  for (int64_t n : {1, 7, 64, 65, 129, 5000, 100'003}) {
    Draw draw("sum_squares");
    const Tensor x = draw.normal({n});
    const double want = reference_kernels().sum_squares(x);
    for (int64_t target : targets()) {
      const UseTarget use(target);
      EXPECT_NEAR(cpu_kernels().sum_squares(x), want, 1e-6 * want);
    }
    const double got = cpu_kernels().sum_squares(x);
    for (int threads : {1, 2, 3}) {
      const UseThreads use(threads);
      EXPECT_EQ(cpu_kernels().sum_squares(x), got);
    }
  }
}

TEST(ActivationParity, EverySize) {
  for (Activation act : kActivations)
    for (int64_t rows : kSizes)
      for (int64_t width : kSizes) expect_parity(ActivationCase{rows, width, act}.forward());
  for (Activation act : kActivations) expect_parity(ActivationCase{300, 530, act}.forward());
}

TEST(ActivationBackwardParity, EverySizeAndSink) {
  for (Activation act : kActivations)
    for (Sink sink : {Sink::overwrite, Sink::accumulate, Sink::empty}) {
      for (int64_t rows : kSizes)
        for (int64_t width : kSizes) expect_parity(ActivationCase{rows, width, act}.backward(sink));
      expect_parity(ActivationCase{300, 530, act}.backward(sink));
    }
}

TEST(AddParity, EverySize) {
  for (int64_t n : {1, 7, 64, 65, 129, 70'001}) expect_parity(PointwiseCase{n}.add());
}

TEST(CopyGradParity, EverySizeAndSink) {
  for (int64_t n : {1, 7, 64, 65, 129, 70'001})
    for (Sink sink : {Sink::overwrite, Sink::accumulate, Sink::empty})
      for (bool scaled : {false, true}) expect_parity(PointwiseCase{n}.copy_grad(sink, scaled));
}

TEST(AxpbyParity, EverySize) {
  for (int64_t n : {1, 7, 64, 65, 129, 70'001})
    for (float a : {0.0f, 1.0f, -0.3f})
      for (float b : {0.0f, 1.0f, 0.9f}) expect_parity(PointwiseCase{n}.axpby(a, b));
}

}  // namespace
}  // namespace lineage::cases
