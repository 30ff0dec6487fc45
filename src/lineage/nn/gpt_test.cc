#include "lineage/nn/gpt.h"

#include <gtest/gtest.h>

#include <numbers>
#include <numeric>

#include "lineage/base/error.h"
#include "lineage/ops/ops.h"
#include "lineage/ops/tape.h"
#include "lineage/ops/testing.h"

namespace lineage {
namespace {

using testing::error_of;

GptConfig small() {
  GptConfig c;
  c.layers = 2;
  c.width = 24;
  c.heads = 4;
  c.context = 12;
  c.vocab = 19;
  return c;
}

GptConfig modern() {
  GptConfig c = small();
  c.norm = Norm::rms;
  c.positions = Positions::rotary;
  c.activation = Activation::swiglu;
  c.qk_norm = true;
  c.token_shift = true;
  c.bias = false;
  c.kv_heads = 2;
  c.window = 5;
  c.tied = false;
  return c;
}

struct Built {
  explicit Built(const GptConfig& c, bool grads = true) : gpt(parameters.root(), c) {
    parameters.allocate(grads);
    parameters.initialize(7);
  }
  Parameters parameters;
  Gpt gpt;
};

Tensor some_tokens(int64_t B, int64_t T, int64_t vocab) {
  Tensor tokens = Tensor::empty({B, T}, DType::i32);
  const Rng rng(5);
  for (int64_t i = 0; i < B * T; ++i)
    tokens.data<int32_t>()[i] =
        static_cast<int32_t>(rng.below(static_cast<uint64_t>(vocab), static_cast<uint64_t>(i)));
  return tokens;
}

std::vector<GptConfig> architectures() {
  GptConfig alibi = small(), untied_relu = small();
  alibi.positions = Positions::alibi;
  untied_relu.activation = Activation::relu_squared;
  untied_relu.tied = false;
  untied_relu.position_offset = 2;
  untied_relu.token_shift = true;
  GptConfig post_norm = small(), parallel = modern();  // as OPT-350m and GPT-NeoX, and more of each
  post_norm.block_form = BlockForm::post_norm;
  post_norm.embedding_width = 16;
  post_norm.embedding_norm = true;
  post_norm.token_shift = true;
  parallel.block_form = BlockForm::parallel;
  parallel.rotary_width = 4;
  parallel.rotary_scaling = {RotaryScalingKind::llama3, 4, 1, 4, 8};
  parallel.qkv_bias = Biases::yes;
  parallel.window_blocks = WindowBlocks::all;
  return {small(), modern(), alibi, untied_relu, post_norm, parallel};
}

TEST(Gpt, CountsItsParameters) {
  for (const GptConfig& c : architectures())
    EXPECT_EQ(Built(c).parameters.numel(), parameter_count(c));
  // Two blocks of 12 width² and the token table, which is the head.
  EXPECT_EQ(matmul_parameters(small()), 2 * 12 * 24 * 24 + 19 * 24);
  GptConfig untied = small();
  untied.tied = false;
  EXPECT_EQ(matmul_parameters(untied), matmul_parameters(small()));
  GptConfig gpt2;
  gpt2.vocab = 50257;
  EXPECT_EQ(parameter_count(gpt2), 124439808);  // GPT-2's published 124M
}

TEST(Gpt, InitialValuesDependOnSeedAndNameAlone) {
  GptConfig one = small(), three = small();
  one.layers = 1;
  three.layers = 3;
  one.zero_residual = three.zero_residual = true;  // the other choice scales with the layers
  const Built a(one), b(three);
  for (const Parameter& p : a.parameters.all()) {
    const auto x = p.value.data<float>(), y = b.parameters.at(p.name).value.data<float>();
    EXPECT_TRUE(std::equal(x.begin(), x.end(), y.begin())) << p.name;
  }
}

TEST(Gpt, DecayedParametersComeFirst) {
  const Built m(small());
  int64_t end = 0;
  for (const Parameter& p : m.parameters.all()) {
    EXPECT_EQ(p.begin, end);
    end += p.value.numel();
    EXPECT_EQ(p.kind != ParameterKind::vector, p.begin < m.parameters.decayed()) << p.name;
  }
  EXPECT_EQ(end, m.parameters.numel());
}

TEST(Gpt, UnknownParameterNamesTheNearest) {
  const Built m(small());
  try {
    m.parameters.at("blocks.0.atention.qkv.weight");
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.hint(), "did you mean blocks.0.attention.qkv.weight?");
  }
}

// A later token never changes what came before, and a token of another document changes nothing.
TEST(Gpt, IsCausalAndKeepsDocumentsApart) {
  for (const GptConfig& c : architectures()) {
    const Built m(c);
    Tensor tokens = some_tokens(1, 12, c.vocab);
    std::vector<int32_t> first(12, 0);
    std::fill(first.begin() + 6, first.end(), 6);
    const Tensor starts = Tensor::from({12}, std::span<const int32_t>(first));
    const Tensor before = m.gpt.hidden(tokens, {}, starts);
    for (size_t t : {3, 5})  // 5 is the last before the other document begins
      tokens.data<int32_t>()[t] = (tokens.data<int32_t>()[t] + 1) % 19;
    const Tensor after = m.gpt.hidden(tokens, {}, starts);
    const auto same = [&](int64_t t) {
      const auto x = before.rows(t, t + 1), y = after.rows(t, t + 1);
      return std::equal(x.data<float>().begin(), x.data<float>().end(), y.data<float>().begin());
    };
    for (int64_t t : {0, 1, 2, 6, 7, 11}) EXPECT_TRUE(same(t)) << t;
    for (int64_t t : {3, 5}) EXPECT_FALSE(same(t)) << t;
  }
}

TEST(Gpt, CachedDecodingAgreesWithTheFullForward) {
  for (const GptConfig& c : architectures()) {
    Built m(c);
    const Tensor tokens = some_tokens(1, 12, c.vocab);
    const Tensor full = m.gpt.logits(m.gpt.hidden(tokens));  // (12,V)
    const PackedGpt packed(m.gpt);
    KvCache cache(c, 3, 12);
    const auto row = [](int32_t v) { return Tensor::from({1}, std::span<const int32_t>(&v, 1)); };
    for (int64_t t = 0; t < 12; ++t) {
      const Tensor h = packed.hidden(row(tokens.data<int32_t>()[t]), row(2),
                                     row(static_cast<int32_t>(t)), cache);
      const Tensor logits = packed.logits(h);
      for (int64_t v = 0; v < c.vocab; ++v)
        EXPECT_NEAR(logits.data<float>()[v], full.data<float>()[t * c.vocab + v], 1e-5);
    }
  }
}

// A model that was packed trains as one that was not, and its packed copy stays what it was.
TEST(Gpt, PackingLeavesTheModelAlone) {
  for (const GptConfig& c : architectures()) {
    Built m(c);
    const Tensor tokens = some_tokens(1, 12, c.vocab);
    const auto gradients = [&] {
      Tape tape;
      m.parameters.watch(tape, false);
      tape.backward(ops::linear_cross_entropy(m.gpt.hidden(tokens), m.gpt.head(),
                                              Tensor::zeros({12}, DType::i32),
                                              Tensor::full({12}, 1), 12));
      const auto g = m.parameters.grads().data<float>();
      return std::vector<float>(g.begin(), g.end());
    };
    const auto before = gradients();
    const PackedGpt packed(m.gpt);
    EXPECT_EQ(gradients(), before);
    const Tensor full = m.gpt.hidden(tokens), fast = packed.hidden(tokens);
    for (int64_t i = 0; i < full.numel(); ++i)
      ASSERT_NEAR(fast.data<float>()[i], full.data<float>()[i], 1e-5);
    const Tape tape;
    EXPECT_NE(error_of([&] { packed.hidden(tokens); }).find("has no gradient"), std::string::npos);
  }
}

TEST(Gpt, AScalarHeadIsCountedAndTrained) {
  GptConfig c = small();
  const int64_t without = parameter_count(c), products = matmul_parameters(c);
  EXPECT_NE(error_of([&] {
              Built(c).gpt.scalars(Tensor::zeros({2, 24}));
            }).find("scalar_head"),
            std::string::npos);
  c.scalar_head = true;
  EXPECT_EQ(parameter_count(c), without + c.width + 1);
  EXPECT_EQ(matmul_parameters(c), products + c.width);
  const Built m(c);
  for (const char* name : kScalarHeadParameters) EXPECT_TRUE(m.parameters.contains(name));
  Tape tape;
  m.parameters.watch(tape, false);
  const Tensor values = m.gpt.scalars(m.gpt.hidden(some_tokens(1, 12, c.vocab)));
  EXPECT_EQ(values.shape(), Shape{12});
  tape.backward(ops::gather_rows(values.view({12, 1}), Tensor::zeros({1}, DType::i32)));
  EXPECT_EQ(m.parameters.at("scalar_head.bias").grad.data<float>()[0], 1);
}

// Two layers memorise one batch: wired, and able to learn.
TEST(Gpt, SomeRowsAreThoseOfAll) {
  for (const GptConfig& c : architectures()) {
    Built m(c);
    const Tensor tokens = some_tokens(2, 12, c.vocab);
    const int32_t chosen[] = {3, 11, 12, 20};
    const Tensor rows = Tensor::from({4}, std::span<const int32_t>(chosen));
    Tensor targets = Tensor::empty({24}, DType::i32), weights = Tensor::zeros({24});
    Tensor some_targets = Tensor::empty({4}, DType::i32), some_weights = Tensor::full({4}, 1);
    for (size_t n = 0; n < 24; ++n) targets.data<int32_t>()[n] = static_cast<int32_t>(n % 19);
    for (size_t i = 0; i < 4; ++i) {
      weights.data<float>()[chosen[i]] = 1;
      some_targets.data<int32_t>()[i] = chosen[i] % 19;
    }
    const auto gradient = [&](bool some) {
      Tape tape;
      m.parameters.watch(tape, false);
      const Tensor hidden = m.gpt.hidden(tokens, {}, {}, some ? rows : Tensor());
      tape.backward(ops::linear_cross_entropy(hidden, m.gpt.head(), some ? some_targets : targets,
                                              some ? some_weights : weights, 4));
      const auto g = m.parameters.grads().data<float>();
      return std::vector<float>(g.begin(), g.end());
    };
    const std::vector<float> all = gradient(false), some = gradient(true);
    for (size_t i = 0; i < all.size(); ++i) ASSERT_NEAR(all[i], some[i], 1e-6) << i;
  }
}

TEST(Gpt, MemorisesOneBatch) {
  for (const GptConfig& c : architectures()) {
    Built m(c);
    const Tensor tokens = some_tokens(2, 12, c.vocab);
    Tensor targets = Tensor::empty({24}, DType::i32), weights = Tensor::full({24}, 1);
    for (size_t i = 0; i < 24; ++i) {
      targets.data<int32_t>()[i] = i % 12 < 11 ? tokens.data<int32_t>()[i + 1] : 0;
      if (i % 12 == 11) weights.data<float>()[i] = 0;
    }
    Tensor mom = Tensor::zeros({m.parameters.numel()}), var = Tensor::zeros({m.parameters.numel()});
    float loss = 0;
    for (int step = 1; step <= 150; ++step) {
      Tape tape;
      m.parameters.watch(tape, false);
      const Tensor l =
          ops::linear_cross_entropy(m.gpt.hidden(tokens), m.gpt.head(), targets, weights, 22);
      loss = l.data<float>()[0];
      tape.backward(l);
      AdamWStep adamw;
      adamw.lr = 1e-2f;
      adamw.weight_decay = 0;
      adamw.step = step;
      kernels().adamw(m.parameters.values(), mom, var, m.parameters.grads(), adamw);
    }
    EXPECT_LT(loss, 0.1f);
  }
}

// By hand, of theta 100 and 4 channels: frequencies 1 and 1/10, wavelengths 6.28 and 62.8.
TEST(Gpt, RotaryFrequenciesAreScaled) {
  GptConfig c = small();
  EXPECT_TRUE(c.rotary_frequencies().empty());
  c.positions = Positions::rotary;
  c.rotary_theta = 100;
  c.rotary_width = 4;
  const auto expect = [&](double first, double second) {
    const auto seen = c.rotary_frequencies();
    ASSERT_EQ(seen.size(), 2u);
    EXPECT_NEAR(seen[0], first, 1e-12);
    EXPECT_NEAR(seen[1], second, 1e-12);
  };
  expect(1, 0.1);
  c.rotary_scaling = {RotaryScalingKind::linear, 4};
  expect(0.25, 0.025);
  c.rotary_scaling = {RotaryScalingKind::llama3, 4, 1, 4, 40};  // bands end at 10 and 40 tokens
  expect(1, 0.025);
  c.rotary_scaling.original_context = 126;  // the second is between 31.5 and 126
  const double s = (126 / (20 * std::numbers::pi) - 1) / 3;
  expect(1, (1 - s) * 0.025 + s * 0.1);
}

TEST(Gpt, WindowsAreWhereTheyAreWanted) {
  GptConfig c = small();
  const auto windows = [&] {
    std::vector<int64_t> all;
    for (int64_t i = 0; i < 4; ++i) all.push_back(c.attention(i).window);
    return all;
  };
  c.window = 3;
  EXPECT_EQ(windows(), (std::vector<int64_t>{0, 3, 0, 3}));
  c.window_blocks = WindowBlocks::all;
  EXPECT_EQ(windows(), (std::vector<int64_t>{3, 3, 3, 3}));
  c.window_from = 2;
  EXPECT_EQ(windows(), (std::vector<int64_t>{0, 0, 3, 3}));
}

TEST(Gpt, BiasesAreWhereTheyAreWanted) {
  const auto biases = [](const GptConfig& c) {
    const Built m(c);
    std::string all;
    for (const char* name : {"attention.qkv", "attention.out", "mlp.in", "mlp.out", "norm1"})
      all += m.parameters.contains(std::string("blocks.0.") + name + ".bias") ? '1' : '0';
    return all;
  };
  GptConfig c = small();
  EXPECT_EQ(biases(c), "11111");
  c.qkv_bias = Biases::no;
  EXPECT_EQ(biases(c), "01111");
  c.norm_bias = Biases::no;
  EXPECT_EQ(biases(c), "01110");
  c = small(), c.bias = false;
  EXPECT_EQ(biases(c), "00000");
  c.attention_bias = Biases::yes;
  EXPECT_EQ(biases(c), "01000");
  c.mlp_bias = c.norm_bias = Biases::yes;
  EXPECT_EQ(biases(c), "01111");
}

TEST(Gpt, OneModelHasOneCanonicalSpelling) {
  GptConfig a = small(), b = small();
  b.mlp_width = 96, b.kv_heads = 4, b.head_width = 6;
  b.bias = false, b.qkv_bias = b.attention_bias = b.mlp_bias = b.norm_bias = Biases::yes;
  b.window_from = 1, b.rotary_theta = 3, b.rotary_scaling.factor = 9;
  EXPECT_EQ(to_toml(a.canonical()), to_toml(b.canonical()));
  b.qkv_bias = Biases::no;
  EXPECT_NE(to_toml(a.canonical()), to_toml(b.canonical()));
}

TEST(Gpt, ImpossibleConfigsAreNamed) {
  GptConfig c = small();
  c.width = 25;
  EXPECT_EQ(error_of([&] { c.validate("a.toml"); }),
            "a.toml: model.width is 25; wanted a multiple of heads, or a head_width");
  c = small();
  c.kv_heads = 3;
  EXPECT_EQ(error_of([&] { c.validate("a.toml"); }),
            "a.toml: model.kv_heads is 3; wanted a divisor of heads");
  c = small();
  c.rotary_theta = 0;
  EXPECT_EQ(error_of([&] { c.validate("a.toml"); }),
            "a.toml: model.rotary_theta is 0; wanted a number from 1 to 1000000000000000");
  c = small();
  c.vocab = 0;
  EXPECT_EQ(error_of([&] { c.validate("a.toml"); }), "a.toml: model.vocab is 0; wanted at least 1");
  c = modern();
  c.head_width = 5;
  EXPECT_NE(error_of([&] { c.validate("a.toml"); }).find("an even one for rotary"),
            std::string::npos);
  c = modern(), c.rotary_width = 8;
  EXPECT_EQ(error_of([&] { c.validate("a.toml"); }),
            "a.toml: model.rotary_width is 8; wanted an even number, at most the width of a head");
  c = modern(), c.rotary_scaling.low = 5;
  EXPECT_EQ(error_of([&] { c.validate("a.toml"); }),
            "a.toml: model.rotary_scaling.high is 4; wanted one above rotary_scaling.low");
  const Built m(small());
  EXPECT_NE(error_of([&] { m.gpt.hidden(some_tokens(1, 13, 19)); }).find("the context is 12"),
            std::string::npos);
}

}  // namespace
}  // namespace lineage
