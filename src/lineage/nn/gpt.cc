#include "lineage/nn/gpt.h"

#include <cmath>

#include "lineage/base/error.h"
#include "lineage/ops/ops.h"

namespace lineage {
namespace {

void add_block(Block<Linear>& b, Parameters::Scope scope, const GptConfig& c, int64_t index) {
  b.attention = c.attention(index);
  b.activation = c.activation;
  b.form = c.block_form;
  b.rotary_frequencies = c.rotary_frequencies();
  b.norm_eps = static_cast<float>(c.norm_eps);
  const int64_t D = b.attention.head_width, HD = b.attention.heads * D, F = c.mlp_hidden_width();
  const float std = static_cast<float>(c.init_std);
  // GPT-2 scales the projections into the residual stream by the number of them.
  const float residual_std =
      c.zero_residual ? 0 : std / std::sqrt(2 * static_cast<float>(c.layers));
  b.norm1.add_to(scope / "norm1", c);
  b.qkv.add_to(scope / "attention.qkv", c.width, b.attention.qkv_width(), c.biased(c.qkv_bias),
               std);
  if (c.qk_norm) {
    (scope / "attention").constant(b.q_gain, "q_gain", ParameterKind::vector, {D}, 1);
    (scope / "attention").constant(b.k_gain, "k_gain", ParameterKind::vector, {D}, 1);
  }
  b.attention_out.add_to(scope / "attention.out", HD, c.width, c.biased(c.attention_bias),
                         residual_std);
  b.norm2.add_to(scope / "norm2", c);
  b.mlp_in.add_to(scope / "mlp.in", c.width, gated(c.activation) ? 2 * F : F, c.biased(c.mlp_bias),
                  std);
  b.mlp_out.add_to(scope / "mlp.out", F, c.width, c.biased(c.mlp_bias), residual_std);
}

Block<PackedLinear> packed(const Block<Linear>& b) {
  return {b, PackedLinear(b.qkv), PackedLinear(b.attention_out), PackedLinear(b.mlp_in),
          PackedLinear(b.mlp_out)};
}

}  // namespace

Gpt::Gpt(Parameters::Scope scope, const GptConfig& c) : GptLayers(c) {
  blocks.resize(static_cast<size_t>(c.layers));
  const float std = static_cast<float>(c.init_std);
  const int64_t E = c.embedding_channels();
  scope.normal(token_embedding, "token_embedding.weight", ParameterKind::embedding, {c.vocab, E},
               std);
  if (c.positions == Positions::learned)
    scope.normal(position_embedding, "position_embedding.weight", ParameterKind::embedding,
                 {c.context + c.position_offset, c.width}, std);
  if (c.token_shift) previous.add_to(scope / "previous", E, c.width, false, std);
  if (c.embedding_width) {
    project_in.add_to(scope / "project_in", E, c.width, false, std);
    project_out.add_to(scope / "project_out", c.width, E, false, std);
  }
  if (c.embedding_norm) embedding_norm.add_to(scope / "embedding_norm", c);
  for (size_t i = 0; i < blocks.size(); ++i)
    add_block(blocks[i], scope / ("blocks." + std::to_string(i)), c, static_cast<int64_t>(i));
  if (c.block_form != BlockForm::post_norm) norm.add_to(scope / "norm", c);
  if (!c.tied) lm_head.add_to(scope / "lm_head", E, c.vocab, false, std, ParameterKind::head);
  if (c.scalar_head)  // its deviation as in Stiennon et al. 2020, appendix B.1
    scalar_head.add_to(scope / "scalar_head", E, 1, true, 1 / std::sqrt(static_cast<float>(E + 1)),
                       ParameterKind::head);
}

Tensor Gpt::logits(const Tensor& hidden) const { return ops::linear(hidden, head()); }

Tensor Gpt::scalars(const Tensor& hidden) const {
  require(config.scalar_head, "gpt: scalar_head is false; wanted a model with a scalar head");
  const Tensor y = scalar_head(hidden);
  return y.view({y.numel()});
}

PackedGpt::PackedGpt(const Gpt& gpt)
    : GptLayers(gpt.config), head_(gpt.head()), packed_head_(Linear{gpt.head(), {}}) {
  token_embedding = gpt.token_embedding;
  position_embedding = gpt.position_embedding;
  previous = PackedLinear(gpt.previous);
  project_in = PackedLinear(gpt.project_in);
  project_out = PackedLinear(gpt.project_out);
  embedding_norm = gpt.embedding_norm;
  for (const Block<Linear>& block : gpt.blocks) blocks.push_back(packed(block));
  norm = gpt.norm;
}

Tensor PackedGpt::logits(const Tensor& hidden) const { return packed_head_(hidden); }

int64_t parameter_count(const GptConfig& c) {
  Parameters parameters;
  const Gpt gpt(parameters.root(), c);
  return parameters.numel();
}

int64_t matmul_parameters(const GptConfig& c) {
  Parameters parameters;
  const Gpt gpt(parameters.root(), c);
  return parameters.numel(ParameterKind::matrix) + parameters.numel(ParameterKind::head) +
         (c.tied ? c.vocab * c.embedding_channels() : 0);
}

double training_flops_per_token(const GptConfig& c) {
  const AttentionSpec spec = c.attention(0);
  return 6.0 * static_cast<double>(matmul_parameters(c)) +
         12.0 * static_cast<double>(c.layers * c.context * spec.heads * spec.head_width);
}

}  // namespace lineage
