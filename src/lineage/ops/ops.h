#pragma once

#include "lineage/kernels/kernels.h"

// Differentiable functions of tensors. Each checks its shapes, calls one kernel, and tells the tape
// which kernel undoes it; kernels.h has the formulas and the sources. An empty tensor stands for an
// optional argument that is absent. N rows may be given as (N,C) or (B,T,C); results are (N,·).
namespace lineage::ops {

// (N,C) (O,C) (O)? (N,O)? -> (N,O)
Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias = {},
              const Tensor& residual = {});
// The same plus x aᵀ bᵀ, for a (R,C) and b (O,R): a matrix of low rank beside the weight (Hu et al.
// 2021, section 4.1). `b` is of low_rank_b(), which scales it.
Tensor linear_low_rank(const Tensor& x, const Tensor& weight, const Tensor& bias, const Tensor& a,
                       const Tensor& b, const Tensor& residual = {});
// Some rows of a matrix's outputs.
struct OutputRows {
  int64_t first = 0, count = 0;
  bool operator==(const OutputRows&) const = default;
};
// The b of n low-rank matrices of rank r that each change other rows of the outputs: theirs, one
// below the other, are b (sum of counts, r). -> (outputs, n r): matrix i times `scale` in its rows
// and the columns i r to (i + 1) r; 0 elsewhere.
Tensor low_rank_b(const Tensor& b, std::span<const OutputRows>, int64_t outputs, float scale);
// (N,C) (F|2F,C) (F|2F)? (C,F) (C)? (N,C)? -> (N,C)
Tensor mlp(const Tensor& x, const Tensor& w1, const Tensor& b1, const Tensor& w2, const Tensor& b2,
           const Tensor& residual, Activation);
Tensor activation(const Tensor& x, Activation);  // (N,F) or (N,2F) -> (N,F)
Tensor layer_norm(const Tensor& x, const Tensor& gain, const Tensor& bias = {}, float eps = 1e-5f);
Tensor rms_norm(const Tensor& x, const Tensor& gain, float eps = 1e-5f);
Tensor add(const Tensor& a, const Tensor& b);

// tokens(N) i32, positions(N) i32?, (V,C), (P,C)? -> (N,C). Indices are checked.
Tensor embed(const Tensor& tokens, const Tensor& positions, const Tensor& token_table,
             const Tensor& position_table = {});
// x (N,C), rows (R) i32 -> (R,C): those rows of x. Indices are checked.
Tensor gather_rows(const Tensor& x, const Tensor& rows);
// qkv (N,(H+2K)D), at most D/2 frequencies -> the same
Tensor rotary(const Tensor& qkv, const Tensor& positions, const AttentionSpec&,
              const std::vector<double>& frequencies);
Tensor head_norm(const Tensor& qkv, const Tensor& q_gain, const Tensor& k_gain,
                 const AttentionSpec&, float eps = 1e-5f);
// qkv (B,T,(H+2K)D), starts(B*T) i32? -> (B*T,H*D)
Tensor attention(const Tensor& qkv, const Tensor& starts, const AttentionSpec&);

// logits (N,V) -> loss (1)
Tensor cross_entropy(const Tensor& logits, const Tensor& targets, const Tensor& weights,
                     float total_weight);
// hidden (N,C), weight (V,C) -> loss (1). Under a tape the gradients are computed at once, for a
// loss gradient of 1: put a coefficient of this loss into `weights`; backward() refuses another.
Tensor linear_cross_entropy(const Tensor& hidden, const Tensor& weight, const Tensor& targets,
                            const Tensor& weights, float total_weight);

// A loss computed outside, as (1), with its gradient in x: dx, in x's shape.
Tensor given_loss(const Tensor& x, float loss, const Tensor& dx);

struct LogProbs {
  Tensor log_probs;  // (N), of the targets
  Tensor entropies;  // (N), empty unless wanted
};
LogProbs log_probs(const Tensor& logits, const Tensor& targets, float temperature = 1,
                   bool with_entropy = false);
LogProbs linear_log_probs(const Tensor& hidden, const Tensor& weight, const Tensor& targets,
                          float temperature = 1, bool with_entropy = false);

// For inference only: they have no gradient, and are an Error under a tape.
Tensor linear_packed(const Tensor& x, const Tensor& packed, int64_t outputs,
                     const Tensor& bias = {}, const Tensor& residual = {});
Tensor attention_decode(Tensor key_cache, Tensor value_cache, const Tensor& qkv,
                        const Tensor& slots, const Tensor& positions, const AttentionSpec&);

}  // namespace lineage::ops
