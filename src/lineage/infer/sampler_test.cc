#include "lineage/infer/sampler.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <map>
#include <set>

#include "lineage/base/error.h"

namespace lineage {
namespace {

const std::vector<float> kLogits = {1.0f, 3.0f, 2.0f, 3.0f, -50.0f};

Sampling at(double temperature, int64_t top_k = 0, double top_p = 1) {
  Sampling s;
  s.temperature = temperature;
  s.top_k = top_k;
  s.top_p = top_p;
  return s;
}

std::set<Token> drawn(Sampling s, int n = 2000) {
  std::set<Token> tokens;
  for (int i = 0; i < n; ++i) tokens.insert(draw(kLogits, s, i).token);
  return tokens;
}

TEST(Sampler, TemperatureZeroTakesTheFirstOfTheMostLikely) {
  EXPECT_EQ(draw(kLogits, at(0), 0).token, 1);
  EXPECT_EQ(draw(kLogits, at(0), 17).token, 1);
}

TEST(Sampler, TopKAndTopPKeepTheLikeliest) {
  EXPECT_EQ(drawn(at(1, 2)), (std::set<Token>{1, 3}));
  EXPECT_EQ(drawn(at(1, 3)), (std::set<Token>{1, 2, 3}));
  EXPECT_EQ(drawn(at(1, 1)), (std::set<Token>{1}));
  EXPECT_EQ(drawn(at(1, 0, 0.5)), (std::set<Token>{1, 3}));  // .405 + .405 holds a half
  EXPECT_EQ(drawn(at(1, 0, 0.39)), (std::set<Token>{1}));    // .3995 holds it alone …
  EXPECT_EQ(drawn(at(1, 0, 1e-9)), (std::set<Token>{1}));    // … but one is always kept
}

TEST(Sampler, DrawsByProbability) {
  std::array<int, 5> counts{};
  constexpr int kDraws = 40000;
  for (int i = 0; i < kDraws; ++i) ++counts[draw(kLogits, at(0.8), i).token];
  double total = 0;
  for (float l : kLogits) total += std::exp(l / 0.8);
  for (size_t t = 0; t < 5; ++t) {
    const double p = std::exp(kLogits[t] / 0.8) / total;
    // Five standard deviations: the seed is fixed, the draw is not tuned to it.
    EXPECT_NEAR(counts[t], kDraws * p, 5 * std::sqrt(kDraws * p) + 1) << t;
  }
}

// A vocabulary of several blocks of the sums, the last one not whole, with likely tokens in each,
// at their edges, and with a block that holds nothing.
TEST(Sampler, DrawsByProbabilityFromALargeVocabulary) {
  std::vector<float> logits(1101, -200.0f);
  const std::vector<std::pair<size_t, float>> likely = {{0, 1.0f},   {255, 0.5f}, {256, 2.0f},
                                                        {300, 0.0f}, {800, 1.5f}, {1100, 1.2f}};
  double total = 0;
  for (const auto& [token, logit] : likely) {
    logits[token] = logit;
    total += std::exp(static_cast<double>(logit));
  }
  std::map<Token, int> counts;
  constexpr int kDraws = 40000;
  for (int i = 0; i < kDraws; ++i) {
    const SampledToken d = draw(logits, at(1), i);
    ++counts[d.token];
    ASSERT_NEAR(d.log_prob, logits[d.token] - static_cast<float>(std::log(total)), 1e-5);
  }
  EXPECT_EQ(counts.size(), likely.size());
  for (const auto& [token, logit] : likely) {
    const double p = std::exp(static_cast<double>(logit)) / total;
    EXPECT_NEAR(counts[static_cast<Token>(token)], kDraws * p, 5 * std::sqrt(kDraws * p)) << token;
  }
}

// A model that has diverged gives some token, and a log-probability that shows it.
TEST(Sampler, NaNIsSeen) {
  std::vector<float> logits(600, 0.0f);
  logits[300] = NAN;
  for (double temperature : {0.0, 1.0}) {
    const SampledToken d = draw(logits, at(temperature), 0);
    EXPECT_TRUE(d.token >= 0 && d.token < 600);
    EXPECT_TRUE(std::isnan(d.log_prob));
  }
}

TEST(Sampler, LogProbabilitiesAreOfTheWholeVocabularyAtThatTemperature) {
  double total = 0;
  for (float l : kLogits) total += std::exp(l / 0.5);
  Sampling s = at(0.5, 1);
  s.top_log_probs = 2;
  const SampledToken d = draw(kLogits, s, 0);
  EXPECT_NEAR(d.log_prob, 3 / 0.5 - std::log(total), 1e-6);
  ASSERT_EQ(d.top.size(), 2u);
  EXPECT_EQ(d.top[0].token, 1);
  EXPECT_EQ(d.top[1].token, 3);
}

TEST(Sampler, TheSameSeedAndPlaceGiveTheSameToken) {
  Sampling s = at(1);
  s.seed = 3;
  for (int64_t i = 0; i < 20; ++i) EXPECT_EQ(draw(kLogits, s, i).token, draw(kLogits, s, i).token);
  Sampling other = s;
  other.seed = 4;
  int differ = 0;
  for (int64_t i = 0; i < 50; ++i)
    differ += draw(kLogits, s, i).token != draw(kLogits, other, i).token;
  EXPECT_GT(differ, 5);
}

TEST(Sampler, BadSettingsAreNamed) {
  const auto says = [](const Sampling& s) -> std::string {
    try {
      s.validate();
    } catch (const Error& e) {
      return e.what();
    }
    return {};
  };
  EXPECT_EQ(says(at(-1)), "sampling: temperature is -1; wanted 0 or more");
  EXPECT_EQ(says(at(1, -2)), "sampling: top_k is -2; wanted 0 (all) or more");
  EXPECT_EQ(says(at(1, 0, 0)), "sampling: top_p is 0; wanted more than 0, at most 1");
  Sampling s;
  s.stop = {""};
  EXPECT_NE(says(s), "");
}

TEST(Sampler, BiasAndPenaltiesMoveTheDrawAndNotTheModelsLogProbs) {
  const std::vector<float> logits = {1.0f, 2.0f, 0.5f, -1.0f};
  Sampling s;
  s.temperature = 0, s.top_log_probs = 2;
  const SampledToken plain = draw(logits, s, 0);
  EXPECT_EQ(plain.token, 1);
  s.logit_bias = {{3, 100.0f}};
  EXPECT_EQ(draw(logits, s, 0).token, 3);
  EXPECT_GT(draw(logits, s, 0).log_prob, -1e-6) << "of the sampling";
  s.log_probs_of = LogProbsOf::model;
  const SampledToken biased = draw(logits, s, 0);
  EXPECT_EQ(biased.token, 3);
  EXPECT_EQ(biased.log_prob, judge(logits, 3, 0).log_prob);
  EXPECT_EQ(biased.top[0].token, 1);
  EXPECT_EQ(biased.top[0].log_prob, plain.log_prob);
  Sampling p;
  p.temperature = 0, p.presence_penalty = 0.5, p.frequency_penalty = 0.4;
  const std::vector<Token> once = {1}, twice = {1, 1};
  EXPECT_EQ(draw(logits, p, 1, once).token, 1);   // 2 - .9 = 1.1
  EXPECT_EQ(draw(logits, p, 2, twice).token, 0);  // 2 - 1.3 = .7
}

TEST(Sampler, TheModelsLogProbsHaveNoTemperature) {
  const std::vector<float> logits = {1.0f, 2.0f, 0.5f, -1.0f};
  Sampling s;
  s.temperature = 3, s.log_probs_of = LogProbsOf::model, s.seed = 4;
  const SampledToken t = draw(logits, s, 0);
  EXPECT_EQ(t.log_prob, judge(logits, t.token, 0).log_prob);
  s.log_probs_of = LogProbsOf::sampling;
  EXPECT_EQ(draw(logits, s, 0).token, t.token);
  EXPECT_NE(draw(logits, s, 0).log_prob, t.log_prob);
}

}  // namespace
}  // namespace lineage
