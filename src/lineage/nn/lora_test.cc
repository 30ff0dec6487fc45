#include "lineage/nn/lora.h"

#include <gtest/gtest.h>

#include <cstring>

#include "lineage/ops/testing.h"

namespace lineage {
namespace {

using testing::error_of;

GptConfig tiny_model(Activation activation = Activation::gelu_tanh) {
  GptConfig c;
  c.layers = 2, c.width = 24, c.heads = 4, c.kv_heads = 2, c.context = 12, c.vocab = 19;
  c.activation = activation;
  return c;
}

LoraConfig all_targets() {
  LoraConfig c;
  c.rank = 3, c.alpha = 5;
  c.targets = {LoraTarget::q, LoraTarget::v, LoraTarget::attention_out, LoraTarget::mlp_in,
               LoraTarget::mlp_out};
  return c;
}

struct Adapted {
  Adapted(const GptConfig& c, const LoraConfig& lora, float b = 0.3f) : gpt(base.root(), c) {
    base.allocate(/*with_gradients=*/false);
    base.initialize(7);
    add_adapters(gpt, adapters, lora);
    adapters.allocate(/*with_gradients=*/true);
    adapters.initialize(8);
    const Rng rng(9);
    for (const Parameter& p : adapters.all())
      if (p.name.ends_with(kLoraB))
        for (size_t i = 0; i < p.value.data<float>().size(); ++i)
          p.value.data<float>()[i] = b * rng.fold(p.name).normal(i);
  }
  Parameters base, adapters;
  Gpt gpt;
};

Tensor tokens_of(const GptConfig& c) {
  Tensor tokens = Tensor::empty({2, 12}, DType::i32);
  for (int64_t i = 0; i < tokens.numel(); ++i)
    tokens.data<int32_t>()[i] = static_cast<int32_t>(i * 7 % c.vocab);
  return tokens;
}

Tensor loss_of(const Gpt& gpt) {
  return ops::linear_cross_entropy(gpt.hidden(tokens_of(gpt.config)), gpt.head(),
                                   Tensor::zeros({24}, DType::i32), Tensor::full({24}, 1), 24);
}

std::vector<float> floats(const Tensor& t) {
  return {t.data<float>().begin(), t.data<float>().end()};
}

TEST(Lora, ChangesNothingAtTheStart) {
  for (const Activation act : {Activation::gelu_tanh, Activation::swiglu}) {
    Parameters plain_parameters;
    const Gpt plain(plain_parameters.root(), tiny_model(act));
    plain_parameters.allocate(false);
    plain_parameters.initialize(7);
    const Adapted adapted(tiny_model(act), all_targets(), 0);
    const Tensor tokens = tokens_of(plain.config);
    const auto before = floats(plain.hidden(tokens)), after = floats(adapted.gpt.hidden(tokens));
    for (size_t i = 0; i < before.size(); ++i) ASSERT_NEAR(before[i], after[i], 1e-6);
  }
}

// dA = s Bᵀ dW and dB = s dW Aᵀ, of the gradient dW that full tuning of the merged model has.
void expect_gradients_of_weights(Activation activation) {
  Adapted m(tiny_model(activation), all_targets());
  {
    Tape tape;
    m.adapters.watch(tape, false);
    tape.backward(loss_of(m.gpt));
  }
  Parameters full;
  const Gpt merged(full.root(), tiny_model(activation));
  full.allocate(/*with_gradients=*/true);
  std::ranges::copy(m.base.values().data<float>(), full.values().data<float>().begin());
  for (size_t i = 0; i < merged.blocks.size(); ++i)
    for (const auto member : {&Block<Linear>::qkv, &Block<Linear>::attention_out,
                              &Block<Linear>::mlp_in, &Block<Linear>::mlp_out})
      std::ranges::copy((m.gpt.blocks[i].*member).merged().data<float>(),
                        (merged.blocks[i].*member).weight.data<float>().begin());
  Tape tape;
  full.watch(tape, false);
  tape.backward(loss_of(merged));
  for (const AdaptedMatrix& matrix : adapted_matrices(m.gpt)) {
    const LowRank& low = *matrix.matrix->low_rank;
    const Tensor dw = full.at(matrix.name + ".weight").grad;
    const int64_t in = low.a.dim(1), r = low.b.dim(1);
    const auto da = m.adapters.at(matrix.name + ".lora_a").grad.data<float>(),
               db = m.adapters.at(matrix.name + ".lora_b").grad.data<float>();
    int64_t from = 0;
    for (int64_t k = 0; k < std::ssize(low.rows); ++k) {
      const ops::OutputRows rows = low.rows[static_cast<size_t>(k)];
      for (int64_t j = 0; j < r; ++j) {
        std::vector<double> wanted_a(static_cast<size_t>(in));
        for (int64_t o = 0; o < rows.count; ++o) {
          double wanted_b = 0;
          for (int64_t c = 0; c < in; ++c) {
            const double dwoc = dw.data<float>()[(rows.first + o) * in + c];
            wanted_b += low.scale * dwoc * low.a.data<float>()[(k * r + j) * in + c];
            wanted_a[static_cast<size_t>(c)] +=
                low.scale * dwoc * low.b.data<float>()[(from + o) * r + j];
          }
          ASSERT_NEAR(db[(from + o) * r + j], wanted_b, 1e-5) << matrix.name;
        }
        for (int64_t c = 0; c < in; ++c)
          ASSERT_NEAR(da[(k * r + j) * in + c], wanted_a[static_cast<size_t>(c)], 1e-5)
              << matrix.name;
      }
      from += rows.count;
    }
  }
}

TEST(Lora, GradientsAreThoseOfTheWeights) {
  expect_gradients_of_weights(Activation::gelu_tanh);
  expect_gradients_of_weights(Activation::swiglu);
}

TEST(Lora, TheBaseStaysAsItIs) {
  Adapted m(tiny_model(), all_targets());
  const std::vector<float> before = floats(m.base.values());
  Tensor mom = Tensor::zeros({m.adapters.numel()}), var = Tensor::zeros({m.adapters.numel()});
  float first = 0, last = 0;
  for (int step = 1; step <= 20; ++step) {
    Tape tape;
    m.adapters.watch(tape, false);
    const Tensor loss = loss_of(m.gpt);
    last = loss.data<float>()[0];
    if (step == 1) first = last;
    tape.backward(loss);
    AdamWStep adamw;
    adamw.lr = 1e-2f, adamw.step = step;
    kernels().adamw(m.adapters.values(), mom, var, m.adapters.grads(), adamw);
  }
  EXPECT_LT(last, 0.9f * first);
  EXPECT_EQ(floats(m.base.values()), before);
  EXPECT_TRUE(m.base.grads().empty());
}

TEST(Lora, MergedItComputesTheSame) {
  for (const Activation act : {Activation::gelu_tanh, Activation::swiglu}) {
    Adapted m(tiny_model(act), all_targets());
    const Tensor tokens = tokens_of(m.gpt.config);
    const auto apart = floats(m.gpt.logits(m.gpt.hidden(tokens)));
    const PackedGpt packed(m.gpt);
    const auto fast = floats(packed.logits(packed.hidden(tokens)));
    for (const AdaptedMatrix& a : adapted_matrices(m.gpt)) a.matrix->merge();
    EXPECT_TRUE(adapted_matrices(m.gpt).empty());
    const auto merged = floats(m.gpt.logits(m.gpt.hidden(tokens)));
    for (size_t i = 0; i < apart.size(); ++i) {
      ASSERT_NEAR(apart[i], merged[i], 1e-5);
      ASSERT_NEAR(apart[i], fast[i], 1e-5);
    }
  }
}

TEST(Lora, CountsItsParameters) {
  for (const Activation act : {Activation::gelu_tanh, Activation::swiglu})
    for (const bool head : {false, true}) {
      GptConfig c = tiny_model(act);
      c.scalar_head = head;
      const Adapted m(c, all_targets());
      EXPECT_EQ(m.adapters.numel(), adapter_parameter_count(c, all_targets()));
    }
  // Hu et al. 2021, table 4: 4.7M of GPT-3 175B, for r = 1 on queries and values: 2 * 2 * 96 *
  // 12288.
  GptConfig gpt3;
  gpt3.layers = 96, gpt3.width = 12288, gpt3.heads = 96;
  LoraConfig lora;
  lora.rank = 1;
  EXPECT_EQ(adapter_parameter_count(gpt3, lora), 4718592);
  const double full = training_flops_per_token(tiny_model(), {}),
               less = 2.0 * static_cast<double>(matmul_parameters(tiny_model()));
  EXPECT_EQ(full, training_flops_per_token(tiny_model()));
  EXPECT_EQ(training_flops_per_token(tiny_model(), all_targets()),
            full - less +
                6.0 * static_cast<double>(adapter_parameter_count(tiny_model(), all_targets())));
}

TEST(Lora, ImpossibleConfigsAreNamed) {
  const auto error = [](auto change) {
    LoraConfig c;
    change(c);
    return error_of([&] { c.validate(tiny_model(), "a.toml: lora"); });
  };
  EXPECT_EQ(error([](LoraConfig& c) { c.rank = 0; }),
            "a.toml: lora.rank is 0; wanted an integer from 1 to 65536");
  EXPECT_EQ(error([](LoraConfig& c) { c.rank = 13; }),
            "a.toml: lora.rank is 13; the matrix of target v is 12 by 24, which wants at most 12");
  EXPECT_EQ(error([](LoraConfig& c) { c.targets = {}; }),
            "a.toml: lora.targets is []; wanted at least one of q, k, v, qkv, attention_out, "
            "mlp_in, mlp_out");
  EXPECT_EQ(error([](LoraConfig& c) {
              c.targets = {LoraTarget::q, LoraTarget::q};
            }),
            "a.toml: lora.targets has \"q\" twice; wanted it once");
  EXPECT_EQ(error([](LoraConfig& c) {
              c.targets = {LoraTarget::k, LoraTarget::qkv};
            }),
            "a.toml: lora.targets has both qkv and k; wanted qkv, one adapter for all three, or "
            "some of q, k, v");
  EXPECT_EQ(error([](LoraConfig& c) { c.alpha = 0; }),
            "a.toml: lora.alpha is 0; wanted a number above 0, at most 1000000");
}

}  // namespace
}  // namespace lineage
