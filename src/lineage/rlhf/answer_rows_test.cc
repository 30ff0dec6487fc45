#include "lineage/rlhf/answer_rows.h"

#include <gtest/gtest.h>

#include <cmath>

#include "lineage/base/error.h"
#include "lineage/base/rng.h"
#include "lineage/checkpoint/model.h"
#include "lineage/comm/communicator.h"
#include "lineage/ops/tape.h"
#include "lineage/rlhf/advantages.h"
#include "lineage/rlhf/kl_controller.h"
#include "lineage/rlhf/losses.h"
#include "lineage/rlhf/request_scores.h"
#include "lineage/train/trainer.h"

namespace lineage {
namespace {

GptConfig tiny(bool scalar_head = false) {
  GptConfig c;
  c.layers = 2, c.width = 16, c.heads = 2, c.context = 12, c.vocab = 11;
  c.positions = Positions::rotary;
  c.token_shift = true;
  c.scalar_head = scalar_head;
  return c;
}
Model model(bool scalar_head = false) {
  Model m = make_model(tiny(scalar_head), true);
  m.parameters->initialize(3);
  return m;
}

struct Text {
  std::vector<Token> prompt, answer;
  operator AnsweredPrompt() const { return {prompt, answer}; }
};
const std::vector<Text> kTexts = {
    {{1, 2, 3}, {4, 0}}, {{0, 5}, {0, 0, 7}}, {{2}, {9}}, {{3, 3, 3, 3}, {1, 2, 10, 0}}};
std::vector<AnsweredPrompt> all() { return {kTexts.begin(), kTexts.end()}; }

TEST(AnswerRows, SeveralAnswersShareARow) {
  const std::vector<AnsweredPrompt> texts = all();
  const AnswerRows rows = answer_rows(texts, 12);
  EXPECT_EQ(rows.tokens.shape(), (Shape{2, 12}));  // 5 + 5 + 2, then 8
  EXPECT_EQ(rows.first, (std::vector<int64_t>{0, 2, 5, 6, 10}));
  const auto targets = rows.targets.data<int32_t>();
  EXPECT_EQ(std::vector<int32_t>(targets.begin(), targets.end()),
            (std::vector<int32_t>{4, 0, 0, 0, 7, 9, 1, 2, 10, 0}));
  EXPECT_EQ(rows.predictors.data<int32_t>()[0], 2);  // the last of the prompt
  EXPECT_EQ(rows.predictors.data<int32_t>()[2], 6);  // of the second text, which begins at 5
  EXPECT_EQ(rows.last.data<int32_t>()[3], 12 + 7);
  EXPECT_EQ(rows.positions.data<int32_t>()[6], 1);  // counted from its own start
  EXPECT_EQ(rows.starts.data<int32_t>()[6], 5);
}

// Neither the neighbours of an answer nor the padding change its numbers.
TEST(AnswerRows, AnAnswerIsAlone) {
  const Model policy = model(), judge = model(true);
  const std::vector<AnsweredPrompt> texts = all();
  const AnswerRows together = answer_rows(texts, 12, 0), padded = answer_rows(texts, 12, 7);
  const Tensor log_probs = answer_log_probs(*policy.gpt, together).log_probs,
               rewards = answer_rewards(*judge.gpt, together),
               values = answer_values(*judge.gpt, together);
  const Tensor other = answer_log_probs(*policy.gpt, padded).log_probs;
  for (int64_t j = 0; j < log_probs.numel(); ++j)
    EXPECT_EQ(log_probs.data<float>()[j], other.data<float>()[j]);
  for (size_t i = 0; i < texts.size(); ++i) {
    const AnswerRows one = answer_rows(std::span(texts).subspan(i, 1), 12);
    const Tensor alone = answer_log_probs(*policy.gpt, one).log_probs;
    for (int64_t j = 0; j < alone.numel(); ++j)
      EXPECT_NEAR(alone.data<float>()[j], log_probs.data<float>()[together.first[i] + j], 2e-6);
    EXPECT_NEAR(answer_rewards(*judge.gpt, one).data<float>()[0], rewards.data<float>()[i], 2e-6);
    EXPECT_NEAR(answer_values(*judge.gpt, one).data<float>()[0],
                values.data<float>()[together.first[i]], 2e-6);
  }
}

// A reward is read at the last token of the answer, whatever a longer one would say there.
TEST(AnswerRows, TheRewardIsThatOfTheLastToken) {
  const Model judge = model(true);
  const Text shorter{{1, 2}, {3, 4}}, longer{{1, 2}, {3, 4, 5}};
  const AnswerRows rows = answer_rows(std::vector<AnsweredPrompt>{longer}, 12);
  const Tensor values = answer_values(*judge.gpt, rows);  // before each token
  const Tensor reward =
      answer_rewards(*judge.gpt, answer_rows(std::vector<AnsweredPrompt>{shorter}, 12));
  EXPECT_NEAR(reward.data<float>()[0], values.data<float>()[2], 2e-6);
}

// The logit of a conversation is the scalar at its own last token, however many are in memory.
TEST(RequestScores, AreThoseOfTheLastToken) {
  const Model filter = model(true);
  const std::vector<std::vector<Token>> texts = {{1, 2, 3, 4}, {5, 0}, {9, 9, 1}, {2, 7, 7, 7, 7}};
  const std::vector<std::span<const Token>> views(texts.begin(), texts.end());
  const std::vector<float> logits = request_logits(*filter.gpt, views, 1000);
  ASSERT_EQ(logits.size(), texts.size());
  for (const int64_t most : {1, 6}) {
    const std::vector<float> pieces = request_logits(*filter.gpt, views, most);
    for (size_t i = 0; i < texts.size(); ++i) EXPECT_NEAR(pieces[i], logits[i], 2e-6) << i;
  }
  // As a longer text has it before its next token.
  const Text longer{{1, 2, 3, 4}, {6}};
  const AnswerRows rows = answer_rows(std::vector<AnsweredPrompt>{longer}, 12);
  EXPECT_NEAR(answer_values(*filter.gpt, rows).data<float>()[0], logits[0], 2e-6);
  const std::vector<Token> one = {1}, long_one(13, 1);
  const auto error_of = [&](const std::vector<Token>& text) {
    try {
      request_rows(std::vector<std::span<const Token>>{text}, 12);
    } catch (const Error& e) {
      return std::string(e.what());
    }
    return std::string();
  };
  EXPECT_EQ(
      error_of(one),
      "conversation 0: has 1 tokens; wanted at least two, a turn and the opening of the next");
  EXPECT_NE(error_of(long_one).find("wanted at most the context, 12"), std::string::npos);
}

// A policy is sampled, scored and updated at one temperature.
TEST(AnswerRows, TemperatureDividesTheLogits) {
  const Model policy = model();
  const AnswerRows rows = answer_rows(all(), 12);
  const Tensor hidden =
      policy.gpt->hidden(rows.tokens, rows.positions, rows.starts, rows.predictors);
  const Tensor logits = policy.gpt->logits(hidden),
               at = answer_log_probs(*policy.gpt, rows, 0.5f).log_probs;
  for (int64_t j = 0; j < at.numel(); ++j) {
    double sum = 0;
    const auto row = logits.rows(j, j + 1).data<float>();
    for (const float x : row) sum += std::exp(x / 0.5);
    EXPECT_NEAR(at.data<float>()[j],
                row[static_cast<size_t>(rows.targets.data<int32_t>()[j])] / 0.5 - std::log(sum),
                1e-5);
  }
}

TEST(AnswerRows, BadTextsAreNamed) {
  const auto error = [](std::vector<AnsweredPrompt> texts) {
    try {
      answer_rows(texts, 4);
    } catch (const Error& e) {
      return std::string(e.what());
    }
    return std::string();
  };
  const std::vector<Token> two = {1, 2}, three = {1, 2, 3}, none;
  EXPECT_EQ(error({{two, two}, {two, three}}),
            "answer 1: prompt and answer have 5 tokens; wanted at most the context, 4");
  EXPECT_EQ(error({{none, two}}), "answer 0: its prompt has no token; wanted at least one");
  EXPECT_EQ(error({{two, none}}), "answer 0: its answer has no token; wanted at least one");
  EXPECT_EQ(error({}), "answer rows: no answers; wanted at least one");
}

// --- Tasks with a known optimum ------------------------------------------------------------------

constexpr Token kEnd = 0;

// Samples one answer of at most `most` tokens.
std::vector<Token> sample(const Gpt& gpt, std::vector<Token> text, int64_t most, const Rng& key) {
  std::vector<Token> answer;
  while (std::ssize(answer) < most) {
    const Tensor tokens = Tensor::from({1, std::ssize(text)}, std::span<const int32_t>(text));
    const Tensor logits = gpt.logits(gpt.hidden(tokens));
    const auto row = logits.rows(logits.dim(0) - 1, logits.dim(0)).data<float>();
    double sum = 0, at = 0;
    for (const float x : row) sum += std::exp(x);
    const double draw = key.uniform_double(answer.size()) * sum;
    Token token = 0;
    for (; token + 1 < std::ssize(row); ++token)
      if ((at += std::exp(row[token])) > draw) break;
    text.push_back(token);
    answer.push_back(token);
    if (token == kEnd) break;
  }
  return answer;
}

struct Learned {
  double reward = 0, kl = 0;  // of the last iterations
};

// PPO by the functions of this folder, on one prompt.
template <class Reward>
Learned learn(const Reward& reward, int iterations, KlController kl) {
  const Model parent = model();
  Model policy = model(), values = model(true);
  const auto alone = single_process();
  OptimizerConfig optimizer;
  optimizer.lr = 1e-2, optimizer.weight_decay = 0;
  Trainer policy_trainer("policy", *policy.parameters, optimizer, {}, *alone),
      value_trainer("values", *values.parameters, optimizer, {}, *alone);
  const std::vector<Token> prompt = {1, 2};
  constexpr int kEpisodes = 32, kLast = 5;
  Learned learned;
  for (int i = 0; i < iterations; ++i) {
    std::vector<std::vector<Token>> answers;
    std::vector<float> scores;
    for (int e = 0; e < kEpisodes; ++e) {
      answers.push_back(
          sample(*policy.gpt, prompt, 4, Rng(5).fold(static_cast<uint64_t>(i * kEpisodes + e))));
      scores.push_back(static_cast<float>(reward(answers.back())));
    }
    std::vector<AnsweredPrompt> texts;
    for (const auto& a : answers) texts.push_back({prompt, a});
    const AnswerRows rows = answer_rows(texts, 12);
    const auto floats = [](const Tensor& t) {
      return std::vector<float>(t.data<float>().begin(), t.data<float>().end());
    };
    const std::vector<float> old = floats(answer_log_probs(*policy.gpt, rows).log_probs),
                             reference = floats(answer_log_probs(*parent.gpt, rows).log_probs),
                             before = floats(answer_values(*values.gpt, rows));
    Advantages a = generalised_advantages(kl_rewards(old, reference, scores, rows.first, kl.beta),
                                          before, rows.first, 1, 0.95);
    whiten(a.advantages, moments(a.advantages, *alone));
    double mean_kl = 0, mean_reward = 0;
    for (const double x : answer_kl(old, reference, rows.first)) mean_kl += x / kEpisodes;
    for (const float s : scores) mean_reward += s / kEpisodes;
    kl.update(mean_kl);
    if (i + kLast >= iterations)
      learned.reward += mean_reward / kLast, learned.kl += mean_kl / kLast;
    const auto M = static_cast<double>(rows.answer_tokens());
    const MicroBatch policy_batch{
        M, [&](float tokens) {
          const Tensor now = answer_log_probs(*policy.gpt, rows).log_probs;
          return differentiable(
              now, clipped_policy_loss(now.data<float>(), old, a.advantages, 0.2, tokens));
        }};
    const MicroBatch value_batch{
        M, [&](float tokens) {
          const Tensor now = answer_values(*values.gpt, rows);
          return differentiable(
              now, clipped_value_loss(now.data<float>(), before, a.returns, 0.5, tokens));
        }};
    policy_trainer.step({&policy_batch, 1}, 1);
    value_trainer.step({&value_batch, 1}, 1);
  }
  return learned;
}

TEST(PlantedTasks, ABanditOverTokensFindsTheBest) {
  const auto reward = [](const std::vector<Token>& a) {
    return a[0] == 7 ? 1.0 : a[0] == 3 ? 0.5 : 0;
  };
  EXPECT_GT(learn(reward, 60, {0, 0}).reward, 0.9);
}

TEST(PlantedTasks, ARewardForOneWordIsFound) {
  const auto reward = [](const std::vector<Token>& a) {
    return std::ranges::find(a, 7) != a.end() ? 1.0 : 0.0;
  };
  EXPECT_GT(learn(reward, 60, {0, 0}).reward, 0.9);
}

TEST(PlantedTasks, ALengthIsFound) {
  const auto reward = [](const std::vector<Token>& a) {
    return a.size() == 3 && a.back() == kEnd ? 1.0 : 0.0;
  };
  EXPECT_GT(learn(reward, 80, {0, 0}).reward, 0.8);
}

TEST(PlantedTasks, TheKlStaysUnderItsTarget) {
  const auto reward = [](const std::vector<Token>& a) { return a[0] == 7 ? 1.0 : 0.0; };
  const double free = learn(reward, 60, {0, 0}).kl;
  const Learned held = learn(reward, 60, {0.5, 0.5, 0.3});
  EXPECT_GT(free, 1);
  EXPECT_LT(held.kl, 0.8);
  EXPECT_GT(held.reward, 0.15);  // above the parent's .09
}

}  // namespace
}  // namespace lineage
