#include "lineage/rlhf/losses.h"

#include <gtest/gtest.h>

#include <cmath>

#include "lineage/rlhf/advantages.h"
#include "lineage/rlhf/kl_controller.h"

namespace lineage {
namespace {

// The derivative of a loss by each element of its first argument, by central differences.
template <class Loss>
void expect_gradient(std::vector<float> x, const Loss& loss) {
  const LossAndGradient at = loss(x);
  ASSERT_EQ(at.gradient.size(), x.size());
  constexpr float kStep = 1e-3f;
  for (size_t i = 0; i < x.size(); ++i) {
    std::vector<float> up = x, down = x;
    up[i] += kStep, down[i] -= kStep;
    const double numeric =
        (loss(up).loss - loss(down).loss) / (static_cast<double>(up[i]) - down[i]);
    EXPECT_NEAR(at.gradient[i], numeric, 1e-4) << i;
  }
}

TEST(RankingLoss, EveryPromptWeighsTheSameAndTiesAreNoPairs) {
  const std::vector<float> rewards = {0.3f, -0.2f, 0.1f, 1, 0.5f, 0.5f};
  const std::vector<int> ranks = {1, 2, 2, 2, 1, 3};
  const std::vector<int64_t> first = {0, 3, 6};
  EXPECT_EQ(ranked_pairs(std::span(ranks).first(3)).size(), 2u);
  EXPECT_EQ(prompts_with_pair(ranks, first), 2);
  const auto loss = [&](const std::vector<float>& r) { return ranking_loss(r, ranks, first, 2); };
  expect_gradient(rewards, loss);
  const auto cost = [](double d) { return std::log1p(std::exp(-d)); };
  const double first_prompt = (cost(0.5) + cost(0.2)) / 2,
               second = (cost(-0.5) + cost(0.5) + cost(0)) / 3;
  EXPECT_NEAR(loss(rewards).loss, (first_prompt + second) / 2, 1e-6);
  EXPECT_EQ(loss(rewards).pairs, 5);
  EXPECT_EQ(loss(rewards).right, 3);
  // A prompt of ties alone counts for nothing.
  EXPECT_EQ(prompts_with_pair(std::vector<int>{1, 1}, std::vector<int64_t>{0, 2}), 0);
  EXPECT_EQ(
      ranking_loss(std::vector<float>{1, 2}, std::vector<int>{1, 1}, std::vector<int64_t>{0, 2}, 1)
          .loss,
      0);
  // Large differences neither overflow nor vanish.
  EXPECT_NEAR(ranking_loss(std::vector<float>{-500, 500}, std::vector<int>{1, 2},
                           std::vector<int64_t>{0, 2}, 1)
                  .loss,
              1000, 1e-6);
}

TEST(LogisticLoss, IsTheCrossEntropyOfEachLogit) {
  const std::vector<float> logits = {0, 2, -1, 0.5f};
  const std::vector<uint8_t> labels = {1, 1, 0, 0};
  const auto loss = [&](const std::vector<float>& x) { return logistic_loss(x, labels, 8); };
  // log 2, log(1 + e^-2), log(1 + e^-1), log(1 + e^.5), over the eight of the whole step.
  EXPECT_NEAR(loss(logits).loss, (0.693147 + 0.126928 + 0.313262 + 0.974077) / 8, 1e-6);
  EXPECT_EQ(loss(logits).right, 2) << "2 and -1; neither 0 of an improper one nor 0.5";
  EXPECT_NEAR(loss(logits).gradient[0], -0.5 / 8, 1e-7);
  EXPECT_NEAR(loss(logits).gradient[1], -0.119203 / 8, 1e-6);
  EXPECT_NEAR(loss(logits).gradient[2], 0.268941 / 8, 1e-6);
  expect_gradient(logits, loss);
  // Large logits neither overflow nor vanish.
  const LogisticLoss far =
      logistic_loss(std::vector<float>{-800, 800, 800}, std::vector<uint8_t>{1, 0, 1}, 1);
  EXPECT_NEAR(far.loss, 1600, 1e-6);
  EXPECT_EQ(far.gradient, (std::vector<float>{-1, 1, 0}));
  EXPECT_EQ(sigmoid(-800), 0);
  EXPECT_EQ(sigmoid(800), 1);
}

TEST(PolicyLoss, GradientsOnBothSidesOfTheClip) {
  const std::vector<float> old = {-1, -1, -1, -1, -1}, advantages = {1, 1, -1, -1, 0.5f};
  const auto loss = [&](const std::vector<float>& x) {
    return clipped_policy_loss(x, old, advantages, 0.2, 5);
  };
  expect_gradient({-0.5f, -1.05f, -1.5f, -0.9f, -1}, loss);
  const PolicyLoss cut = loss({-0.5f, -1.05f, -1.5f, -0.9f, -1});
  EXPECT_EQ(cut.sums.clipped, 2);  // e^.5 and e^-.5
  EXPECT_EQ(cut.sums.binding, 2);
  EXPECT_EQ(cut.gradient[0], 0);
  EXPECT_EQ(cut.gradient[2], 0);
  // Where nothing has moved the ratio is exactly 1.
  EXPECT_EQ(loss(old).sums.largest_ratio, 0);
}

TEST(ValueLoss, GradientsOnBothSidesOfTheClip) {
  const std::vector<float> old = {0, 0, 0}, returns = {1, -1, 0.1f};
  const auto loss = [&](const std::vector<float>& x) {
    return clipped_value_loss(x, old, returns, 0.2, 3);
  };
  expect_gradient({0.5f, 0.5f, 0.15f}, loss);
  EXPECT_EQ(loss({0.5f, 0.5f, 0.15f}).sums.binding, 1);
  EXPECT_DOUBLE_EQ(explained_variance(returns, returns), 1);
  EXPECT_EQ(explained_variance(old, std::vector<float>{1, 1, 1}), 0);  // constant returns
}

TEST(GroupLoss, Gradients) {
  const std::vector<float> old = {-1, -2, -1, -1}, reference = {-1.1f, -1.7f, -0.8f, -1.2f},
                           x = {-1.05f, -1.9f, -1.1f, -0.95f};
  const std::vector<int64_t> first = {0, 1, 4};
  const std::vector<float> advantages = {0.7f, -0.4f};
  for (const Averaging averaging :
       {Averaging::sum_of_answer, Averaging::mean_of_answer, Averaging::mean_of_tokens})
    for (const double clip : {0.0, 0.2})
      expect_gradient(x, [&](const std::vector<float>& now) {
        return group_loss(now, old, reference, advantages, first, {2, 4}, {averaging, clip, 0.3});
      });
  // The baseline of a group: nothing to learn where all rewards are equal.
  for (const Baseline b :
       {Baseline::leave_one_out, Baseline::group_normalised, Baseline::group_mean})
    EXPECT_EQ(group_advantages(std::vector<float>{2, 2, 2}, 3, b), std::vector<float>(3));
}

TEST(PreferenceLoss, Gradients) {
  const std::vector<float> reference = {-1, -2, -1.5f, -0.5f, -1};
  const std::vector<int64_t> first = {0, 2, 5};
  for (const PreferenceLossKind kind : {PreferenceLossKind::sigmoid, PreferenceLossKind::ipo})
    for (const double smoothing : {0.0, 0.2})
      expect_gradient({-0.9f, -2.2f, -1.4f, -0.7f, -1}, [&](const std::vector<float>& now) {
        return preference_loss(now, reference, first, 1, {kind, 0.5, smoothing});
      });
}

// The score is added at the last token, where the KL stays; the end is terminal.
TEST(Advantages, RewardsComeAtTheEnd) {
  const std::vector<int64_t> first = {0, 2, 3};
  const std::vector<float> log_probs = {-1, -1, -2}, reference = {-1.5f, -1, -1}, scores = {3, -1};
  const std::vector<float> rewards = kl_rewards(log_probs, reference, scores, first, 0.1);
  EXPECT_FLOAT_EQ(rewards[0], -0.05f);
  EXPECT_FLOAT_EQ(rewards[1], 3);
  EXPECT_FLOAT_EQ(rewards[2], -1 + 0.1f);
  const Advantages a =
      generalised_advantages(rewards, std::vector<float>{0.5f, 1, 2}, first, 1, 0.95);
  EXPECT_NEAR(a.advantages[1], 3 - 1, 1e-6);  // no value after the end
  EXPECT_NEAR(a.advantages[0], (-0.05 + 1 - 0.5) + 0.95 * 2, 1e-6);
  EXPECT_NEAR(a.returns[0], a.advantages[0] + 0.5, 1e-6);
  EXPECT_NEAR(a.advantages[2], -0.9 - 2, 1e-6);  // and none of another answer
}

TEST(Advantages, WhiteningTakesThePopulationVariance) {
  const auto alone = single_process();
  std::vector<float> x = {1, 2, 3, 6};
  const Moments m = moments(x, *alone);
  EXPECT_DOUBLE_EQ(m.mean, 3);
  EXPECT_DOUBLE_EQ(m.variance, 3.5);  // not 14/3
  std::vector<float> kept = x;
  whiten(x, m);
  EXPECT_NEAR(x[3], 3 / std::sqrt(3.5), 1e-6);
  whiten(kept, m, WhitenMean::keep);
  EXPECT_NEAR(kept[3], 3 + 3 / std::sqrt(3.5), 1e-6);
}

TEST(KlController, IsFixedWithoutATargetAndGoesThereWithOne) {
  KlController fixed{0.02, 0};
  fixed.update(100);
  EXPECT_EQ(fixed.beta, 0.02);
  KlController adaptive{0.02, 6};
  adaptive.update(100);
  EXPECT_DOUBLE_EQ(adaptive.beta, 0.02 * 1.02);  // the error is clipped
  adaptive.update(5.4);
  EXPECT_DOUBLE_EQ(adaptive.beta, 0.02 * 1.02 * (1 - 0.1 * 0.1));
}

}  // namespace
}  // namespace lineage
