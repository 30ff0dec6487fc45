#pragma once

#include <functional>
#include <vector>

#include "lineage/base/config.h"
#include "lineage/kernels/kernels.h"
#include "lineage/nn/parameters.h"

namespace lineage {

enum class Norm : uint8_t { layer, rms };
constexpr auto enum_names(Norm) { return std::array<std::string_view, 2>{"layer", "rms"}; }

enum class Positions : uint8_t { learned, rotary, alibi, none };
constexpr auto enum_names(Positions) {
  return std::array<std::string_view, 4>{"learned", "rotary", "alibi", "none"};
}

// The architecture of a decoder-only transformer. The defaults are GPT-2's and GPT-3's (Radford et
// al. 2019; Brown et al. 2020): pre-LN, learned positions, GELU, biases, tied embeddings.
struct GptConfig {
  int64_t layers = 12, width = 768, heads = 12;
  int64_t kv_heads = 0;    // 0: as many as heads
  int64_t head_width = 0;  // 0: width / heads
  int64_t hidden = 0;      // 0: 4 width; of a gated activation 8/3 width, up to a multiple of 32
  int64_t context = 1024;
  int64_t vocab =
      0;  // 0: the tokenizer's, where there is one to take it from; a Gpt wants a number
  Norm norm = Norm::layer;
  double norm_eps = 1e-5;
  Activation activation = Activation::gelu_tanh;
  Positions positions = Positions::learned;
  int64_t position_offset = 0;  // rows of the position table before that of position 0 (OPT: 2)
  double rotary_theta = 10000;
  bool qk_norm = false, bias = true, tied = true;
  // A linear map of the token before is added to each token's embedding: what the first of the two
  // heads of an induction circuit copies is there from the start, as with the smeared keys of
  // Olsson et al. 2022, "In-context Learning and Induction Heads".
  bool previous_token = false;
  int64_t window = 0;  // of the odd blocks (GPT-3's alternating banded layers); 0: all dense
  double init_std = 0.02;
  bool zero_residual = false;  // projections into the residual stream start at 0, not std/sqrt(2L)

  AttentionSpec attention(int64_t block) const;
  int64_t hidden_width() const;
  void validate(const std::string& place) const;  // an Error naming the field that cannot be
};

template <class V>
void fields(V& v, GptConfig& c) {
  v("layers", c.layers, "transformer blocks", between(1, 1024));
  v("width", c.width, "channels of the residual stream", between(1, 1 << 20));
  v("heads", c.heads, "query heads", between(1, 1 << 20));
  v("kv_heads", c.kv_heads, "key/value heads; 0: as many as heads", between(0, 1 << 20));
  v("head_width", c.head_width, "channels of a head; 0: width / heads", between(0, 1 << 20));
  v("hidden", c.hidden, "hidden width of the MLP; 0: 4 width, or 8/3 width when gated",
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
  v("previous_token", c.previous_token, "a linear map of the token before is added to each token");
  v("bias", c.bias, "biases in linear layers and in layer norms");
  v("tied", c.tied, "the output head is the token embedding");
  v("window", c.window, "attention window of the odd blocks; 0: dense everywhere",
    between(0, 1 << 24));
  v("init_std", c.init_std, "standard deviation of the initial weights", from_above_to(0, 1000));
  v("zero_residual", c.zero_residual, "projections into the residual stream start at zero");
}

// The keys and values that each block has seen, for `slots` sequences of up to `context` tokens.
// A slot is free again as soon as its positions are written anew from 0.
struct KvCache {
  KvCache(const GptConfig&, int64_t slots, int64_t context);
  std::vector<Tensor> keys, values;  // per block, (slots, context, K*D)
  Tensor tokens;                     // (slots, context); empty unless previous_token
  int64_t slots, context;
  static int64_t bytes(const GptConfig&, int64_t slots, int64_t context);
};

// Layers are plain structs of tensors with a call operator. There is no Module base class: what a
// model contains is what its members say. They do not move once registered.
struct Linear {
  void add_to(Parameters::Scope, int64_t in, int64_t out, bool bias, float std);
  Tensor operator()(const Tensor& x, const Tensor& residual = {}) const;  // (N,in) -> (N,out)
  void pack();
  Tensor weight, bias;  // (out,in), (out)
  Tensor packed;        // of the weight, for inference; empty while training
};

struct NormLayer {
  void add_to(Parameters::Scope, const GptConfig&);
  Tensor operator()(const Tensor& x) const;
  Tensor gain, bias;
  Norm kind;
  float eps;
};

struct Block {
  // How this block's rows see each other: attention within rows, or through a cache.
  using Attend = std::function<Tensor(const Tensor& qkv, const AttentionSpec&)>;

  void add_to(Parameters::Scope, const GptConfig&, int64_t index);
  // (N,C) -> (N,C). rows (R) i32: only these come out, (R,C); empty: all.
  Tensor operator()(const Tensor& x, const Tensor& positions, const Attend&,
                    const Tensor& rows = {}) const;
  void pack();

  NormLayer norm1, norm2;
  Linear qkv, attention_out, mlp_in, mlp_out;
  Tensor q_gain, k_gain;  // of the QK-norm
  AttentionSpec attention;
  Activation activation;
  bool rotary;
  float rotary_theta, norm_eps;
};

class Gpt {
 public:
  Gpt(Parameters::Scope, const GptConfig&);
  Gpt(const Gpt&) = delete;
  Gpt& operator=(const Gpt&) = delete;

  // tokens (B,T); positions and starts (B*T) may be empty: 0..T-1, and one document a row.
  // -> (B*T,C), after the last norm. rows (R) i32: only these of the B*T come out, (R,C), and past
  // its attention the last block computes no others; empty: all.
  Tensor hidden(const Tensor& tokens, const Tensor& positions = {}, const Tensor& starts = {},
                const Tensor& rows = {}) const;
  // N rows of any sequences, continuing each in its slot of the cache. -> (N,C), or (R,C) as above
  Tensor hidden(const Tensor& tokens, const Tensor& slots, const Tensor& positions, KvCache&,
                const Tensor& rows = {}) const;
  Tensor logits(const Tensor& hidden) const;  // (N,C) -> (N,V)
  const Tensor& head() const { return config.tied ? token_embedding : lm_head.weight; }  // (V,C)

  // Lays the weights out for decoding; call again after they have changed.
  void pack();

  const GptConfig config;
  Tensor token_embedding, position_embedding;  // (V,C), (offset+context,C)
  Linear previous;                             // (C,C), of the token before
  std::vector<Block> blocks;
  NormLayer norm;
  Linear lm_head;  // its weight is empty when tied

 private:
  Tensor embed(const Tensor& tokens, const Tensor& before, const Tensor& positions) const;
  // before (N): the token before each, its own where it is the first of its document.
  Tensor run(const Tensor& tokens, const Tensor& before, const Tensor& positions,
             const Tensor& rows,
             const std::function<Tensor(size_t, const Tensor&, const AttentionSpec&)>&) const;
};

// Elements of all parameters, without building the model.
int64_t parameter_count(const GptConfig&);
// Weights that take part in a matrix product with every token: all but the embeddings' look-ups.
int64_t matmul_parameters(const GptConfig&);
// Floating-point operations of a training step per token: 6 matmul_parameters + 12 L T H D
// (Chowdhery et al. 2022, PaLM, appendix B; attention counted dense though causal skips half).
double training_flops_per_token(const GptConfig&);

}  // namespace lineage
