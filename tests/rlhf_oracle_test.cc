// Rewards, advantages and losses against an independent implementation: every folder of
// $LINEAGE_RLHF_FIXTURES, else of $LINEAGE_SHARED/oracles/rlhf, else of ../shared/oracles/rlhf. A
// folder's name is its kind; each README there defines its numbers. The policy is gpt2-tiny of
// $LINEAGE_SHARED/fixtures, else of ../shared/fixtures.

#include <fmt/format.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "huggingface_fixture.h"
#include "lineage/base/file.h"
#include "lineage/comm/communicator.h"
#include "lineage/ops/tape.h"
#include "lineage/rlhf/advantages.h"
#include "lineage/rlhf/answer_rows.h"
#include "lineage/rlhf/kl_controller.h"
#include "lineage/rlhf/losses.h"
#include "lineage/train/language_model.h"
#include "lineage/train/trainer.h"

namespace lineage {
namespace {

using namespace lineage::testing;
using nlohmann::json;

// Ten times what float32 arithmetic alone changes (the README of the oracles).
constexpr double kScalars = 7e-6, kArrays = 2e-5, kGradients = 6e-5, kParameters = 3e-3;

fs::path shared_folder() {
  const char* shared = std::getenv("LINEAGE_SHARED");
  return shared ? fs::path(shared) : fs::path(LINEAGE_SOURCE_DIR) / "../shared";
}
fs::path oracles_folder() {
  const char* folder = std::getenv("LINEAGE_RLHF_FIXTURES");
  return folder ? fs::path(folder) : shared_folder() / "oracles/rlhf";
}

class RlhfOracle : public ::testing::Test {
 protected:
  // Reads the folder of a kind; false, and the test is skipped, where it is absent.
  bool open(const std::string& kind) {
    folder_ = oracles_folder() / kind;
    if (!fs::exists(folder_ / "expected.safetensors")) return false;
    settings = json::parse(read_file(folder_ / "inputs.json"));
    scalars_ = json::parse(read_file(folder_ / "expected.json"));
    inputs = std::make_unique<SafetensorsFile>(folder_ / "inputs.safetensors");
    expected = std::make_unique<SafetensorsFile>(folder_ / "expected.safetensors");
    return true;
  }
  static fs::path policy() { return shared_folder() / "fixtures/gpt2-tiny"; }
  static fs::path other_model(const char* name) { return oracles_folder() / "models" / name; }

  void expect_scalar(const std::string& name, double seen) const {
    const double wanted = scalars_.at(name);
    EXPECT_NEAR(seen, wanted, kScalars * std::max(1.0, std::abs(wanted))) << name;
  }
  std::vector<int32_t> ints(const std::string& name) const {
    const Tensor t = inputs->read(name);
    return {t.data<int32_t>().begin(), t.data<int32_t>().end()};
  }
  // Rows of prompts and answers, right padded, as texts; `prefix` as in "chosen.".
  std::vector<AnsweredPrompt> texts(const std::string& prefix = "",
                                    const std::string& prompt_lengths = "prompt_lengths") {
    const Tensor ids = inputs->read(prefix + "input_ids");
    kept_.push_back(ids);
    const auto all = ids.data<int32_t>();
    const std::vector<int32_t> p = ints(prompt_lengths), a = ints(prefix + "answer_lengths");
    std::vector<AnsweredPrompt> out;
    for (size_t i = 0; i < p.size(); ++i) {
      const auto row = std::span<const Token>(all).subspan(i * static_cast<size_t>(ids.dim(1)));
      out.push_back({row.first(p[i]), row.subspan(p[i], a[i])});
    }
    return out;
  }
  // The real elements of an array (N,A), answer after answer.
  std::vector<float> ragged(const SafetensorsFile& file, const std::string& name,
                            std::span<const int64_t> first) const {
    const Tensor t = file.read(name);
    std::vector<float> out;
    for (int64_t i = 0; i + 1 < std::ssize(first); ++i) {
      const auto row = t.rows(i, i + 1).data<float>();
      out.insert(out.end(), row.begin(), row.begin() + (first[i + 1] - first[i]));
    }
    return out;
  }
  void expect_array(const std::string& name, std::span<const float> seen,
                    std::span<const int64_t> first) const {
    expect_near(name, seen, ragged(*expected, name, first));
  }
  void expect_vector(const std::string& name, std::span<const float> seen) const {
    const Tensor t = expected->read(name);
    expect_near(name, seen, t.data<float>());
  }
  template <class Seen, class Wanted>
  static void expect_near(const std::string& name, const Seen& seen, const Wanted& wanted,
                          double tolerance = kArrays) {
    ASSERT_EQ(seen.size(), wanted.size()) << name;
    double largest = 1e-12, difference = 0;
    for (size_t i = 0; i < wanted.size(); ++i) {
      largest = std::max(largest, std::abs(static_cast<double>(wanted[i])));
      difference = std::max(difference, std::abs(static_cast<double>(seen[i]) - wanted[i]));
    }
    EXPECT_LE(difference, tolerance * largest) << name;
  }
  // Gradients of the whole model; a tensor whose gradient is 0 is compared absolutely.
  void expect_gradients(const Fixture& fixture, const std::string& prefix) const {
    fixture.compare(
        *expected, prefix, [](const Parameter& p) { return p.grad; },
        [&](const std::string& name, const Tensor& seen, const Tensor& wanted) {
          const auto w = wanted.data<float>();
          double largest = 0;
          for (const float x : w) largest = std::max(largest, std::abs(static_cast<double>(x)));
          EXPECT_LE(largest_difference(seen, wanted), largest > 1e-6 ? kGradients * largest : 1e-6)
              << name;
        });
  }
  template <class Loss>
  static double gradients(Model& model, const Loss& loss) {
    Tape tape;
    model.parameters->watch(tape, false);
    const Tensor value = loss();
    tape.backward(value);
    return value.data<float>()[0];
  }

  json settings;
  std::unique_ptr<SafetensorsFile> inputs, expected;

 private:
  fs::path folder_;
  json scalars_;
  std::vector<Tensor> kept_;  // that texts point into
};

#define OPEN_OR_SKIP(kind) \
  if (!open(kind)) GTEST_SKIP() << "no folder " << kind << " in " << oracles_folder()

std::vector<int64_t> offsets(const std::vector<int32_t>& lengths) {
  std::vector<int64_t> first = {0};
  for (const int32_t n : lengths) first.push_back(first.back() + n);
  return first;
}

TEST_F(RlhfOracle, EveryFolderIsOfAKnownKind) {
  if (!fs::exists(oracles_folder())) GTEST_SKIP() << "no " << oracles_folder();
  const std::set<std::string> known = {"models", "reward_model", "gae",         "ppo",   "ptx",
                                       "dpo",    "grouped",      "adaptive_kl", "dialog"};
  for (const auto& entry : fs::directory_iterator(oracles_folder()))
    EXPECT_TRUE(!entry.is_directory() || known.contains(entry.path().filename())) << entry.path();
}

TEST_F(RlhfOracle, RewardModel) {
  OPEN_OR_SKIP("reward_model");
  Fixture fixture(policy(), "reward_head", *inputs);
  const AnswerRows rows = answer_rows(texts(), fixture.model.config.context);
  const std::vector<int32_t> ranks = ints("ranks"), prompt_of = ints("prompt_of");
  std::vector<int64_t> first = {0};
  for (size_t i = 1; i <= prompt_of.size(); ++i)
    if (i == prompt_of.size() || prompt_of[i] != prompt_of[i - 1])
      first.push_back(static_cast<int64_t>(i));

  std::vector<int32_t> pair_better, pair_worse;
  for (size_t p = 0; p + 1 < first.size(); ++p)
    for (const RankedPair& pair : ranked_pairs(std::span(ranks).subspan(
             static_cast<size_t>(first[p]), static_cast<size_t>(first[p + 1] - first[p])))) {
      pair_better.push_back(static_cast<int32_t>(first[p]) + pair.better);
      pair_worse.push_back(static_cast<int32_t>(first[p]) + pair.worse);
    }
  const Tensor better = expected->read("pair_better"), worse = expected->read("pair_worse");
  EXPECT_TRUE(std::ranges::equal(pair_better, better.data<int32_t>()));
  EXPECT_TRUE(std::ranges::equal(pair_worse, worse.data<int32_t>()));

  const auto prompts = static_cast<double>(prompts_with_pair(ranks, first));
  RankingLoss loss;
  Tensor rewards;
  gradients(fixture.model, [&] {
    rewards = answer_rewards(*fixture.model.gpt, rows);
    loss = ranking_loss(rewards.data<float>(), ranks, first, prompts);
    return differentiable(rewards, loss);
  });
  expect_vector("rewards", rewards.data<float>());
  expect_scalar("loss", loss.loss);
  expect_scalar("accuracy", static_cast<double>(loss.right) / static_cast<double>(loss.pairs));
  EXPECT_EQ(loss.pairs, better.numel());
  expect_gradients(fixture, "grad.");
}

TEST_F(RlhfOracle, Gae) {
  OPEN_OR_SKIP("gae");
  const std::vector<int64_t> first = offsets(ints("answer_lengths"));
  const auto log_probs = ragged(*inputs, "logprobs", first),
             reference = ragged(*inputs, "ref_logprobs", first),
             values = ragged(*inputs, "values", first);
  const Tensor scores = inputs->read("scores");
  const double beta = settings.at("beta");

  const std::vector<double> kl = answer_kl(log_probs, reference, first);
  double mean = 0;
  for (const double x : kl) mean += x / static_cast<double>(kl.size());
  expect_vector("sequence_kl", std::vector<float>(kl.begin(), kl.end()));
  expect_scalar("mean_kl", mean);
  const std::vector<float> rewards =
      kl_rewards(log_probs, reference, scores.data<float>(), first, beta);
  expect_array("rewards", rewards, first);

  const auto alone = single_process();
  std::vector<float> whitened = rewards;
  whiten(whitened, moments(whitened, *alone), WhitenMean::keep);
  expect_array("rewards_whitened_mean_kept", whitened, first);
  for (const std::string kind : {"g1_l95", "g99_l90"}) {
    Advantages a = generalised_advantages(rewards, values, first, settings.at(kind).at("gamma"),
                                          settings.at(kind).at("lambda"));
    expect_array(kind + ".advantages", a.advantages, first);
    expect_array(kind + ".returns", a.returns, first);
    const Moments m = moments(a.advantages, *alone);
    expect_scalar(kind + ".advantage_mean", m.mean);
    expect_scalar(kind + ".advantage_variance", m.variance);
    whiten(a.advantages, m);
    expect_array(kind + ".advantages_whitened", a.advantages, first);
  }
}

TEST_F(RlhfOracle, Ppo) {
  OPEN_OR_SKIP("ppo");
  Fixture fixture(policy());
  const AnswerRows rows = answer_rows(texts(), fixture.model.config.context);
  const auto advantages = ragged(*inputs, "advantages", rows.first);
  const auto M = static_cast<double>(rows.answer_tokens());
  for (const std::string kind : {"t1", "tlow"}) {
    const auto temperature = settings.at("temperatures").at(kind).get<float>();
    const auto old = ragged(*inputs, kind + ".old_logprobs", rows.first);
    PolicyLoss loss;
    ops::LogProbs now;
    gradients(fixture.model, [&] {
      now = answer_log_probs(*fixture.model.gpt, rows, temperature);
      loss =
          clipped_policy_loss(now.log_probs.data<float>(), old, advantages, settings.at("clip"), M);
      return differentiable(now.log_probs, loss);
    });
    expect_array(kind + ".logprobs", now.log_probs.data<float>(), rows.first);
    expect_scalar(kind + ".policy_loss", loss.loss);
    expect_scalar(kind + ".approx_kl_k1", loss.sums.k1 / M);
    expect_scalar(kind + ".approx_kl_k2", loss.sums.k2 / M);
    expect_scalar(kind + ".approx_kl_k3", loss.sums.k3 / M);
    expect_scalar(kind + ".clip_fraction", loss.sums.clipped / M);
    expect_scalar(kind + ".clip_fraction_binding", loss.sums.binding / M);
    const Tensor entropies =
        answer_log_probs(*fixture.model.gpt, rows, temperature, true).entropies;
    double entropy = 0;
    for (const float e : entropies.data<float>()) entropy += e / M;
    expect_scalar(kind + ".entropy", entropy);
    expect_gradients(fixture, kind + ".grad.");
  }
}

TEST_F(RlhfOracle, PpoValue) {
  OPEN_OR_SKIP("ppo");
  Fixture fixture(other_model("value"), "value_head", *inputs);
  const AnswerRows rows = answer_rows(texts(), fixture.model.config.context);
  const auto old = ragged(*inputs, "old_values", rows.first),
             returns = ragged(*inputs, "returns", rows.first);
  const auto M = static_cast<double>(rows.answer_tokens());
  ValueLoss loss;
  Tensor values;
  gradients(fixture.model, [&] {
    values = answer_values(*fixture.model.gpt, rows);
    loss = clipped_value_loss(values.data<float>(), old, returns, settings.at("value_clip"), M);
    return differentiable(values, loss);
  });
  expect_array("values", values.data<float>(), rows.first);
  expect_scalar("value_loss", loss.loss);
  expect_scalar("value_clip_fraction", loss.sums.clipped / M);
  expect_scalar("value_clip_fraction_binding", loss.sums.binding / M);
  expect_scalar("explained_variance", explained_variance(values.data<float>(), returns));
  expect_gradients(fixture, "value.grad.");
}

// PPO's loss and that of pretraining text through Trainer::step().
TEST_F(RlhfOracle, Ptx) {
  OPEN_OR_SKIP("ptx");
  for (const std::string kind : {"given", "ratio", "ratio.warm"}) {
    const bool warm = kind == "ratio.warm", given = kind == "given";
    const std::string prefix = given ? "given." : "ratio.";
    Fixture fixture(policy());
    Model& model = fixture.model;
    const AnswerRows rows = answer_rows(texts(), model.config.context);
    const auto advantages = ragged(*inputs, "advantages", rows.first),
               old = ragged(*inputs, "t1.old_logprobs", rows.first);
    const auto M = static_cast<double>(rows.answer_tokens());
    const MicroBatch ppo{M, [&](float tokens) {
                           const Tensor now = answer_log_probs(*model.gpt, rows).log_probs;
                           return differentiable(
                               now, clipped_policy_loss(now.data<float>(), old, advantages,
                                                        settings.at("clip"), tokens));
                         }};
    Batch lm;
    lm.tokens = inputs->read("lm.input_ids");
    const int64_t B = lm.tokens.dim(0), T = lm.tokens.dim(1);
    lm.targets = inputs->read("lm.targets").view({B * T});
    lm.weights = Tensor::full({B * T}, 1);
    lm.total_weight = static_cast<double>(B * T);
    const MicroBatch text = language_model_batch(*model.gpt, lm);

    const auto alone = single_process();
    OptimizerConfig optimizer;
    optimizer.lr = settings.at("lr");
    optimizer.beta1 = settings.at("beta1");
    optimizer.beta2 = settings.at("beta2");
    optimizer.eps = settings.at("eps");
    optimizer.weight_decay = settings.at("weight_decay");
    optimizer.clip = settings.at("max_grad_norm");
    Trainer trainer("oracle", *model.parameters, optimizer, {}, *alone);
    TrainingState before;
    trainer.save(before);
    if (warm) {
      before.tensors.at("v") = Tensor::full({model.parameters->numel()}, settings.at("warm_v"));
      before.json["steps"] = settings.at("warm_steps");
      trainer.restore(before);
    }
    AddedLoss added{.micro_batches = {&text, 1}};
    added.relative = !given;
    added.weight = settings.at(given ? "gamma" : "ratio");
    const Trainer::Step step = trainer.step({&ppo, 1}, 1, {}, added);
    expect_scalar("ppo_loss", step.loss);
    expect_scalar("lm_loss", step.added_loss);
    expect_scalar("ppo_grad_norm", step.first_norm);
    expect_scalar("lm_grad_norm", step.added_norm);
    expect_scalar(prefix + "gamma", step.added_weight);
    expect_scalar(prefix + "loss", step.loss + step.added_weight * step.added_loss);
    expect_scalar(prefix + "grad_norm", step.grad_norm);
    expect_gradients(fixture, prefix + "grad.");
    fixture.compare(
        *expected, warm ? "ratio.warm_after." : prefix + "after.",
        [](const Parameter& p) { return p.value; },
        [&](const std::string& name, const Tensor& seen, const Tensor& wanted) {
          // Where a gradient is near epsilon, its rounding moves a first step.
          EXPECT_LE(largest_difference(seen, wanted) / optimizer.lr, kParameters) << name;
        });
  }
}

TEST_F(RlhfOracle, Dpo) {
  OPEN_OR_SKIP("dpo");
  Fixture fixture(policy()), other(other_model("reference"));
  const auto chosen = texts("chosen."), rejected = texts("rejected.");
  std::vector<AnsweredPrompt> pairs;
  for (size_t i = 0; i < chosen.size(); ++i) {
    pairs.push_back(chosen[i]);
    pairs.push_back(rejected[i]);
  }
  const AnswerRows rows = answer_rows(pairs, fixture.model.config.context);
  const Tensor reference = answer_log_probs(*other.model.gpt, rows).log_probs;
  const auto N = static_cast<double>(chosen.size());
  for (const std::string kind : {"dpo", "conservative", "ipo"}) {
    PreferenceLossSpec spec;
    spec.beta = settings.at("beta");
    if (kind == "conservative") spec.label_smoothing = settings.at("label_smoothing");
    if (kind == "ipo") spec.kind = PreferenceLossKind::ipo;
    PreferenceLoss loss;
    gradients(fixture.model, [&] {
      const Tensor now = answer_log_probs(*fixture.model.gpt, rows).log_probs;
      loss = preference_loss(now.data<float>(), reference.data<float>(), rows.first, N, spec);
      return differentiable(now, loss);
    });
    expect_vector(kind + ".losses", std::vector<float>(loss.losses.begin(), loss.losses.end()));
    expect_scalar(kind + ".loss", loss.loss);
    expect_scalar("accuracy", static_cast<double>(loss.right) / N);
    expect_gradients(fixture, kind + ".grad.");
  }
}

TEST_F(RlhfOracle, Grouped) {
  OPEN_OR_SKIP("grouped");
  Fixture fixture(policy()), other(other_model("reference"));
  const AnswerRows rows = answer_rows(texts(), fixture.model.config.context);
  const Tensor rewards = inputs->read("rewards");
  const int64_t group = settings.at("group_size");
  const auto old = ragged(*inputs, "old_logprobs", rows.first);
  const Tensor reference = answer_log_probs(*other.model.gpt, rows).log_probs;
  expect_array("ref_logprobs", reference.data<float>(), rows.first);
  const GroupTotals totals{static_cast<double>(rows.answers()),
                           static_cast<double>(rows.answer_tokens())};
  struct Kind {
    std::string name, advantages;
    Baseline baseline;
    Averaging averaging;
    bool clipped;
  };
  const std::vector<Kind> kinds = {
      {"rloo", "rloo", Baseline::leave_one_out, Averaging::sum_of_answer, false},
      {"grpo", "grpo", Baseline::group_normalised, Averaging::mean_of_answer, true},
      {"grpo_no_std", "grpo_no_std", Baseline::group_mean, Averaging::mean_of_answer, true},
      {"grpo_token_mean", "grpo", Baseline::group_normalised, Averaging::mean_of_tokens, true}};
  for (const Kind& kind : kinds) {
    const std::vector<float> advantages =
        group_advantages(rewards.data<float>(), group, kind.baseline);
    expect_vector(kind.advantages + ".advantages", advantages);
    GroupLossSpec spec{.averaging = kind.averaging};
    spec.clip = kind.clipped ? settings.at("clip").get<double>() : 0;
    spec.kl_weight = settings.at("beta");
    GroupLoss loss;
    gradients(fixture.model, [&] {
      const Tensor now = answer_log_probs(*fixture.model.gpt, rows).log_probs;
      loss = group_loss(now.data<float>(), old, reference.data<float>(), advantages, rows.first,
                        totals, spec);
      return differentiable(now, loss);
    });
    expect_scalar(kind.name + ".policy_loss", loss.policy);
    expect_scalar(kind.name + ".kl", loss.kl);
    expect_scalar(kind.name + ".loss", loss.loss);
    expect_gradients(fixture, kind.name + ".grad.");
  }
}

TEST_F(RlhfOracle, AdaptiveKl) {
  OPEN_OR_SKIP("adaptive_kl");
  const Tensor kl = inputs->read("kl");
  for (const std::string kind : {"beta", "horizon.beta"}) {
    KlController controller;
    controller.beta = settings.at("beta");
    controller.target = settings.at("target");
    controller.largest_error = settings.at("error_clip");
    controller.gain = kind == "beta" ? settings.at("k_beta").get<double>()
                                     : settings.at("n_steps").get<double>() /
                                           settings.at("horizon").get<double>();
    std::vector<float> beta = {static_cast<float>(controller.beta)};
    for (const float x : kl.data<float>()) {
      controller.update(x);
      beta.push_back(static_cast<float>(controller.beta));
    }
    expect_vector(kind, beta);
  }
  for (const std::string tensor : {"a", "b"}) {
    WeightAverage average(inputs->read("weights.0." + tensor), settings.at("ema_decay"));
    for (int t = 1; t <= 3; ++t) {
      average.update(inputs->read(fmt::format("weights.{}.{}", t, tensor)));
      expect_vector(fmt::format("ema.{}.{}", t, tensor), average.values().data<float>());
    }
  }
}

TEST_F(RlhfOracle, Dialog) {
  OPEN_OR_SKIP("dialog");
  Fixture fixture(policy());
  Batch batch;
  batch.tokens = inputs->read("input_ids");
  const int64_t N = batch.tokens.numel();
  batch.targets = inputs->read("targets").view({N});
  batch.weights = inputs->read("weights").view({N});
  for (const float w : batch.weights.data<float>()) batch.total_weight += w;
  expect_scalar("weight_sum", batch.total_weight);
  const double loss = gradients(fixture.model, [&] {
    return language_model_loss(*fixture.model.gpt, batch, static_cast<float>(batch.total_weight));
  });
  expect_scalar("loss", loss);
  expect_gradients(fixture, "grad.");
}

}  // namespace
}  // namespace lineage
