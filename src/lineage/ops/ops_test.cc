#include "lineage/ops/ops.h"

#include "lineage/ops/testing.h"

namespace lineage {
namespace {

using testing::error_of;
using testing::expect_gradients;
using testing::probe;
using testing::random_tensor;

Tensor ids(Shape shape, std::vector<int32_t> values) {
  return Tensor::from(std::move(shape), std::span<const int32_t>(values));
}

TEST(Ops, LinearGradients) {
  const Tensor x = random_tensor({5, 3}, 1), w = random_tensor({4, 3}, 2),
               b = random_tensor({4}, 3);
  const Tensor r = random_tensor({5, 4}, 4);
  expect_gradients({x, w, b, r}, [&] { return probe(ops::linear(x, w, b, r)); });
  expect_gradients({x, w}, [&] { return probe(ops::linear(x, w)); });
}

TEST(Ops, LowRankGradients) {
  const Tensor x = random_tensor({5, 3}, 1), w = random_tensor({4, 3}, 2),
               bias = random_tensor({4}, 3), a = random_tensor({2, 3}, 5),
               b = random_tensor({4, 2}, 6), r = random_tensor({5, 4}, 4);
  expect_gradients({x, w, bias, a, b, r},
                   [&] { return probe(ops::linear_low_rank(x, w, bias, a, b, r)); });
  expect_gradients({x, a, b}, [&] { return probe(ops::linear_low_rank(x, w, {}, a, b)); });
  expect_gradients({a, b}, [&] { return probe(ops::linear_low_rank(x, w, {}, a, b)); });
  const ops::OutputRows rows[] = {{3, 1}, {0, 2}};
  const Tensor stacked = random_tensor({3, 2}, 7);
  expect_gradients({stacked}, [&] { return probe(ops::low_rank_b(stacked, rows, 5, 2)); });
}

TEST(Ops, LowRankMatricesChangeTheirRowsAlone) {
  const float values[] = {1, 2, 3, 4, 5, 6};
  const ops::OutputRows rows[] = {{2, 1}, {0, 2}};
  const Tensor y = ops::low_rank_b(Tensor::from({3, 2}, values), rows, 3, 10);
  const auto seen = y.data<float>();
  EXPECT_EQ(std::vector<float>(seen.begin(), seen.end()),
            (std::vector<float>{0, 0, 30, 40, 0, 0, 50, 60, 10, 20, 0, 0}));
  // A micro-batch adds to the gradients of those before it.
  const Tensor b = random_tensor({3, 2}, 1), db = Tensor::full({3, 2}, 1);
  Tape tape;
  tape.watch(b, db, /*accumulate=*/true);
  const Tensor wide = ops::low_rank_b(b, rows, 3, 10);
  tape.backward(ops::given_loss(wide, 0, Tensor::full({3, 4}, 1)));
  for (const float g : db.data<float>()) EXPECT_EQ(g, 11);
}

TEST(Ops, MlpGradients) {
  for (Activation act : {Activation::gelu_tanh, Activation::gelu_erf, Activation::relu,
                         Activation::relu_squared, Activation::swiglu}) {
    SCOPED_TRACE(static_cast<int>(act));
    const int64_t F1 = gated(act) ? 12 : 6;
    // Small steps around values away from 0, where relu has a kink.
    const Tensor x = random_tensor({5, 3}, 1, 3), w1 = random_tensor({F1, 3}, 2, 2),
                 b1 = random_tensor({F1}, 3), w2 = random_tensor({3, 6}, 4),
                 b2 = random_tensor({3}, 5), r = random_tensor({5, 3}, 6);
    expect_gradients(
        {x, w1, b1, w2, b2, r}, [&] { return probe(ops::mlp(x, w1, b1, w2, b2, r, act)); }, 6e-2);
  }
}

TEST(Ops, NormGradients) {
  const Tensor x = random_tensor({4, 6}, 1), g = random_tensor({6}, 2), b = random_tensor({6}, 3);
  expect_gradients({x, g, b}, [&] { return probe(ops::layer_norm(x, g, b)); });
  expect_gradients({x, g}, [&] { return probe(ops::layer_norm(x, g)); });
  expect_gradients({x, g}, [&] { return probe(ops::rms_norm(x, g)); });
}

TEST(Ops, ActivationAndAddGradients) {
  const Tensor x = random_tensor({4, 6}, 1), y = random_tensor({4, 6}, 2);
  expect_gradients({x}, [&] { return probe(ops::activation(x, Activation::gelu_tanh)); });
  expect_gradients({x}, [&] { return probe(ops::activation(x, Activation::swiglu)); });
  expect_gradients({x, y}, [&] { return probe(ops::add(x, y)); });
}

TEST(Ops, EmbedGradients) {
  const Tensor tokens = ids({2, 3}, {0, 4, 4, 1, 0, 3}), positions = ids({6}, {0, 1, 2, 0, 1, 2});
  const Tensor wte = random_tensor({5, 4}, 1), wpe = random_tensor({3, 4}, 2);
  expect_gradients({wte, wpe}, [&] { return probe(ops::embed(tokens, positions, wte, wpe)); });
  expect_gradients({wte}, [&] { return probe(ops::embed(tokens, {}, wte)); });
}

TEST(Ops, TakeRowsGradients) {
  const Tensor x = random_tensor({5, 4}, 1), rows = ids({4}, {3, 0, 3, 4});
  const Tensor y = ops::gather_rows(x, rows);
  EXPECT_TRUE(std::ranges::equal(y.rows(2, 3).data<float>(), x.rows(3, 4).data<float>()));
  expect_gradients({x}, [&] { return probe(ops::gather_rows(x, rows)); });
}

TEST(Ops, AttentionPathGradients) {
  const AttentionSpec spec{4, 2, 6, 0, false};
  const Tensor qkv = random_tensor({2, 5, spec.qkv_width()}, 1), qg = random_tensor({6}, 2),
               kg = random_tensor({6}, 3);
  const Tensor at = ids({10}, {0, 1, 2, 3, 4, 0, 1, 0, 1, 2}),
               starts = ids({10}, {0, 0, 0, 0, 0, 0, 0, 2, 2, 2});
  const std::vector<double> turns = rotary_frequencies(10000, spec.head_width);
  expect_gradients({qkv}, [&] { return probe(ops::attention(qkv, starts, spec)); });
  expect_gradients({qkv}, [&] { return probe(ops::rotary(qkv, at, spec, turns)); });
  expect_gradients({qkv, qg, kg}, [&] { return probe(ops::head_norm(qkv, qg, kg, spec)); });
  expect_gradients({qkv, qg, kg}, [&] {  // all three in line, through views
    const Tensor heads = ops::rotary(ops::head_norm(qkv, qg, kg, spec), at, spec, turns);
    return probe(ops::attention(heads.view({2, 5, spec.qkv_width()}), {}, spec));
  });
}

TEST(Ops, LossGradients) {
  const Tensor h = random_tensor({4, 3}, 1), w = random_tensor({7, 3}, 2);
  const Tensor targets = ids({4}, {1, 6, -1, 0}),
               weights = Tensor::from({4}, std::vector<float>{1, .5f, 0, 2});
  expect_gradients({h, w},
                   [&] { return ops::cross_entropy(ops::linear(h, w), targets, weights, 3.5f); });
  expect_gradients({h, w}, [&] { return ops::linear_cross_entropy(h, w, targets, weights, 3.5f); });
  expect_gradients({h}, [&] {  // of half the squared distance
    Tensor dx = random_tensor({4, 3}, 4);
    kernels().axpby(dx, 1, h, -1);
    return ops::given_loss(h, static_cast<float>(kernels().sum_squares(dx) / 2), dx);
  });
  const Tensor all = ids({4}, {1, 6, 2, 0});
  for (bool entropy : {false, true}) {
    const auto both = [&](const ops::LogProbs& out) {
      return entropy ? probe(ops::add(out.log_probs, out.entropies)) : probe(out.log_probs);
    };
    expect_gradients({h, w},
                     [&] { return both(ops::log_probs(ops::linear(h, w), all, 0.7f, entropy)); });
    expect_gradients({h, w}, [&] { return both(ops::linear_log_probs(h, w, all, 0.7f, entropy)); });
  }
}

TEST(Ops, ATensorUsedTwiceGetsBothGradients) {
  const Tensor x = random_tensor({3, 4}, 1), g = random_tensor({4}, 2),
               w = random_tensor({4, 4}, 3);
  expect_gradients({x, g, w}, [&] {
    const Tensor h = ops::layer_norm(x, g);
    return probe(ops::add(ops::linear(h, w, {}, x), h));  // h and x each have two consumers
  });
}

TEST(Ops, BadShapesAreNamed) {
  const Tensor x = random_tensor({2, 3}, 1), w = random_tensor({4, 5}, 2);
  EXPECT_EQ(error_of([&] { ops::linear(x, w); }),
            "linear: x is [2, 3], weight [4, 5], bias [], residual []");
  EXPECT_EQ(
      error_of([&] {
        ops::linear_low_rank(x, random_tensor({4, 3}, 1), {}, random_tensor({2, 3}, 1), w);
      }),
      "linear_low_rank: x is [2, 3], weight [4, 3], bias [], a [2, 3], b [4, 5], residual []");
  const ops::OutputRows rows[] = {{1, 2}};
  EXPECT_EQ(error_of([&] { ops::low_rank_b(w, rows, 2, 1); }), "low_rank_b: rows 1 to 3 of 2");
  EXPECT_EQ(error_of([&] { ops::low_rank_b(w, rows, 3, 1); }),
            "low_rank_b: b is [4, 5]; its rows are 2");
  EXPECT_NE(error_of([&] { ops::layer_norm(x, random_tensor({4}, 1)); }).find("gain [4]"),
            std::string::npos);
  EXPECT_EQ(error_of([&] { ops::embed(ids({1}, {9}), {}, w); }), "embed: token 9; wanted 0 to 3");
  EXPECT_EQ(error_of([&] {
              ops::cross_entropy(x, ids({2}, {0, 3}), Tensor::full({2}, 1), 2);
            }),
            "cross_entropy: target 3 at row 1; wanted 0 to 2, or a weight of 0");
  EXPECT_EQ(error_of([&] { ops::given_loss(x, 0, w); }),
            "given_loss: x is [2, 3], its gradient [4, 5]");
  EXPECT_NE(error_of([&] {
              ops::log_probs(x, ids({2}, {0, 1}), 0);
            }).find("temperature is 0"),
            std::string::npos);
}

TEST(Ops, AnOutputMayBeUsedThroughAViewOfOtherRows) {
  const Tensor x = random_tensor({32, 48}, 1), w = random_tensor({1, 48}, 2);
  const Tensor targets = Tensor::zeros({16}, DType::i32), weights = Tensor::full({16}, 1);
  const auto gradient = [&](const Kernels& kernels) {  // of scores of pairs
    const UseKernels use(kernels);
    Tensor dx = Tensor::like(x);
    Tape tape;
    tape.watch(x, dx, false);
    tape.backward(ops::cross_entropy(ops::linear(x, w).view({16, 2}), targets, weights, 16));
    return dx;
  };
  const Tensor seen = gradient(kernels()), wanted = gradient(reference_kernels());
  for (size_t i = 0; i < seen.data<float>().size(); ++i)
    ASSERT_NEAR(seen.data<float>()[i], wanted.data<float>()[i], 1e-5) << i;
}

// They would lose a gradient silently.
TEST(Ops, WhatHasNoGradientRefusesATape) {
  const Tensor x = random_tensor({2, 3}, 1), packed = kernels().pack(random_tensor({4, 3}, 2));
  const AttentionSpec spec{1, 1, 2, 0, false};
  const Tensor qkv = random_tensor({1, spec.qkv_width()}, 3), zero = ids({1}, {0});
  const auto linear = [&] { ops::linear_packed(x, packed, 4); };
  const auto attend = [&] {
    ops::attention_decode(Tensor::zeros({1, 1, 2}), Tensor::zeros({1, 1, 2}), qkv, zero, zero,
                          spec);
  };
  EXPECT_NO_THROW(linear());
  EXPECT_NO_THROW(attend());
  const Tape tape;
  EXPECT_EQ(error_of(linear),
            "linear_packed: has no gradient, and a tape is recording; wanted the op that training "
            "uses");
  EXPECT_EQ(error_of(attend).find("attention_decode: has no gradient"), 0u);
}

}  // namespace
}  // namespace lineage
