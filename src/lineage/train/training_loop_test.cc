#include "lineage/train/training_loop.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <numeric>

#include "lineage/base/error.h"
#include "lineage/base/interrupted.h"
#include "lineage/base/testing.h"
#include "lineage/comm/threads.h"
#include "lineage/nn/parameters.h"
#include "lineage/ops/ops.h"
#include "lineage/ops/tape.h"
#include "lineage/ops/testing.h"
#include "lineage/train/trainer.h"

namespace lineage {
namespace {

namespace fs = std::filesystem;

// A matrix that classifies vectors of 3 into 5.
struct Classifier {
  explicit Classifier(uint64_t seed) {
    parameters.root().normal(weight, "weight", ParameterKind::matrix, {5, 3}, 1);
    parameters.allocate(true);
    parameters.initialize(seed);
  }
  std::vector<float> values() const {
    const auto x = parameters.values().data<float>();
    return {x.begin(), x.end()};
  }
  Tensor weight;
  Parameters parameters;
};

MicroBatch batch_for(Classifier& model, const Tensor& x, const Tensor& targets) {
  return {static_cast<double>(x.dim(0)), [&model, x, targets](float total) {
            return ops::linear_cross_entropy(x, model.weight, targets, Tensor::full({x.dim(0)}, 1),
                                             total);
          }};
}

// Like PPO: the first model's outputs are the second one's data, both are trained, and the stage
// has metrics of its own.
std::vector<float> train_two(const fs::path& folder, int64_t interrupt_after) {
  fs::create_directories(folder);
  constexpr int64_t kSteps = 12;
  Classifier policy(1), value(2);
  const auto ranks = single_process();
  Trainer policy_trainer("node", policy.parameters, {}, {}, *ranks);
  Trainer value_trainer("node", value.parameters, {}, {}, *ranks);
  LoopSteps steps;
  steps.count = kSteps;
  steps.tokens = 4 * kSteps;
  steps.shown = {"reward"};
  steps.step = [&](int64_t index) {
    const Tensor x = testing::random_tensor({4, 3}, static_cast<uint64_t>(index), 1);
    const Tensor sampled = ops::linear(x, policy.weight);  // (4,5)
    Tensor targets = Tensor::empty({4}, DType::i32);
    for (int64_t n = 0; n < 4; ++n) {
      const auto row = sampled.data<float>().subspan(static_cast<size_t>(5 * n), 5);
      targets.data<int32_t>()[n] =
          static_cast<int32_t>(std::ranges::max_element(row) - row.begin());
    }
    double reward = 0;
    MicroBatch own = batch_for(policy, x, Tensor::zeros({4}, DType::i32));
    const MicroBatch counted{own.weight, [&](float total) {
                               for (const int32_t t : targets.data<int32_t>())
                                 reward += (t == 0) / static_cast<double>(total);
                               return own.loss(total);
                             }};
    const auto first = policy_trainer.step({&counted, 1}, 1, {&reward, 1});
    const MicroBatch second = batch_for(value, x, targets);
    value_trainer.step({&second, 1}, 0.5);
    StepReport report;
    report.tokens = 4;
    report.values = {{{"reward"}, reward}, {{"policy_loss"}, first.loss}};
    return report;
  };
  steps.save = [&](TrainingState& state) {
    policy_trainer.save(state, "policy.");
    value_trainer.save(state, "value.");
  };
  steps.restore = [&](const TrainingState& state) {
    policy_trainer.restore(state, "policy.");
    value_trainer.restore(state, "value.");
  };
  LoopContext context{"node", folder, *ranks, silent(), {}, 0, {}};
  context.interrupted = [&] { return --interrupt_after == 0; };
  run_loop(context, steps);
  std::vector<float> all = policy.values(), others = value.values();
  all.insert(all.end(), others.begin(), others.end());
  return all;
}

TEST(TrainingLoop, TrainsTwoModelsOnDataOfTheirOwnAndResumesBitForBit) {
  const testing::TempFolder folder;
  const auto straight = train_two(folder / "a", 0);
  const auto metrics = read_metrics_file(folder / "a" / "metrics.jsonl");
  ASSERT_EQ(metrics.size(), 12u);
  EXPECT_EQ(metrics.back().tokens, 48);
  EXPECT_TRUE(metrics.back().values.contains({"policy_loss"}));
  EXPECT_THROW(train_two(folder / "b", 5), Interrupted);
  EXPECT_EQ(train_two(folder / "b", 0), straight);
  const auto resumed = read_metrics_file(folder / "b" / "metrics.jsonl");
  ASSERT_EQ(resumed.size(), 12u);
  for (size_t i = 0; i < metrics.size(); ++i) {
    EXPECT_EQ(resumed[i].values, metrics[i].values) << i;
    EXPECT_EQ(resumed[i].tokens, metrics[i].tokens) << i;
  }
}

TEST(Trainer, RefusesAStateOfAnotherModel) {
  Classifier model(1);
  const auto ranks = single_process();
  Trainer trainer("davinci", model.parameters, {}, {}, *ranks);
  TrainingState state;
  trainer.save(state, "policy.");
  EXPECT_NO_THROW(trainer.restore(state, "policy."));
  EXPECT_EQ(testing::error_of([&] { trainer.restore(state, "value."); }),
            "davinci: the saved state has 0 elements of value.values; the model has 15");
}

// However a batch is divided, the step's one normaliser makes the same update; named numbers are
// summed over micro-batches and ranks.
TEST(Trainer, MicroBatchesAndRanksAreOneBatch) {
  const auto train = [](int parts, int world) {
    std::vector<float> result;
    double shared = 0;
    run_ranks(world, [&](Communicator& ranks) {
      Classifier model(3);
      Trainer trainer("n", model.parameters, {}, {}, ranks);
      double sum = 0;
      for (int64_t step = 0; step < 3; ++step) {
        const Tensor x = testing::random_tensor({8, 3}, static_cast<uint64_t>(step), 1);
        const int64_t rows = 8 / (parts * world);
        std::vector<MicroBatch> micro;
        for (int p = 0; p < parts; ++p) {
          const int64_t begin = (ranks.rank() * parts + p) * rows;
          MicroBatch b =
              batch_for(model, x.rows(begin, begin + rows), Tensor::zeros({rows}, DType::i32));
          micro.push_back({b.weight, [b, rows, &sum](float total) {
                             sum += static_cast<double>(static_cast<float>(rows) / total);
                             return b.loss(total);
                           }});
        }
        sum = 0;
        trainer.step(micro, 1, {&sum, 1});
      }
      if (ranks.rank() == 0) result = model.values(), shared = sum;
    });
    EXPECT_DOUBLE_EQ(shared, 1);
    return result;
  };
  const auto whole = train(1, 1), parts = train(4, 1), ranks = train(2, 2);
  for (size_t i = 0; i < whole.size(); ++i) {
    EXPECT_NEAR(parts[i], whole[i], 1e-6);
    EXPECT_NEAR(ranks[i], whole[i], 1e-6);
  }
}

}  // namespace
}  // namespace lineage
