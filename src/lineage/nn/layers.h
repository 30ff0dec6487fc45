#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "lineage/nn/gpt_config.h"
#include "lineage/nn/parameters.h"
#include "lineage/ops/ops.h"

namespace lineage {

// Layers are plain structs of tensors with a call operator. There is no Module base class: what a
// model contains is what its members say. A layer does not move between registering its parameters
// and Parameters::allocate().

// Matrices of rank r beside a weight, each added to other rows of it: LoRA (Hu et al. 2021, section
// 4.1, h = W x + alpha/r B A x). They have the same r; A and B are stacked, one below the other.
struct LowRank {
  std::vector<ops::OutputRows> rows;  // that each of the n changes
  float scale = 1;                    // alpha / r
  Tensor a, b;                        // (n r,in), (sum of the rows,r)
};

// y = x weightᵀ + bias (+ residual), with gradients. (N,in) -> (N,out)
struct Linear {
  // Weights start normal with deviation `std`, or at 0 where that is 0; the bias starts at 0.
  void add_to(Parameters::Scope, int64_t in, int64_t out, bool bias, float std,
              ParameterKind = ParameterKind::matrix);
  Tensor operator()(const Tensor& x, const Tensor& residual = {}) const;
  // The weight with the low-rank matrices in it: itself where there are none, else a copy.
  Tensor merged() const;
  // Puts them into the weight, which then has none.
  void merge();
  Tensor weight, bias;  // (out,in), (out)
  std::optional<LowRank> low_rank{};
};

// The same for inference: a copy of the weight in the device's own layout. It has no gradient and
// refuses to run under a tape.
struct PackedLinear {
  PackedLinear() = default;
  explicit PackedLinear(const Linear&);
  Tensor operator()(const Tensor& x, const Tensor& residual = {}) const;
  Tensor packed, bias;
  int64_t outputs = 0;
};

struct NormLayer {
  void add_to(Parameters::Scope, const GptConfig&);
  bool empty() const { return gain.empty(); }
  Tensor operator()(const Tensor& x) const;
  Tensor gain, bias;
  Norm kind = Norm::layer;
  float eps = 0;
};

// Everything in a block besides its matrices.
struct BlockBase {
  NormLayer norm1, norm2;
  Tensor q_gain, k_gain;  // of the QK-norm
  AttentionSpec attention{};
  Activation activation = Activation::gelu_tanh;
  BlockForm form = BlockForm::pre_norm;
  std::vector<double> rotary_frequencies;  // empty unless rotary
  float norm_eps = 0;
};

// How a block's rows see each other: attention within rows, or through a cache.
using Attend = std::function<Tensor(size_t block, const Tensor& qkv, const AttentionSpec&)>;

template <class L>
struct Block : BlockBase {
  // (N,C) -> (N,C). rows (R) i32: only these come out, (R,C); empty: all.
  Tensor operator()(const Tensor& x, const Tensor& positions, size_t index, const Attend&,
                    const Tensor& rows) const;
  // The same of a norm's output x: attention's, (N,H*D), before its output matrix.
  Tensor heads(const Tensor& x, const Tensor& positions, size_t index, const Attend&) const;
  L qkv, attention_out, mlp_in, mlp_out;
};

// The keys and values that each block has seen, for `slots` sequences of up to `context` tokens.
// A slot is free again as soon as its positions are rewritten from 0.
struct KvCache {
  KvCache(const GptConfig&, int64_t slots, int64_t context);
  std::vector<Tensor> keys, values;  // per block, (slots, context, K*D)
  Tensor tokens;                     // (slots, context); empty unless token_shift
  int64_t slots, context;
  static int64_t bytes(const GptConfig&, int64_t slots, int64_t context);
};

// The transformer up to its last norm. Training and inference run this code, over matrices of
// type L: Linear or PackedLinear.
template <class L>
struct GptLayers {
  explicit GptLayers(const GptConfig& c) : config(c) {}

  // tokens (B,T); positions and starts (B*T) may be empty: 0..T-1, and one document a row.
  // -> (B*T,E), what the heads read: after the last norm and in the embeddings' width. rows (R)
  // i32: only these of the B*T come out, (R,E), and past its attention the last block computes no
  // others; empty: all.
  Tensor hidden(const Tensor& tokens, const Tensor& positions = {}, const Tensor& starts = {},
                const Tensor& rows = {}) const;
  // N rows of any sequences, continuing each in its slot of the cache. -> (N,E), or (R,E) as above.
  // Has no gradient.
  Tensor hidden(const Tensor& tokens, const Tensor& slots, const Tensor& positions, KvCache&,
                const Tensor& rows = {}) const;

  const GptConfig config;
  Tensor token_embedding, position_embedding;  // (V,E), (offset+context,C)
  L previous;                                  // (C,E), of the token before
  L project_in, project_out;                   // (C,E), (E,C); empty where E is C
  NormLayer embedding_norm;                    // empty unless config.embedding_norm
  std::vector<Block<L>> blocks;
  NormLayer norm;  // empty in a model of post-norm blocks

 private:
  Tensor embed(const Tensor& tokens, const Tensor& before, const Tensor& positions) const;
  // before (N): the token before each, its own where it is the first of its document.
  Tensor run(const Tensor& tokens, const Tensor& before, const Tensor& positions,
             const Tensor& rows, const Attend&) const;
};

extern template struct GptLayers<Linear>;
extern template struct GptLayers<PackedLinear>;

}  // namespace lineage
