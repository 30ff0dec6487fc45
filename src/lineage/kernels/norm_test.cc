#include "lineage/kernels/cases_attention.h"
#include "lineage/kernels/cases_rows.h"
#include "lineage/kernels/testing.h"

namespace lineage::cases {
namespace {

class Norm : public OnBackend {};
INSTANTIATE_TEST_SUITE_P(On, Norm, every_backend(), backend_name);

TEST_P(Norm, LayerNormByHand) {
  const std::vector<float> xs = {1, 2, 3, 6}, gains = {1, 2, 1, 2}, biases = {0, 0, 10, 10};
  Tensor y = Tensor::full({1, 4}, NAN), mean = Tensor::full({1}, NAN), rstd = mean.view({1});
  rstd = Tensor::full({1}, NAN);
  on.layer_norm(y, mean, rstd, Tensor::from({1, 4}, xs), Tensor::from({4}, gains),
                Tensor::from({4}, biases), 0);
  // mean 3, variance (4 + 1 + 0 + 9) / 4 = 3.5
  const float r = 1 / std::sqrt(3.5f);
  expect_close("y", y, {-2 * r, -2 * r, 10, 10 + 6 * r});
  expect_close("mean", mean, {3});
  expect_close("rstd", rstd, {r});
}

TEST_P(Norm, RmsNormByHand) {
  const std::vector<float> xs = {3, 4, 0, 0}, gains = {1, 2, 3, 4};
  Tensor y = Tensor::full({1, 4}, NAN), rstd = Tensor::full({1}, NAN);
  on.rms_norm(y, rstd, Tensor::from({1, 4}, xs), Tensor::from({4}, gains), 0);
  expect_close("y", y, {1.2f, 3.2f, 0, 0});
  expect_close("rstd", rstd, {0.4f});
}

TEST_P(Norm, ConstantRowsAreFiniteAndOneColumnIsTheBias) {
  for (float value : {0.0f, 1000.0f, -1000.0f}) {
    Tensor y = Tensor::empty({1, 8}), mean = Tensor::empty({1}), rstd = Tensor::empty({1});
    on.layer_norm(y, mean, rstd, Tensor::full({1, 8}, value), Tensor::full({8}, 2),
                  Tensor::full({8}, 0.5f), 1e-5f);
    expect_close("constant", y, std::vector<float>(8, 0.5f));
    expect_close("mean", mean, {value});
  }
  Tensor y = Tensor::empty({2, 1}), mean = Tensor::empty({2}), rstd = Tensor::empty({2});
  on.layer_norm(y, mean, rstd, Tensor::full({2, 1}, 3), Tensor::full({1}, 2), Tensor::full({1}, 7),
                1e-5f);
  expect_close("one column", y, {7, 7});
}

// An offset a thousand times the spread: a variance by E[x²] - E[x]² would be lost in rounding.
TEST_P(Norm, LayerNormSurvivesALargeMean) {
  const NormCase c{4, 129, true};
  auto d = c.data();
  for (float& v : d.x.data<float>()) v += 3000;
  Tensor y = Tensor::like(d.x), mean = Tensor::like(d.mean), rstd = Tensor::like(mean);
  Tensor want = Tensor::like(y), want_mean = Tensor::like(mean), want_rstd = Tensor::like(mean);
  on.layer_norm(y, mean, rstd, d.x, d.gain, d.bias, c.eps);
  reference_kernels().layer_norm(want, want_mean, want_rstd, d.x, d.gain, d.bias, c.eps);
  // An ulp of 3000 is 2.4e-4 of a value of size 1.
  expect_close("y", y.data<float>(), want.data<float>(), 1e-7);
  expect_close("rstd", rstd.data<float>(), want_rstd.data<float>(), 1e-7);
}

TEST_P(Norm, LayerNormHasTheRightGradient) {
  for (bool bias : {false, true}) {
    const NormCase c{3, 7, bias};
    SCOPED_TRACE(c.name());
    const auto d = c.data();
    const Tensor biases = bias ? d.bias : Tensor::zeros({c.width});
    expect_gradients(c.layer_backward(Sinks(3, Sink::overwrite)).run(on), {d.x, d.gain, biases},
                     [&](const auto& at) {
                       return dot(reference::layer_norm(at[0], at[1], at[2], c.eps).y, d.dy);
                     });
  }
}

TEST_P(Norm, RmsNormHasTheRightGradient) {
  const NormCase c{3, 7, false};
  const auto d = c.data();
  expect_gradients(
      c.rms_backward(Sinks(2, Sink::overwrite)).run(on), {d.x, d.gain},
      [&](const auto& at) { return dot(reference::rms_norm(at[0], at[1], c.eps).y, d.dy); });
}

TEST_P(Norm, HeadNormByHand) {
  const AttentionSpec spec{2, 1, 2};
  const std::vector<float> qkv = {3, 4, 0, 1, 6, 8, 5, 7}, q_gain = {1, 10}, k_gain = {2, 3};
  Tensor y = Tensor::full({1, 8}, NAN), rstd = Tensor::full({1, 3}, NAN);
  on.head_norm(y, rstd, Tensor::from({1, 8}, qkv), Tensor::from({2}, q_gain),
               Tensor::from({2}, k_gain), spec, 0);
  const float root = std::sqrt(2.0f);
  expect_close("y", y, {0.6f * root, 8 * root, 0, 10 * root, 1.2f * root, 2.4f * root, 5, 7});
  expect_close("rstd", rstd, {root / 5, root, root / 10});
}

TEST_P(Norm, HeadNormHasTheRightGradient) {
  const HeadsCase c{3, {4, 2, 3}};
  const auto d = c.data();
  expect_gradients(c.norm_backward(Sinks(3, Sink::overwrite)).run(on), {d.qkv, d.q_gain, d.k_gain},
                   [&](const auto& at) {
                     return dot(reference::head_norm(at[0], at[1], at[2], c.spec, c.eps).y, d.dy);
                   });
}

// --- parity --------------------------------------------------------------------------------------

TEST(LayerNormParity, EverySize) {
  for (int64_t rows : kSizes)
    for (int64_t width : kSizes)
      for (bool bias : {false, true}) expect_parity(NormCase{rows, width, bias}.layer());
  expect_parity(NormCase{600, 530, true}.layer());
}

TEST(LayerNormBackwardParity, EverySizeAndSink) {
  // One column has no variance, so 1/sqrt(eps) would magnify roundings.
  const auto modes = sink_modes(3);
  size_t mode = 0;
  for (int64_t rows : kSizes)
    for (int64_t width : kSizes)
      expect_parity(NormCase{rows, width, true, width == 1 ? 1 : 1e-5f}.layer_backward(
          modes[mode++ % modes.size()]));
  for (const Sinks& sinks : modes) expect_parity(NormCase{300, 70, true}.layer_backward(sinks));
}

TEST(RmsNormParity, EverySize) {
  for (int64_t rows : kSizes)
    for (int64_t width : kSizes) expect_parity(NormCase{rows, width}.rms());
  expect_parity(NormCase{600, 530}.rms());
}

TEST(RmsNormBackwardParity, EverySizeAndSink) {
  const auto modes = sink_modes(2);
  size_t mode = 0;
  for (int64_t rows : kSizes)
    for (int64_t width : kSizes)
      expect_parity(NormCase{rows, width}.rms_backward(modes[mode++ % modes.size()]));
  for (const Sinks& sinks : modes) expect_parity(NormCase{300, 70}.rms_backward(sinks));
}

constexpr AttentionSpec kSpecs[] = {{1, 1, 1}, {1, 1, 7}, {3, 3, 64}, {4, 2, 32}, {6, 1, 65}};

TEST(HeadNormParity, EverySpec) {
  for (const AttentionSpec& spec : kSpecs)
    for (int64_t rows : kSizes) expect_parity(HeadsCase{rows, spec}.norm());
}

TEST(HeadNormBackwardParity, EverySpecAndSink) {
  const auto modes = sink_modes(3);
  size_t mode = 0;
  for (const AttentionSpec& spec : kSpecs)
    for (int64_t rows : {1, 7, 65, 200})
      expect_parity(HeadsCase{rows, spec}.norm_backward(modes[mode++ % modes.size()]));
  for (const Sinks& sinks : modes) expect_parity(HeadsCase{70, {4, 2, 33}}.norm_backward(sinks));
}

}  // namespace
}  // namespace lineage::cases
