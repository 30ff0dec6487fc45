#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "lineage/base/config.h"
#include "lineage/kernels/kernels.h"

namespace lineage {

enum class Norm : uint8_t { layer, rms };
constexpr auto enum_names(Norm) { return std::array<std::string_view, 2>{"layer", "rms"}; }

enum class Positions : uint8_t { learned, rotary, alibi, none };
constexpr auto enum_names(Positions) {
  return std::array<std::string_view, 4>{"learned", "rotary", "alibi", "none"};
}

// The arrangement of a block's norms and sums. With x the block's input:
//   pre_norm   y = x + attention(norm1(x)),  y + mlp(norm2(y))  (Radford et al. 2019)
//   post_norm  y = norm1(x + attention(x)),  norm2(y + mlp(y))  (Vaswani et al. 2017; the model
//   then
//              has no last norm)
//   parallel   x + attention(norm1(x)) + mlp(norm2(x))  (Black et al. 2022, GPT-NeoX-20B)
enum class BlockForm : uint8_t { pre_norm, post_norm, parallel };
constexpr auto enum_names(BlockForm) {
  return std::array<std::string_view, 3>{"pre_norm", "post_norm", "parallel"};
}

// Whether one kind of layer has biases: as GptConfig::bias says, or whatever that says.
enum class Biases : uint8_t { model, yes, no };
constexpr auto enum_names(Biases) { return std::array<std::string_view, 3>{"model", "yes", "no"}; }

enum class WindowBlocks : uint8_t { odd, all };
constexpr auto enum_names(WindowBlocks) { return std::array<std::string_view, 2>{"odd", "all"}; }

// How the rotary frequencies are changed for a context longer than that of pretraining.
//   linear  every one is divided by `factor` (Chen et al. 2023, "Extending context window of large
//           language models via positional interpolation")
//   llama3  those whose wavelength is above original_context / low are divided by `factor`, those
//           below original_context / high are kept, and those between are mixed (the models of
//           Dubey et al. 2024 from LLaMA 3.1 on)
enum class RotaryScalingKind : uint8_t { none, linear, llama3 };
constexpr auto enum_names(RotaryScalingKind) {
  return std::array<std::string_view, 3>{"none", "linear", "llama3"};
}
struct RotaryScaling {
  RotaryScalingKind kind = RotaryScalingKind::none;
  double factor = 1, low = 1, high = 4;
  int64_t original_context = 8192;
  bool operator==(const RotaryScaling&) const = default;
};

template <class V>
void fields(V& v, RotaryScaling& c) {
  v("kind", c.kind, "none, linear or llama3");
  v("factor", c.factor, "divides the frequencies", between(1, 1e9));
  v("low", c.low, "of llama3: turns in original_context below which a frequency is divided whole",
    from_above_to(0, 1e9));
  v("high", c.high, "of llama3: turns in original_context above which a frequency is kept",
    from_above_to(0, 1e9));
  v("original_context", c.original_context, "of llama3: tokens of a row in pretraining",
    between(1, 1 << 24));
}

// The architecture of a decoder-only transformer. The defaults are GPT-2's and GPT-3's (Radford et
// al. 2019; Brown et al. 2020): pre-LN, learned positions, GELU, biases, tied embeddings.
struct GptConfig {
  int64_t layers = 12, width = 768, heads = 12;
  int64_t kv_heads = 0;    // 0: as many as heads
  int64_t head_width = 0;  // 0: width / heads
  int64_t mlp_width = 0;   // 0: 4 width; of a gated activation 8/3 width, up to a multiple of 32
  int64_t context = 1024;
  int64_t vocab = 0;  // 0: the tokenizer's, where there is one; a Gpt wants a number
  Norm norm = Norm::layer;
  double norm_eps = 1e-5;
  Activation activation = Activation::gelu_tanh;
  Positions positions = Positions::learned;
  int64_t position_offset = 0;  // rows of the position table before that of position 0 (OPT: 2)
  double rotary_theta = 10000;
  bool qk_norm = false, bias = true, tied = true;
  // A linear map of the last hidden state to one number beside the head of the vocabulary: the
  // reward of an answer, or the value of a position (Stiennon et al. 2020, section 3.4).
  bool scalar_head = false;
  // A linear map of the token before is added to each token's embedding: what the first of the two
  // heads of an induction circuit copies is there from the start, as with the smeared keys of
  // Olsson et al. 2022, "In-context Learning and Induction Heads".
  bool token_shift = false;
  int64_t window = 0;  // of the blocks that window_blocks says; 0: all dense
  double init_std = 0.02;
  bool zero_residual = false;  // projections into the residual stream start at 0, not std/sqrt(2L)

  BlockForm block_form = BlockForm::pre_norm;
  // Exceptions from `bias`: the queries, keys and values; attention's output; the MLP; layer norms.
  Biases qkv_bias = Biases::model, attention_bias = Biases::model, mlp_bias = Biases::model,
         norm_bias = Biases::model;
  WindowBlocks window_blocks = WindowBlocks::odd;
  int64_t window_from = 0;  // blocks before this one are dense (Qwen2)
  int64_t rotary_width =
      0;  // channels of a head that turn, the first ones; 0: all (NeoX: a quarter)
  RotaryScaling rotary_scaling{};
  int64_t embedding_width = 0;  // 0: width; else maps to it and back, without biases (OPT-350m)
  bool embedding_norm = false;  // a norm of the embeddings (BLOOM; Le Scao et al. 2022)

  AttentionSpec attention(int64_t block) const;
  int64_t mlp_hidden_width() const;  // never 0
  int64_t embedding_channels() const { return embedding_width ? embedding_width : width; }
  bool biased(Biases place) const { return place == Biases::model ? bias : place == Biases::yes; }
  std::vector<double> rotary_frequencies() const;  // radians a position; empty unless rotary
  // The same model spelled in one way: what is derived is a number, and what has no effect is at
  // its default.
  GptConfig canonical() const;
  void validate(const std::string& place) const;  // an Error naming the field that cannot be
};

template <class V>
void fields(V& v, GptConfig& c) {
  v("layers", c.layers, "transformer blocks", between(1, 1024));
  v("width", c.width, "channels of the residual stream", between(1, 1 << 20));
  v("heads", c.heads, "query heads", between(1, 1 << 20));
  v("kv_heads", c.kv_heads, "key/value heads; 0: as many as heads", between(0, 1 << 20));
  v("head_width", c.head_width, "channels of a head; 0: width / heads", between(0, 1 << 20));
  v("mlp_width", c.mlp_width, "hidden channels of the MLP; 0: 4 width, or 8/3 width when gated",
    between(0, 1 << 24));
  v("context", c.context, "tokens of a row", between(1, 1 << 24));
  v("vocab", c.vocab, "tokens of the vocabulary; 0: the tokenizer's", between(0, 1 << 28));
  v("norm", c.norm, "layer or rms");
  v("norm_eps", c.norm_eps, "epsilon of the norms", from_above_to(0, 1));
  v("activation", c.activation, "gelu_tanh, gelu_erf, relu, relu_squared or swiglu");
  v("positions", c.positions, "learned, rotary, alibi or none");
  v("position_offset", c.position_offset, "rows of the position table before position 0",
    between(0, 1 << 24));
  v("rotary_theta", c.rotary_theta, "base of the rotary angles", between(1, 1e15));
  v("qk_norm", c.qk_norm, "RMSNorm of queries and keys, per head");
  v("token_shift", c.token_shift, "a linear map of the token before is added to each token");
  v("bias", c.bias, "biases in linear layers and in layer norms");
  v("tied", c.tied, "the output head is the token embedding");
  v("scalar_head", c.scalar_head, "a second head of one number; reward stages add it themselves");
  v("window", c.window,
    "attention window, of the blocks that window_blocks says; 0: dense everywhere",
    between(0, 1 << 24));
  v("init_std", c.init_std, "standard deviation of the initial weights", from_above_to(0, 1000));
  v("zero_residual", c.zero_residual, "projections into the residual stream start at zero");
  v("block_form", c.block_form, "pre_norm, post_norm or parallel", later(BlockForm::pre_norm));
  v("qkv_bias", c.qkv_bias, "biases of queries, keys and values; model: as bias says",
    later(Biases::model));
  v("attention_bias", c.attention_bias, "the bias of attention's output", later(Biases::model));
  v("mlp_bias", c.mlp_bias, "biases of the MLP", later(Biases::model));
  v("norm_bias", c.norm_bias, "biases of layer norms", later(Biases::model));
  v("window_blocks", c.window_blocks, "odd (of GPT-3) or all: the blocks with a window",
    later(WindowBlocks::odd));
  v("window_from", c.window_from, "blocks before this one have no window",
    later<int64_t>(0, between(0, 1024)));
  v("rotary_width", c.rotary_width, "channels of a head that turn with the position; 0: all",
    later<int64_t>(0, between(0, 1 << 20)));
  v("rotary_scaling", c.rotary_scaling, "rotary frequencies for a longer context",
    later(RotaryScaling()));
  v("embedding_width", c.embedding_width,
    "channels of the embeddings, which are mapped to width and back; 0: width",
    later<int64_t>(0, between(0, 1 << 20)));
  v("embedding_norm", c.embedding_norm, "a norm of the embeddings", later(false));
}

// Elements of all parameters, without building the model.
int64_t parameter_count(const GptConfig&);
// Weights that take part in a matrix product with every token: all but the embeddings' look-ups.
int64_t matmul_parameters(const GptConfig&);
// Floating-point operations of a training step per token: 6 matmul_parameters + 12 L T H D
// (Chowdhery et al. 2022, PaLM, appendix B; attention counted dense though causal skips half).
double training_flops_per_token(const GptConfig&);

}  // namespace lineage
