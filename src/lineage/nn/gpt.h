#pragma once

#include "lineage/nn/gpt_config.h"
#include "lineage/nn/layers.h"
#include "lineage/nn/parameters.h"

namespace lineage {

// A decoder-only transformer with its heads, as it is trained.
struct Gpt : GptLayers<Linear> {
  Gpt(Parameters::Scope, const GptConfig&);  // of a config that validate() passes
  Gpt(const Gpt&) = delete;
  Gpt& operator=(const Gpt&) = delete;

  Tensor logits(const Tensor& hidden) const;   // (N,E) -> (N,V)
  Tensor scalars(const Tensor& hidden) const;  // (N,E) -> (N); wants config.scalar_head
  const Tensor& head() const { return config.tied ? token_embedding : lm_head.weight; }  // (V,E)

  Linear lm_head;      // its weight is empty when tied
  Linear scalar_head;  // (1,E), (1); empty unless config.scalar_head
};

// The parameters that config.scalar_head adds.
inline constexpr const char* kScalarHeadParameters[] = {"scalar_head.weight", "scalar_head.bias"};

// A copy of a model for scoring and decoding, made from its values at the moment: its matrices are
// packed. Embeddings and gains are shared, so the model must outlive it and must not change while
// it is used; after an update make another. Runs under no tape.
struct PackedGpt : GptLayers<PackedLinear> {
  explicit PackedGpt(const Gpt&);

  Tensor logits(const Tensor& hidden) const;    // (N,E) -> (N,V)
  const Tensor& head() const { return head_; }  // (V,E), not packed

 private:
  Tensor head_;
  PackedLinear packed_head_;
};

}  // namespace lineage
