#include <bit>

#include "lineage/kernels/cases_attention.h"
#include "lineage/kernels/testing.h"

namespace lineage::cases {
namespace {

class Attention : public OnBackend {};
INSTANTIATE_TEST_SUITE_P(On, Attention, every_backend(), backend_name);

TEST(AlibiSlope, IsThePublishedRule) {
  EXPECT_FLOAT_EQ(alibi_slope(0, 8), 0.5f);
  EXPECT_FLOAT_EQ(alibi_slope(7, 8), 0.00390625f);
  EXPECT_FLOAT_EQ(alibi_slope(0, 1), 0.00390625f);
  // 12 heads: those of 8, then every other one of 16.
  const float twelve[] = {0.5f,        0.25f,       0.125f,      0.0625f,
                          0.03125f,    0.015625f,   0.0078125f,  0.00390625f,
                          0.70710678f, 0.35355339f, 0.17677669f, 0.08838834f};
  for (int64_t h = 0; h < 12; ++h) EXPECT_FLOAT_EQ(alibi_slope(h, 12), twelve[h]) << h;
}

TEST_P(Attention, ComputesByHand) {
  // Two rows, one head of width 1: row 0 copies its value; row 1 weighs 10 and 30 by the scores
  // 2·1 and 2·(1 + ln 3 / 2), that is 1 to 3.
  const std::vector<float> qkv = {7, 1, 10, 2, 1 + std::log(3.0f) / 2, 30};
  Tensor y = Tensor::full({2, 1}, NAN), lse = Tensor::full({2, 1}, NAN);
  on.attention(y, lse, Tensor::from({1, 2, 3}, qkv), {}, {1, 1, 1});
  expect_close("y", y, {10, 25});
  expect_close("lse", lse, {7, 2 + std::log(4.0f)});
}

// The definition itself: whole T×T matrices, a mask by documents and distance, one key/value head
// copied for each query head.
std::vector<double> naive_attention(const AttentionCase& c, const AttentionCase::Data& d) {
  const auto [heads, kv_heads, width, window, alibi] = c.spec;
  const int64_t T = c.steps;
  const auto x = d.qkv.data<float>();
  std::vector<double> y(static_cast<size_t>(c.batch * T * heads * width));
  for (int64_t b = 0; b < c.batch; ++b)
    for (int64_t h = 0; h < heads; ++h) {
      const auto at = [&](int64_t t, int64_t head, int64_t i) -> double {
        return x[((b * T + t) * (heads + 2 * kv_heads) + head) * width + i];
      };
      const int64_t group = h * kv_heads / heads;
      std::vector<double> p(static_cast<size_t>(T * T), 0.0);
      std::vector<int> document(static_cast<size_t>(T), 0);
      for (int64_t t = 1; t < T; ++t)
        document[t] = document[t - 1] +
                      (!d.starts.empty() && d.starts.data<int32_t>()[b * T + t] == t ? 1 : 0);
      for (int64_t t = 0; t < T; ++t) {
        double sum = 0;
        for (int64_t s = 0; s < T; ++s) {
          const bool seen = s <= t && document[s] == document[t] && (!window || t - s < window);
          if (!seen) continue;
          double score = 0;
          for (int64_t i = 0; i < width; ++i) score += at(t, h, i) * at(s, heads + group, i);
          score = score / std::sqrt(width) - (alibi ? alibi_slope(h, heads) * double(t - s) : 0);
          sum += p[t * T + s] = std::exp(score);
        }
        for (int64_t s = 0; s < T; ++s)
          for (int64_t i = 0; i < width; ++i)
            y[((b * T + t) * heads + h) * width + i] +=
                p[t * T + s] / sum * at(s, heads + kv_heads + group, i);
      }
    }
  return y;
}

std::vector<AttentionCase> attention_cases() {
  std::vector<AttentionCase> cases;
  for (int64_t steps : kSizes) {
    cases.push_back({1, steps, {1, 1, 1}});
    cases.push_back({2, steps, {2, 2, 7}});
    cases.push_back({2, steps, {3, 3, 16, 0, true}});
    cases.push_back({1, steps, {4, 2, 32, 5}, 9});
    cases.push_back({3, steps, {6, 2, 8, 33, true}, 20});
    cases.push_back({1, steps, {5, 1, 65, 1}});
    cases.push_back({1, steps, {2, 1, 64, 64}, 40});
    cases.push_back({1, steps, {3, 1, 24, 200}});
  }
  cases.push_back({2, 300, {4, 4, 32}});
  cases.push_back({1, 513, {2, 2, 64}, 100});
  cases.push_back({1, 400, {4, 2, 16, 128, true}, 150});
  return cases;
}

TEST_P(Attention, EqualsTheNaiveMatrix) {
  for (const AttentionCase& c : attention_cases()) {
    if (c.steps > 200) continue;
    const auto d = c.data();
    const auto want = naive_attention(c, d);
    expect_close(c.name(), c.forward().run(on)[0].value, {want.begin(), want.end()});
  }
}

TEST_P(Attention, HasTheRightGradient) {
  const AttentionCase cases[] = {{1, 1, {1, 1, 3}},
                                 {2, 5, {2, 2, 3}},
                                 {1, 9, {4, 2, 2, 3, true}},
                                 {1, 9, {2, 1, 4, 0, false}, 3},
                                 {2, 8, {3, 3, 2, 4, true}, 4}};
  for (const AttentionCase& c : cases) {
    SCOPED_TRACE(c.name());
    const auto d = c.data();
    expect_gradients(c.backward(Sink::overwrite).run(on), {d.qkv}, [&](const auto& at) {
      return dot(reference::attention(at[0], reference::integers(d.starts), c.steps, c.spec).y,
                 d.dy);
    });
  }
}

TEST_P(Attention, IsFiniteAtExtremeScores) {
  const AttentionCase c{2, 70, {2, 1, 16}};
  auto d = c.data();
  for (float& v : d.qkv.data<float>()) v *= 100;  // scores of some 1e4
  Tensor y = Tensor::like(d.y), lse = Tensor::like(d.lse), dqkv = Tensor::like(d.qkv);
  on.attention(y, lse, d.qkv, {}, c.spec);
  on.attention_backward({dqkv}, d.dy, y, lse, d.qkv, {}, c.spec);
  for (const Tensor& x : {y, lse, dqkv})
    for (float v : x.data<float>()) ASSERT_TRUE(std::isfinite(v));
  reference_kernels().attention(d.y, d.lse, d.qkv, {}, c.spec);
  // Scores of 1e4 carry roundings of 1e-3, which is what the probabilities lose.
  expect_close("y", y.data<float>(), d.y.data<float>(), 1e-5);
  expect_close("lse", lse.data<float>(), d.lse.data<float>());
}

// A model that has diverged must be seen: NaN in a query, a key or a value comes out of every row
// that reads it, and of that row's gradient. (Where else it may appear is left open.)
TEST_P(Attention, NaNComesThrough) {
  constexpr int64_t kBad = 37;  // of 70 rows: its keys are seen by masked and by whole vectors
  constexpr int64_t kQueryHeads = 2, kWidth = 16;
  for (const float bad : {NAN, std::bit_cast<float>(0x7fcabcdfu)})  // also one of odd bits
    for (const bool alibi : {false, true})
      for (int64_t head = 0; head < kQueryHeads + 2;
           ++head) {  // the queries', the key's, the value's
        const AttentionCase c{1, 70, {kQueryHeads, 1, kWidth, 0, alibi}};
        SCOPED_TRACE(fmt::format("{}, NaN in head {}", c.name(), head));
        const auto d = c.data();
        const int64_t qkv_width = c.spec.qkv_width();
        d.qkv.data<float>()[kBad * qkv_width + head * kWidth + 3] = bad;
        Tensor y = Tensor::like(d.y), lse = Tensor::like(d.lse), dqkv = Tensor::like(d.qkv);
        on.attention(y, lse, d.qkv, {}, c.spec);
        on.attention_backward({dqkv}, d.dy, y, lse, d.qkv, {}, c.spec);
        for (int64_t t = kBad; t < c.steps; ++t)
          for (int64_t h = 0; h < kQueryHeads; ++h) {
            if (head < kQueryHeads && (head != h || t != kBad)) continue;
            ASSERT_TRUE(std::isnan(y.data<float>()[(t * kQueryHeads + h) * kWidth + 3])) << t;
            ASSERT_TRUE(std::isnan(dqkv.data<float>()[t * qkv_width + h * kWidth + 3])) << t;
          }
      }
}

// No gradient and no value may cross from one document into the next.
TEST_P(Attention, DocumentsAreAlone) {
  const AttentionCase c{1, 64, {4, 2, 16}, 10};
  const auto d = c.data();
  const auto whole = c.forward().run(on);
  const int64_t width = c.spec.heads * c.spec.head_width;
  for (int64_t begin = 0; begin < c.steps;) {
    int64_t end = begin + 1;
    while (end < c.steps && d.starts.data<int32_t>()[end] == begin) ++end;
    const Tensor qkv =
        d.qkv.slice(begin * c.spec.qkv_width(), {1, end - begin, c.spec.qkv_width()});
    Tensor y = Tensor::empty({end - begin, width}), lse = Tensor::empty({end - begin, 4});
    on.attention(y, lse, qkv, {}, c.spec);
    expect_close("document", y.data<float>(), whole[0].value.rows(begin, end).data<float>());
    begin = end;
  }
}

TEST(AttentionParity, EveryForm) {
  for (const AttentionCase& c : attention_cases()) expect_parity(c.forward());
}

TEST(AttentionBackwardParity, EveryFormAndSink) {
  for (const AttentionCase& c : attention_cases())
    for (Sink sink : {Sink::overwrite, Sink::accumulate}) expect_parity(c.backward(sink));
  expect_parity(AttentionCase{2, 9, {2, 1, 4}}.backward(Sink::empty));
}

}  // namespace
}  // namespace lineage::cases
