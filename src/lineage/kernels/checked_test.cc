#include "lineage/kernels/cases_attention.h"
#include "lineage/kernels/cases_loss.h"
#include "lineage/kernels/cases_matmul.h"
#include "lineage/kernels/cases_rows.h"
#include "lineage/kernels/testing.h"

namespace lineage::cases {
namespace {

// Checked kernels against the trusted ones alone: the same results, from the fast side.
TEST(Checked, ReturnsWhatTheFastKernelsWrite) {
  const auto both = checked(cpu_kernels(), reference_kernels(), 1e-7);
  EXPECT_EQ(both->name(), std::string(cpu_kernels().name()) + " checked by reference");
  const auto expect = [&](const Call& call) {
    SCOPED_TRACE(call.name);
    expect_same_bits(call.run(*both), call.run(cpu_kernels()));
  };
  const Sinks five(5, Sink::accumulate);
  expect(MatmulCase{7, 5, 6, Trans::yes, Trans::no, 1}.call());
  expect(LinearCase{7, 5, 6, true, true}.forward());
  expect(LinearCase{7, 5, 6, true, true}.packed());
  expect(LinearCase{7, 5, 6, true, true}.backward(five));
  expect(MlpCase{7, 5, 6, Activation::swiglu, true, true}.forward());
  expect(MlpCase{7, 5, 6, Activation::swiglu, true, true}.backward(five));
  expect(ActivationCase{7, 5}.forward());
  expect(ActivationCase{7, 5}.backward(Sink::overwrite));
  expect(NormCase{7, 5}.layer());
  expect(NormCase{7, 5}.layer_backward(five));
  expect(NormCase{7, 5}.rms());
  expect(NormCase{7, 5}.rms_backward(five));
  expect(PointwiseCase{7}.add());
  expect(PointwiseCase{7}.copy_grad(Sink::accumulate, true));
  expect(PointwiseCase{7}.axpby(2, 3));
  expect(AdamWCase{7, {.lr = 0.1f}}.call());
  expect(EmbedCase{7, 5, 6, 4, true}.forward());
  expect(EmbedCase{7, 5, 6, 4, true}.backward(five));
  expect(HeadsCase{7, {4, 2, 6}}.rotary(false, true));
  expect(HeadsCase{7, {4, 2, 6}}.norm());
  expect(HeadsCase{7, {4, 2, 6}}.norm_backward(five));
  expect(AttentionCase{2, 7, {4, 2, 6}}.forward());
  expect(AttentionCase{2, 7, {4, 2, 6}}.backward(Sink::accumulate));
  expect(DecodeCase{3, 4, 9, {4, 2, 6}}.call());
  expect(LossCase{7, 5}.cross_entropy(true));
  expect(LossCase{7, 5, 3}.linear_cross_entropy(five));
  for (int64_t width : {0, 3}) {
    expect(LossCase{7, 5, width}.log_probs());
    expect(LossCase{7, 5, width}.log_probs_backward(five));
  }
  const Tensor x = Tensor::full({3}, 2);
  EXPECT_EQ(both->sum_squares(x), 12);
}

// No backend meets a tolerance of 0: sums in f32 are rounded.
TEST(Checked, NamesTheKernelTheOutputAndTheWorstElement) {
  const LinearCase c{9, 300, 70};
  const auto both = checked(cpu_kernels(), reference_kernels(), 0);
  const Tensor got = c.forward().run(cpu_kernels())[0].value;
  const Tensor want = c.forward().run(reference_kernels())[0].value;
  const auto differences = [&](size_t i) {
    return std::abs(double{got.data<float>()[i]} - double{want.data<float>()[i]});
  };
  size_t worst = 0;
  for (size_t i = 0; i < got.data<float>().size(); ++i)
    if (differences(i) > differences(worst)) worst = i;
  try {
    c.forward().run(*both);
    FAIL() << "nothing was thrown";
  } catch (const Error& error) {
    const std::string what = error.what();
    const std::string place = fmt::format("linear: y[{}, {}] is ", worst / 70, worst % 70);
    EXPECT_EQ(what.substr(0, place.size()), place) << what;
    EXPECT_NE(what.find(" by cpu and "), std::string::npos) << what;
    EXPECT_NE(what.find(" by reference (normalised squared error "), std::string::npos) << what;
    EXPECT_NE(what.find("); at most 0 is allowed"), std::string::npos) << what;
    EXPECT_NE(error.hint().find("kernels_test"), std::string::npos);
  }
}

TEST(Checked, NamesTheGradient) {
  const auto both = checked(cpu_kernels(), reference_kernels(), 0);
  const Call call = LinearCase{70, 30, 20}.backward({Sink::empty, Sink::accumulate, Sink::empty});
  try {
    call.run(*both);
    FAIL() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(std::string(error.what()).substr(0, 20), "linear_backward: dw[") << error.what();
  }
}

}  // namespace
}  // namespace lineage::cases
