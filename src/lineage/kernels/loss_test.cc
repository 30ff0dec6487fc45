#include "lineage/kernels/cases_loss.h"
#include "lineage/kernels/testing.h"

namespace lineage::cases {
namespace {

class Loss : public OnBackend {};
INSTANTIATE_TEST_SUITE_P(On, Loss, every_backend(), backend_name);

Tensor ids(std::vector<int32_t> values) {
  return Tensor::from({static_cast<int64_t>(values.size())}, values);
}
Tensor numbers(std::vector<float> values) {
  return Tensor::from({static_cast<int64_t>(values.size())}, values);
}

TEST_P(Loss, CrossEntropyByHand) {
  // Probabilities 1/6, 2/6, 3/6 and 1/2, 1/4, 1/4.
  const float ln2 = std::log(2.0f), ln3 = std::log(3.0f);
  const Tensor logits = numbers({0, ln2, ln3, ln2, 0, 0}).view({2, 3});
  Tensor loss = Tensor::full({1}, NAN), dlogits = Tensor::full({2, 3}, NAN);
  on.cross_entropy(loss, dlogits, logits, ids({2, 1}), numbers({1, 3}), 8);
  expect_close("loss", loss, {(ln2 + 3 * 2 * ln2) / 8});
  expect_close("dlogits", dlogits,
               {1.0f / 48, 1.0f / 24, -1.0f / 16, 3.0f / 16, -9.0f / 32, 3.0f / 32});
}

// A row that does not count may hold any target and any logits.
TEST_P(Loss, RowsOfNoWeightAreNotRead) {
  const float ln3 = std::log(3.0f);
  const Tensor logits = numbers({ln3, 0, NAN, INFINITY, 5, 6, 7, 8}).view({4, 2});
  Tensor loss = Tensor::full({1}, NAN), dlogits = Tensor::full({4, 2}, NAN);
  on.cross_entropy(loss, dlogits, logits, ids({0, -1, 1 << 30, -(1 << 30)}), numbers({1, 0, 0, 0}),
                   2);
  expect_close("loss", loss, {std::log(4.0f / 3) / 2});
  expect_close("dlogits", dlogits, {-0.125f, 0.125f, 0, 0, 0, 0, 0, 0});
}

// A batch of nothing but padding is legal: no loss, and gradients that are zero, not left alone.
TEST_P(Loss, ABatchOfNoWeightGivesZeros) {
  const LossCase c{70, 33, 8};
  const auto d = c.data(false);
  const Tensor none = Tensor::zeros({c.rows});
  Tensor loss = numbers({NAN}), dhidden = Tensor::full(d.hidden.shape(), NAN);
  Tensor dw = Tensor::full(d.w.shape(), NAN), kept = copy_of(d.w);
  on.linear_cross_entropy(loss, {dhidden}, {dw}, d.hidden, d.w, d.targets, none, 5);
  on.linear_cross_entropy(loss, {}, {kept, true}, d.hidden, d.w, d.targets, none, 5);
  EXPECT_EQ(loss.data<float>()[0], 0);
  for (const Tensor& x : {dhidden, dw})
    for (float v : x.data<float>()) ASSERT_EQ(v, 0);
  expect_close("accumulated", kept.data<float>(), d.w.data<float>());
}

// A diverging run is noticed by its loss, so no maximum may swallow a NaN.
TEST_P(Loss, NaNComesThrough) {
  for (int64_t place : {0, 5, 16, 32}) {
    const LossCase c{3, 33, 8};
    const auto d = c.data(false);
    Tensor logits = Tensor::full({3, 33}, 1), loss = numbers({0});
    logits.data<float>()[33 + place] = NAN;
    Tensor dlogits = Tensor::like(logits);
    on.cross_entropy(loss, dlogits, logits, ids({0, 1, 2}), numbers({1, 1, 1}), 3);
    EXPECT_TRUE(std::isnan(loss.data<float>()[0])) << place;
    Tensor one = numbers({0, 0, 0}), h = numbers({0, 0, 0}), lse = numbers({0, 0, 0});
    on.log_probs(one, h, lse, logits, ids({0, 1, 2}), 1);
    EXPECT_TRUE(std::isnan(one.data<float>()[1]) && std::isnan(h.data<float>()[1])) << place;
    EXPECT_FALSE(std::isnan(one.data<float>()[0])) << place;
    d.w.data<float>()[place * 8] = NAN;
    on.linear_cross_entropy(loss, {}, {}, d.hidden, d.w, ids({0, 1, 2}), numbers({1, 1, 1}), 3);
    EXPECT_TRUE(std::isnan(loss.data<float>()[0])) << place;
  }
}

TEST_P(Loss, LogProbsByHand) {
  const float ln2 = std::log(2.0f), ln3 = std::log(3.0f);
  const Tensor logits = numbers({0, 2 * ln2, 2 * ln3}).view({1, 3});
  Tensor log_probs = numbers({NAN}), entropies = numbers({NAN}), lse = numbers({NAN});
  on.log_probs(log_probs, entropies, lse, logits, ids({1}), 0.5f);
  expect_close("log_probs", log_probs, {-ln3});
  expect_close("entropies", entropies, {(std::log(6.0f) + 2 * ln3 + 3 * ln2) / 6});
  expect_close("lse", lse, {std::log(6.0f)});
}

TEST_P(Loss, OneTokenIsCertain) {
  Tensor loss = numbers({NAN}), dlogits = Tensor::full({2, 1}, NAN);
  on.cross_entropy(loss, dlogits, numbers({1000, -1000}).view({2, 1}), ids({0, 0}), numbers({1, 1}),
                   2);
  expect_close("loss", loss, {0});
  expect_close("dlogits", dlogits, {0, 0});
}

TEST_P(Loss, ExtremeLogitsStayFinite) {
  const Tensor logits = numbers({1e4f, -1e4f, 0, 1e4f, -1e4f, -1e4f, -1e4f, -1e4f}).view({2, 4});
  Tensor loss = numbers({NAN}), dlogits = Tensor::full({2, 4}, NAN);
  on.cross_entropy(loss, dlogits, logits, ids({1, 3}), numbers({1, 1}), 1);
  expect_close("loss", loss, {2e4f + std::log(2.0f) + std::log(4.0f)});
  expect_close("dlogits", dlogits, {0.5f, -1, 0, 0.5f, 0.25f, 0.25f, 0.25f, -0.75f});
  Tensor log_probs = numbers({NAN, NAN}), entropies = numbers({NAN, NAN}),
         lse = numbers({NAN, NAN});
  on.log_probs(log_probs, entropies, lse, logits, ids({1, 3}), 1);
  expect_close("log_probs", log_probs, {-2e4f - std::log(2.0f), -std::log(4.0f)}, 1e-9);
  on.log_probs_backward({dlogits}, numbers({1, 1}), numbers({1, 1}), entropies, lse, logits,
                        ids({1, 3}), 1);
  for (float v : dlogits.data<float>()) EXPECT_TRUE(std::isfinite(v));
  for (float v : entropies.data<float>()) EXPECT_TRUE(std::isfinite(v));
}

TEST_P(Loss, CrossEntropyHasTheRightGradient) {
  const LossCase c{7, 9};
  const auto d = c.data(false);
  const auto weights = reference::doubles(d.weights);
  const auto got = c.cross_entropy(true).run(on);
  expect_gradients({got[1]}, {d.logits}, [&](const auto& at) {
    return reference::cross_entropy(at[0], d.targets.data<int32_t>(), weights, d.total_weight);
  });
}

TEST_P(Loss, LinearCrossEntropyHasTheRightGradient) {
  const LossCase c{7, 9, 4};
  const auto d = c.data(false);
  const auto weights = reference::doubles(d.weights);
  const auto got = c.linear_cross_entropy(Sinks(2, Sink::overwrite)).run(on);
  expect_gradients({got[1], got[2]}, {d.hidden, d.w}, [&](const auto& at) {
    const auto logits = reference::linear(at[0], at[1], {}, {}, c.rows, c.width, c.vocabulary);
    return reference::cross_entropy(logits, d.targets.data<int32_t>(), weights, d.total_weight);
  });
}

TEST_P(Loss, LogProbsHaveTheRightGradient) {
  for (bool entropies : {false, true})
    for (int64_t width : {0, 4}) {
      const LossCase c{5, 7, width, 0.7f, 1, entropies};
      SCOPED_TRACE(c.name());
      const auto d = c.data(true);
      const auto loss = [&](const Array<Complex>& logits) {
        const auto out = reference::log_probs(logits, d.targets.data<int32_t>(), c.inv_temperature);
        return dot(out.log_probs, d.dlog_probs) +
               (entropies ? dot(out.entropies, d.dentropies) : Complex(0));
      };
      const auto got = c.log_probs_backward(Sinks(2, Sink::overwrite)).run(on);
      if (width)
        expect_gradients(got, {d.hidden, d.w}, [&](const auto& at) {
          return loss(reference::linear(at[0], at[1], {}, {}, c.rows, c.width, c.vocabulary));
        });
      else
        expect_gradients(got, {d.logits}, [&](const auto& at) { return loss(at[0]); });
    }
}

// --- fused = composed ----------------------------------------------------------------------------

TEST_P(Loss, LinearCrossEntropyEqualsItsParts) {
  const LossCase c{150, 130, 24};
  const auto d = c.data(false);
  Tensor logits = Tensor::empty({c.rows, c.vocabulary}), dlogits = Tensor::like(logits);
  Tensor loss = numbers({NAN}), composed = numbers({NAN});
  GradSink dhidden{Tensor::like(d.hidden)}, dw{Tensor::like(d.w)};
  GradSink dhidden2{Tensor::like(d.hidden)}, dw2{Tensor::like(d.w)};
  on.linear_cross_entropy(loss, dhidden, dw, d.hidden, d.w, d.targets, d.weights, d.total_weight);
  on.linear(logits, d.hidden, d.w, {}, {});
  on.cross_entropy(composed, dlogits, logits, d.targets, d.weights, d.total_weight);
  on.linear_backward(dhidden2, dw2, {}, dlogits, d.hidden, d.w);
  expect_close("loss", loss.data<float>(), composed.data<float>());
  expect_close("dhidden", dhidden.out.data<float>(), dhidden2.out.data<float>());
  expect_close("dw", dw.out.data<float>(), dw2.out.data<float>());
}

TEST_P(Loss, LinearLogProbsEqualTheirParts) {
  const LossCase c{150, 130, 24, 1.3f};
  const auto d = c.data(true);
  Tensor logits = Tensor::empty({c.rows, c.vocabulary});
  on.linear(logits, d.hidden, d.w, {}, {});
  Tensor a[3], b[3];
  for (Tensor& x : a) x = Tensor::empty({c.rows});
  for (Tensor& x : b) x = Tensor::empty({c.rows});
  on.linear_log_probs(a[0], a[1], a[2], d.hidden, d.w, d.targets, c.inv_temperature);
  on.log_probs(b[0], b[1], b[2], logits, d.targets, c.inv_temperature);
  for (int i = 0; i < 3; ++i) expect_close("forward", a[i].data<float>(), b[i].data<float>());
  GradSink dlogits{Tensor::like(logits)}, dhidden{Tensor::like(d.hidden)}, dw{Tensor::like(d.w)};
  GradSink dhidden2{Tensor::like(d.hidden)}, dw2{Tensor::like(d.w)};
  on.linear_log_probs_backward(dhidden, dw, d.dlog_probs, d.dentropies, a[1], a[2], d.hidden, d.w,
                               d.targets, c.inv_temperature);
  on.log_probs_backward(dlogits, d.dlog_probs, d.dentropies, b[1], b[2], logits, d.targets,
                        c.inv_temperature);
  on.linear_backward(dhidden2, dw2, {}, dlogits.out, d.hidden, d.w);
  expect_close("dhidden", dhidden.out.data<float>(), dhidden2.out.data<float>());
  expect_close("dw", dw.out.data<float>(), dw2.out.data<float>());
}

// --- parity --------------------------------------------------------------------------------------

TEST(CrossEntropyParity, EverySize) {
  for (int64_t rows : kSizes)
    for (int64_t vocabulary : {1, 7, 64, 65, 129, 1000})
      for (bool gradient : {false, true})
        for (float scale : {1.0f, 30.0f})
          expect_parity(LossCase{rows, vocabulary, 0, 1, scale}.cross_entropy(gradient));
}

TEST(LinearCrossEntropyParity, EverySizeAndSink) {
  const auto modes = sink_modes(2);
  size_t mode = 0;
  for (int64_t rows : kSizes)
    for (int64_t vocabulary : kSizes)
      for (int64_t width : {1, 7, 65})
        expect_parity(
            LossCase{rows, vocabulary, width}.linear_cross_entropy(modes[mode++ % modes.size()]));
  for (const Sinks& sinks : modes)
    expect_parity(LossCase{700, 130, 33}.linear_cross_entropy(sinks));
  expect_parity(LossCase{150, 2100, 24}.linear_cross_entropy(Sinks(2, Sink::accumulate)));
}

TEST(LogProbsParity, EverySize) {
  for (int64_t rows : kSizes)
    for (int64_t vocabulary : {1, 7, 64, 65, 129, 1000})
      for (bool entropies : {false, true})
        for (float scale : {1.0f, 30.0f})
          expect_parity(LossCase{rows, vocabulary, 0, 0.7f, scale, entropies}.log_probs());
}

TEST(LogProbsBackwardParity, EverySizeAndSink) {
  for (int64_t rows : kSizes)
    for (int64_t vocabulary : {1, 7, 64, 65, 129, 1000})
      for (Sink sink : {Sink::overwrite, Sink::accumulate}) {
        expect_parity(LossCase{rows, vocabulary, 0, 0.7f, 2, true}.log_probs_backward({sink}));
        expect_parity(LossCase{rows, vocabulary, 0, 1.5f, 2, false}.log_probs_backward({sink}));
        expect_parity(LossCase{rows, vocabulary, 0, 1, 2, true}.log_probs_backward({sink}, false));
      }
}

TEST(LinearLogProbsParity, EverySize) {
  for (int64_t rows : kSizes)
    for (int64_t vocabulary : kSizes)
      for (int64_t width : {1, 7, 65})
        expect_parity(LossCase{rows, vocabulary, width, 1.1f, 1, rows % 2 == 0}.log_probs());
  expect_parity(LossCase{700, 130, 33}.log_probs());
  expect_parity(LossCase{150, 2100, 24}.log_probs());
}

TEST(LinearLogProbsBackwardParity, EverySizeAndSink) {
  const auto modes = sink_modes(2);
  size_t mode = 0;
  for (int64_t rows : kSizes)
    for (int64_t vocabulary : kSizes)
      for (int64_t width : {1, 7, 65})
        expect_parity(LossCase{rows, vocabulary, width, 1.1f, 1, rows % 2 == 1}.log_probs_backward(
            modes[mode++ % modes.size()]));
  for (const Sinks& sinks : modes)
    for (bool dlog_probs : {false, true})
      expect_parity(LossCase{300, 130, 33}.log_probs_backward(sinks, dlog_probs));
}

}  // namespace
}  // namespace lineage::cases
