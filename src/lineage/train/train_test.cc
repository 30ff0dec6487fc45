#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <fstream>
#include <numbers>

#include "lineage/base/error.h"
#include "lineage/base/testing.h"
#include "lineage/kernels/kernels.h"
#include "lineage/ops/ops.h"
#include "lineage/ops/tape.h"
#include "lineage/ops/testing.h"
#include "lineage/train/divergence_guard.h"
#include "lineage/train/language_model.h"
#include "lineage/train/optimizer.h"
#include "lineage/train/schedule.h"

namespace lineage {
namespace {

TEST(Schedule, EachKindAtItsCorners) {
  ScheduleConfig c{ScheduleKind::cosine, 100, 0, 0.1};
  EXPECT_DOUBLE_EQ(lr_scale(c, 1, 1000), 0.01);
  EXPECT_DOUBLE_EQ(lr_scale(c, 100, 1000), 1);
  EXPECT_NEAR(lr_scale(c, 550, 1000), 0.55, 1e-12);
  EXPECT_NEAR(lr_scale(c, 1000, 1000), 0.1, 1e-12);
  c.decay_tokens = 450;  // GPT-3: constant after the decay
  EXPECT_NEAR(lr_scale(c, 550, 1000), 0.1, 1e-12);
  EXPECT_NEAR(lr_scale(c, 900, 1000), 0.1, 1e-12);
  c = {ScheduleKind::linear, 0, 0, 0};
  EXPECT_NEAR(lr_scale(c, 250, 1000), 0.75, 1e-12);
  c = {ScheduleKind::wsd, 100, 200, 0};
  EXPECT_DOUBLE_EQ(lr_scale(c, 50, 1000), 0.5);
  EXPECT_DOUBLE_EQ(lr_scale(c, 800, 1000), 1);
  EXPECT_NEAR(lr_scale(c, 900, 1000), 0.5, 1e-12);
  EXPECT_NEAR(lr_scale(c, 1000, 1000), 0, 1e-12);
  c.kind = ScheduleKind::constant;
  EXPECT_DOUBLE_EQ(lr_scale(c, 1000, 1000), 1);
}

TEST(BatchPlan, CoversEveryRowOnceAndRamps) {
  const BatchPlan flat(10, 4);
  EXPECT_EQ(flat.steps(), 3);
  EXPECT_EQ(flat.rows(0), 4);
  EXPECT_EQ(flat.rows(2), 2);
  const BatchPlan ramp(1000, 64, 8, 400);
  int64_t at = 0;
  for (int64_t s = 0; s < ramp.steps(); ++s) {
    EXPECT_EQ(ramp.first_row(s), at);
    at += ramp.rows(s);
    if (s > 0 && s + 1 < ramp.steps()) {
      EXPECT_GE(ramp.rows(s), ramp.rows(s - 1));
    }
  }
  EXPECT_EQ(at, 1000);
  EXPECT_EQ(ramp.rows(0), 8);
  EXPECT_EQ(ramp.rows(ramp.steps() - 2), 64);
}

// A plan with the greatest number of steps needs no memory.
TEST(BatchPlan, ALongRunTakesNoMoreMemoryThanItsRamp) {
  constexpr int64_t kRows = 1'000'000'000'000;
  const BatchPlan plan(kRows + 1, 2, 1, 3);  // rows of 1, 1, 1, then 2 each
  EXPECT_EQ(plan.steps(), 3 + (kRows - 2) / 2);
  EXPECT_EQ(plan.first_row(0), 0);
  EXPECT_EQ(plan.first_row(3), 3);
  EXPECT_EQ(plan.first_row(4), 5);
  EXPECT_EQ(plan.rows(plan.steps() - 1), 2);
  EXPECT_EQ(plan.first_row(plan.steps()), kRows + 1);
  EXPECT_EQ(BatchPlan(3, 2, 1, 400).steps(), 3);       // ends within its ramp
  EXPECT_THROW(BatchPlan(kRows, 2, 1, kRows), Error);  // a ramp of too many steps
}

// The cost of evaluations during a run is in proportion to training.
TEST(Measuring, TakesATenthOfTheTimeOfTrainingAtMost) {
  RunConfig run;
  TrainConfig train;
  train.tokens = 60'000;
  EXPECT_EQ(steps_between_measurements(run, 100), 10);
  for (size_t sources : {1u, 3u}) {
    const int64_t each = measured_tokens(run, train.tokens, 100, sources);
    const double all =
        kReadingShare * 10 * static_cast<double>(each * static_cast<int64_t>(sources));
    EXPECT_LE(all, 0.1 * static_cast<double>(train.tokens));
    EXPECT_GT(all, 0.09 * static_cast<double>(train.tokens));
  }
  train.tokens = 100'000'000;
  EXPECT_EQ(measured_tokens(run, train.tokens, 1000, 1), 65536);
  run.eval_tokens = 20'480;  // set by the recipe
  train.tokens = 1000;
  EXPECT_EQ(measured_tokens(run, train.tokens, 100, 1), 20'480);
  run.eval_every = 7;
  EXPECT_EQ(steps_between_measurements(run, 100), 7);
}

TEST(BatchPlan, IsThatOfOneStepAfterAnother) {
  for (const int64_t total : {0, 1, 7, 64, 1000})
    for (const int64_t rows : {1, 4, 64})
      for (const int64_t from : {int64_t{0}, rows / 2})
        for (const int64_t ramp : {0, 5, 400, 5000}) {
          const BatchPlan plan(total, rows, from, ramp);
          int64_t at = 0, step = 0;
          for (; at < total; ++step) {
            ASSERT_EQ(plan.first_row(step), at);
            int64_t now = rows;
            if (at < ramp)
              now =
                  from + static_cast<int64_t>(static_cast<double>(rows - from) *
                                              static_cast<double>(at) / static_cast<double>(ramp));
            at = std::min(total, at + std::max<int64_t>(1, now));
          }
          ASSERT_EQ(plan.steps(), step);
          ASSERT_EQ(plan.first_row(step), total);
        }
}

// The Error from training a model whose values are all `value` (0: as initialized) for two steps.
std::string error_of_training(float value, int64_t max_skips) {
  GptConfig c;
  c.layers = 1, c.width = 8, c.heads = 2, c.context = 6, c.vocab = 7;
  Parameters parameters;
  Gpt gpt(parameters.root(), c);
  parameters.allocate(true);
  parameters.initialize(7);
  if (value != 0) std::ranges::fill(parameters.values().data<float>(), value);
  TrainConfig train;
  train.tokens = 24, train.batch_tokens = 12;
  train.guard.max_skips = max_skips;
  const testing::TempFolder folder;
  const auto ranks = single_process();
  LoopContext context{"davinci", folder.path(), *ranks, silent(), {}, 0, {}};
  std::string error;
  try {
    train_language_model(
        gpt, parameters, train,
        [](int64_t, int64_t count) {
          Batch batch;
          batch.tokens = Tensor::zeros({count, 6}, DType::i32);
          batch.targets = Tensor::zeros({count * 6}, DType::i32);
          batch.weights = Tensor::full({count * 6}, 1);
          batch.total_weight = static_cast<double>(count * 6);
          return batch;
        },
        context);
  } catch (const Error& e) {
    error = e.what();
  }
  return error;
}

TEST(Trainer, ARunWhoseEveryStepIsSkippedDoesNotEndWell) {
  EXPECT_EQ(error_of_training(0, 5), "");
  EXPECT_EQ(error_of_training(3e38f, 5),
            "davinci: all 2 steps were skipped; wanted steps that are taken");
}

TEST(Muon, OrthogonalizesTallAndWideMatrices) {
  for (const Shape& shape : {Shape{6, 20}, Shape{20, 6}, Shape{9, 9}}) {
    const Tensor g = testing::random_tensor(shape, 5, 3);
    const Tensor x = orthogonalize(g);
    // Singular values near 1: the Gram matrix of the short side is near the identity.
    const int64_t R = shape[0], C = shape[1], S = std::min(R, C);
    Tensor gram = Tensor::empty({S, S});
    const bool tall = R > C;
    reference_kernels().matmul(gram, x, tall ? Trans::yes : Trans::no, x,
                               tall ? Trans::no : Trans::yes, 0);
    for (int64_t i = 0; i < S; ++i) {
      const double d = static_cast<double>(gram.data<float>()[i * S + i]);
      EXPECT_GT(d, 0.25);
      EXPECT_LT(d, 1.6);
    }
    // And it points where g points.
    double dot = 0;
    for (size_t i = 0; i < g.data<float>().size(); ++i)
      dot += static_cast<double>(g.data<float>()[i]) * static_cast<double>(x.data<float>()[i]);
    EXPECT_GT(dot, 0);
  }
}

// The iteration as published, X <- a X + (b A + c A²) X with A = X Xᵀ, in double.
TEST(Muon, OrthogonalizesAsTheIterationDoes) {
  constexpr int64_t R = 24, C = 70;
  for (const int64_t rank : {R, int64_t{3}}) {  // a gradient of few tokens is not of full rank
    Tensor g = Tensor::empty({R, C});
    const Tensor u = testing::random_tensor({R, rank}, 1), v = testing::random_tensor({rank, C}, 2);
    reference_kernels().matmul(g, u, Trans::no, v, Trans::no, 0);
    std::vector<double> x(g.data<float>().begin(), g.data<float>().end());
    double norm = 0;
    for (double e : x) norm += e * e;
    for (double& e : x) e /= std::sqrt(norm) + 1e-7;
    const auto product = [](const std::vector<double>& l, const std::vector<double>& r, int64_t n,
                            bool transposed) {  // (R,K) (K,n), or (R,K) (n,K)ᵀ
      const int64_t K = static_cast<int64_t>(l.size()) / R;
      std::vector<double> y(static_cast<size_t>(R * n));
      for (int64_t i = 0; i < R; ++i)
        for (int64_t j = 0; j < n; ++j)
          for (int64_t k = 0; k < K; ++k)
            y[i * n + j] += l[i * K + k] * r[transposed ? j * K + k : k * n + j];
      return y;
    };
    for (int i = 0; i < 5; ++i) {
      const auto A = product(x, x, R, true), AX = product(A, x, C, false);
      const auto AAX = product(A, AX, C, false);
      for (size_t e = 0; e < x.size(); ++e) x[e] = 3.4445 * x[e] - 4.775 * AX[e] + 2.0315 * AAX[e];
    }
    for (const bool tall : {false, true}) {
      Tensor given = tall ? Tensor::empty({C, R}) : g;
      for (int64_t i = 0; tall && i < R; ++i)
        for (int64_t j = 0; j < C; ++j) given.data<float>()[j * R + i] = g.data<float>()[i * C + j];
      const Tensor y = orthogonalize(given);
      for (int64_t i = 0; i < R; ++i)
        for (int64_t j = 0; j < C; ++j)
          ASSERT_NEAR(y.data<float>()[tall ? j * R + i : i * C + j], x[i * C + j], 1e-3);
    }
  }
}

// Tokens of weight 0 are left out of the last block; the loss and its gradients stay the same.
TEST(LanguageModelLoss, IsThatOfAllRows) {
  GptConfig c;
  c.layers = 2, c.width = 8, c.heads = 2, c.context = 6, c.vocab = 7;
  Parameters parameters;
  const Gpt gpt(parameters.root(), c);
  parameters.allocate(true);
  parameters.initialize(7);
  for (const size_t every : {size_t{1}, size_t{3}, size_t{100}}) {
    Batch batch;
    batch.tokens = Tensor::empty({2, 6}, DType::i32);
    batch.targets = Tensor::empty({12}, DType::i32);
    batch.weights = Tensor::zeros({12});
    for (size_t n = 0; n < 12; ++n) {
      batch.tokens.data<int32_t>()[n] = static_cast<int32_t>(3 * n % 7);
      batch.targets.data<int32_t>()[n] = static_cast<int32_t>(5 * n % 7);
      if (n % every == 1 % every) batch.weights.data<float>()[n] = 0.5f + static_cast<float>(n);
    }
    const auto gradients = [&](const auto& loss_of) {
      Tape tape;
      parameters.watch(tape, false);
      const Tensor loss = loss_of();
      tape.backward(loss);
      const auto g = parameters.grads().data<float>();
      std::vector<float> all(g.begin(), g.end());
      all.push_back(loss.data<float>()[0]);
      return all;
    };
    const auto seen = gradients([&] { return language_model_loss(gpt, batch, 9); });
    const auto wanted = gradients([&] {
      return ops::linear_cross_entropy(gpt.hidden(batch.tokens), gpt.head(), batch.targets,
                                       batch.weights, 9);
    });
    for (size_t i = 0; i < seen.size(); ++i) ASSERT_NEAR(seen[i], wanted[i], 1e-5) << every;
  }
}

struct Toy {
  Toy() {
    parameters.root().normal(e, "e", ParameterKind::embedding, {4, 6}, 1);
    parameters.root().normal(w, "w", ParameterKind::matrix, {6, 4}, 1);
    parameters.root().normal(u, "u", ParameterKind::matrix, {4, 4}, 1);
    parameters.root().constant(b, "b", ParameterKind::vector, {5}, 1);
    parameters.allocate(true);
    parameters.initialize(3);
    for (int64_t i = 0; i < parameters.numel(); ++i)
      parameters.grads().data<float>()[i] = 0.01f * static_cast<float>(i % 7 - 3);
  }
  Tensor e, w, u, b;
  Parameters parameters;
};

// Shards updated one by one are the same bits as the whole block updated at once.
TEST(Optimizer, ShardsEqualTheWhole) {
  for (OptimizerKind kind : {OptimizerKind::adamw, OptimizerKind::muon}) {
    OptimizerConfig c;
    c.kind = kind;
    Toy whole, parts;
    Optimizer one(c, whole.parameters, 0, whole.parameters.numel());
    const auto bounds = Optimizer::shards(c, parts.parameters, 3);
    ASSERT_EQ(bounds.size(), 4u);
    std::vector<std::unique_ptr<Optimizer>> shards;
    for (size_t r = 0; r < 3; ++r)
      shards.push_back(std::make_unique<Optimizer>(c, parts.parameters, bounds[r], bounds[r + 1]));
    for (int step = 1; step <= 3; ++step) {
      one.update(whole.parameters, 0.5, 0.7, step);
      for (const auto& shard : shards) shard->update(parts.parameters, 0.5, 0.7, step);
    }
    const auto x = whole.parameters.values().data<float>(),
               y = parts.parameters.values().data<float>();
    EXPECT_TRUE(std::equal(x.begin(), x.end(), y.begin())) << static_cast<int>(kind);
  }
}

TEST(Optimizer, DecaysAllButVectors) {
  OptimizerConfig c;
  c.lr = 0.1;
  c.weight_decay = 0.5;
  Toy toy;
  std::ranges::fill(toy.parameters.grads().data<float>(), 0.0f);
  const float e = toy.e.data<float>()[0], b = toy.b.data<float>()[0];
  Optimizer(c, toy.parameters, 0, toy.parameters.numel()).update(toy.parameters, 1, 1, 1);
  EXPECT_FLOAT_EQ(toy.e.data<float>()[0], e * 0.95f);
  EXPECT_FLOAT_EQ(toy.b.data<float>()[0], b);
}

// lr sqrt(1-b2^t)/(1-b1^t) m/(sqrt(v) + eps), with eps as large as sqrt(v), where the place
// matters.
TEST(Optimizer, EpsilonMayStandBesideTheRawMoment) {
  for (const AdamEpsilon place : {AdamEpsilon::corrected, AdamEpsilon::raw}) {
    OptimizerConfig c;
    c.lr = 0.1, c.weight_decay = 0, c.eps = 0.01, c.eps_added_to = place;
    Toy toy;
    const double g = toy.parameters.grads().data<float>()[0],
                 before = toy.parameters.values().data<float>()[0];
    Optimizer optimizer(c, toy.parameters, 0, toy.parameters.numel());
    double m = 0, v = 0, value = before;
    for (int t = 1; t <= 3; ++t) {
      optimizer.update(toy.parameters, 1, 1, t);
      m = c.beta1 * m + (1 - c.beta1) * g, v = c.beta2 * v + (1 - c.beta2) * g * g;
      const double m_scale = 1 - std::pow(c.beta1, t),
                   v_scale = std::sqrt(1 - std::pow(c.beta2, t));
      value -= place == AdamEpsilon::raw ? c.lr * v_scale / m_scale * m / (std::sqrt(v) + c.eps)
                                         : c.lr * (m / m_scale) / (std::sqrt(v) / v_scale + c.eps);
    }
    EXPECT_NEAR(toy.parameters.values().data<float>()[0], value, 1e-5);
  }
}

TEST(DivergenceGuard, SkipsThenStopsAtNonFiniteLosses) {
  DivergenceGuard guard({}, {});
  EXPECT_TRUE(guard.judge("n", 1, 3.0, 1.0).update);
  const auto verdict = guard.judge("n", 2, NAN, 1.0);
  EXPECT_FALSE(verdict.update);
  EXPECT_NE(verdict.why.find("step skipped"), std::string::npos);
  EXPECT_FALSE(guard.judge("n", 3, 3.0, INFINITY).update);
  EXPECT_TRUE(guard.judge("n", 4, 3.0, 1.0).update);  // the row of skips ends
  const auto say = testing::error_of([&] {
    for (int64_t step = 5;; ++step) guard.judge("davinci", step, NAN, 1.0);
  });
  EXPECT_EQ(say.find("davinci: diverged at step 10"), 0u) << say;
  EXPECT_EQ(guard.state().skipped, 8);
}

TEST(DivergenceGuard, SkipsASpikeAndNotABeginning) {
  DivergenceGuard guard({}, {});
  for (int64_t step = 1; step <= 100; ++step)
    EXPECT_TRUE(guard.judge("n", step, 8.0 - 0.05 * static_cast<double>(step), 1).update);
  EXPECT_FALSE(guard.judge("n", 101, 20.0, 1).update);
  EXPECT_TRUE(guard.judge("n", 102, 3.1, 1).update);
  GuardConfig stop;
  stop.spike = GuardAction::stop;
  DivergenceGuard strict(stop, guard.state());
  EXPECT_NE(testing::error_of([&] { strict.judge("n", 103, 20.0, 1); }).find("is a spike"),
            std::string::npos);
}

}  // namespace
}  // namespace lineage
