#include "lineage/nn/gpt.h"

#include <cmath>
#include <numeric>

#include "lineage/base/error.h"
#include "lineage/ops/ops.h"

namespace lineage {

AttentionSpec GptConfig::attention(int64_t block) const {
  return {heads, kv_heads ? kv_heads : heads, head_width ? head_width : width / heads,
          block % 2 == 1 ? window : 0, positions == Positions::alibi};
}

int64_t GptConfig::hidden_width() const {
  constexpr int64_t kMultiple = 32;
  if (hidden) return hidden;
  if (!gated(activation)) return 4 * width;
  return (8 * width / 3 + kMultiple - 1) / kMultiple * kMultiple;
}

void GptConfig::validate(const std::string& place) const {
  const auto wants = [&](bool ok, std::string_view field, auto seen, std::string_view wanted) {
    require(ok, place, ": model.", field, " is ", seen, "; wanted ", wanted);
  };
  check_ranges(*this, place + ": model.");
  wants(heads <= width, "heads", heads, "1 to width");
  wants(head_width > 0 || width % heads == 0, "width", width,
        "a multiple of heads, or a head_width");
  wants(kv_heads == 0 || heads % kv_heads == 0, "kv_heads", kv_heads, "a divisor of heads");
  constexpr int64_t kMostChannels = 1 << 24;  // of all heads
  wants(heads * attention(0).head_width <= kMostChannels, "head_width", head_width,
        "at most 16777216 channels in all heads");
  wants(positions != Positions::rotary || attention(0).head_width % 2 == 0, "head_width",
        attention(0).head_width, "an even one for rotary positions");
  wants(vocab >= 1, "vocab", vocab, "at least 1");
  wants(position_offset <= context, "position_offset", position_offset, "0 to context");
}

KvCache::KvCache(const GptConfig& config, int64_t slots_, int64_t context_)
    : slots(slots_), context(context_) {
  const AttentionSpec spec = config.attention(0);
  for (int64_t i = 0; i < config.layers; ++i) {
    keys.push_back(Tensor::zeros({slots, context, spec.kv_heads * spec.head_width}));
    values.push_back(Tensor::zeros({slots, context, spec.kv_heads * spec.head_width}));
  }
  if (config.previous_token) tokens = Tensor::zeros({slots, context}, DType::i32);
}

int64_t KvCache::bytes(const GptConfig& config, int64_t slots, int64_t context) {
  const AttentionSpec spec = config.attention(0);
  return 2 * config.layers * slots * context * spec.kv_heads * spec.head_width *
             size_of(DType::f32) +
         (config.previous_token ? slots * context * size_of(DType::i32) : 0);
}

void Linear::add_to(Parameters::Scope scope, int64_t in, int64_t out, bool with_bias, float std) {
  if (std > 0)
    scope.normal(weight, "weight", ParameterKind::matrix, {out, in}, std);
  else
    scope.constant(weight, "weight", ParameterKind::matrix, {out, in}, 0);
  if (with_bias) scope.constant(bias, "bias", ParameterKind::vector, {out}, 0);
}

Tensor Linear::operator()(const Tensor& x, const Tensor& residual) const {
  return packed.empty() ? ops::linear(x, weight, bias, residual)
                        : ops::linear_packed(x, packed, weight.dim(0), bias, residual);
}

void Linear::pack() { packed = kernels(weight.device()).pack(weight); }

void NormLayer::add_to(Parameters::Scope scope, const GptConfig& c) {
  kind = c.norm;
  eps = static_cast<float>(c.norm_eps);
  scope.constant(gain, "weight", ParameterKind::vector, {c.width}, 1);
  if (kind == Norm::layer && c.bias)
    scope.constant(bias, "bias", ParameterKind::vector, {c.width}, 0);
}

Tensor NormLayer::operator()(const Tensor& x) const {
  return kind == Norm::layer ? ops::layer_norm(x, gain, bias, eps) : ops::rms_norm(x, gain, eps);
}

void Block::add_to(Parameters::Scope scope, const GptConfig& c, int64_t index) {
  attention = c.attention(index);
  activation = c.activation;
  rotary = c.positions == Positions::rotary;
  rotary_theta = static_cast<float>(c.rotary_theta);
  norm_eps = static_cast<float>(c.norm_eps);
  const int64_t D = attention.head_width, HD = attention.heads * D, F = c.hidden_width();
  const float std = static_cast<float>(c.init_std);
  // GPT-2 scales the projections into the residual stream by the number of them.
  const float residual_std =
      c.zero_residual ? 0 : std / std::sqrt(2 * static_cast<float>(c.layers));
  norm1.add_to(scope / "norm1", c);
  qkv.add_to(scope / "attention.qkv", c.width, attention.qkv_width(), c.bias, std);
  if (c.qk_norm) {
    (scope / "attention").constant(q_gain, "q_gain", ParameterKind::vector, {D}, 1);
    (scope / "attention").constant(k_gain, "k_gain", ParameterKind::vector, {D}, 1);
  }
  attention_out.add_to(scope / "attention.out", HD, c.width, c.bias, residual_std);
  norm2.add_to(scope / "norm2", c);
  mlp_in.add_to(scope / "mlp.in", c.width, gated(c.activation) ? 2 * F : F, c.bias, std);
  mlp_out.add_to(scope / "mlp.out", F, c.width, c.bias, residual_std);
}

Tensor Block::operator()(const Tensor& x, const Tensor& positions, const Attend& attend,
                         const Tensor& rows) const {
  const auto wanted = [&](const Tensor& all) {
    return rows.empty() ? all : ops::take_rows(all, rows);
  };
  Tensor heads = qkv(norm1(x));  // (N,(H+2K)D)
  if (!q_gain.empty()) heads = ops::head_norm(heads, q_gain, k_gain, attention, norm_eps);
  if (rotary) heads = ops::rotary(heads, positions, attention, rotary_theta);
  const Tensor mixed = attention_out(wanted(attend(heads, attention)), wanted(x));
  const Tensor inner = norm2(mixed);
  if (mlp_in.packed.empty())
    return ops::mlp(inner, mlp_in.weight, mlp_in.bias, mlp_out.weight, mlp_out.bias, mixed,
                    activation);
  return mlp_out(ops::activation(mlp_in(inner), activation), mixed);
}

void Block::pack() {
  for (Linear* linear : {&qkv, &attention_out, &mlp_in, &mlp_out}) linear->pack();
}

Gpt::Gpt(Parameters::Scope scope, const GptConfig& c)
    : config(c), blocks(static_cast<size_t>(c.layers)) {
  config.validate("gpt");
  const float std = static_cast<float>(c.init_std);
  scope.normal(token_embedding, "token_embedding.weight", ParameterKind::embedding,
               {c.vocab, c.width}, std);
  if (c.positions == Positions::learned)
    scope.normal(position_embedding, "position_embedding.weight", ParameterKind::embedding,
                 {c.context + c.position_offset, c.width}, std);
  if (c.previous_token) previous.add_to(scope / "previous", c.width, c.width, false, std);
  for (size_t i = 0; i < blocks.size(); ++i)
    blocks[i].add_to(scope / ("blocks." + std::to_string(i)), c, static_cast<int64_t>(i));
  norm.add_to(scope / "norm", c);
  if (!c.tied)
    (scope / "lm_head")
        .normal(lm_head.weight, "weight", ParameterKind::embedding, {c.vocab, c.width}, std);
}

namespace {

// The token before each one of tokens (B,T), its own where it is the first of its document.
Tensor tokens_before(const Tensor& tokens, const Tensor& starts) {
  const int64_t T = tokens.dim(1);
  Tensor before = Tensor::empty({tokens.numel()}, DType::i32);
  const auto from = tokens.data<int32_t>();
  const auto to = before.data<int32_t>();
  for (size_t n = 0; n < to.size(); ++n) {
    const int64_t t = static_cast<int64_t>(n) % T;
    const int64_t first = starts.empty() ? 0 : starts.data<int32_t>()[n];
    to[n] = from[t == first ? n : n - 1];
  }
  return before;
}

// The same of rows that continue sequences of the cache, which remembers their tokens.
Tensor tokens_before(const Tensor& tokens, const Tensor& slots, const Tensor& positions,
                     Tensor& seen) {
  Tensor before = Tensor::empty({tokens.numel()}, DType::i32);
  for (size_t n = 0; n < static_cast<size_t>(tokens.numel()); ++n) {
    const int64_t position = positions.data<int32_t>()[n];
    int32_t* const at = seen.data<int32_t>().data() + slots.data<int32_t>()[n] * seen.dim(1);
    at[position] = tokens.data<int32_t>()[n];
    before.data<int32_t>()[n] = at[std::max<int64_t>(0, position - 1)];
  }
  return before;
}

}  // namespace

Tensor Gpt::hidden(const Tensor& tokens, const Tensor& positions, const Tensor& starts,
                   const Tensor& rows) const {
  require(tokens.shape().rank() == 2, "gpt: tokens are ", tokens.shape(), "; wanted (B,T)");
  const int64_t B = tokens.dim(0), T = tokens.dim(1);
  require(T <= config.context || config.positions != Positions::learned, "gpt: a row has ", T,
          " tokens; the context is ", config.context);
  Tensor at = positions;
  if (at.empty()) {
    at = Tensor::empty({B * T}, DType::i32);
    for (int64_t b = 0; b < B; ++b)
      std::iota(at.data<int32_t>().begin() + b * T, at.data<int32_t>().begin() + (b + 1) * T, 0);
  }
  const Tensor before = config.previous_token ? tokens_before(tokens, starts) : Tensor();
  return run(tokens, before, at, rows, [&](size_t, const Tensor& qkv, const AttentionSpec& spec) {
    return ops::attention(qkv.view({B, T, qkv.dim(-1)}), starts, spec);
  });
}

Tensor Gpt::hidden(const Tensor& tokens, const Tensor& slots, const Tensor& positions,
                   KvCache& cache, const Tensor& rows) const {
  const Tensor before =
      config.previous_token ? tokens_before(tokens, slots, positions, cache.tokens) : Tensor();
  return run(tokens, before, positions, rows,
             [&](size_t block, const Tensor& qkv, const AttentionSpec& spec) {
               return ops::attention_decode(cache.keys[block], cache.values[block], qkv, slots,
                                            positions, spec);
             });
}

Tensor Gpt::embed(const Tensor& tokens, const Tensor& before, const Tensor& positions) const {
  Tensor at = positions;
  if (config.position_offset && !position_embedding.empty()) {
    at = Tensor::like(positions);
    for (int64_t i = 0; i < at.numel(); ++i)
      at.data<int32_t>()[static_cast<size_t>(i)] =
          positions.data<int32_t>()[static_cast<size_t>(i)] +
          static_cast<int32_t>(config.position_offset);
  }
  const Tensor x = ops::embed(tokens, at, token_embedding, position_embedding);  // (N,C)
  if (before.empty()) return x;
  return previous(ops::embed(before, {}, token_embedding, {}), x);
}

Tensor Gpt::run(
    const Tensor& tokens, const Tensor& before, const Tensor& positions, const Tensor& rows,
    const std::function<Tensor(size_t, const Tensor&, const AttentionSpec&)>& attend) const {
  Tensor x = embed(tokens, before, positions);  // (N,C)
  for (size_t i = 0; i < blocks.size(); ++i)
    x = blocks[i](
        x, positions,
        [&](const Tensor& qkv, const AttentionSpec& spec) { return attend(i, qkv, spec); },
        i + 1 == blocks.size() ? rows : Tensor());
  return norm(x);
}

Tensor Gpt::logits(const Tensor& hidden) const {
  return lm_head.packed.empty() ? ops::linear(hidden, head())
                                : ops::linear_packed(hidden, lm_head.packed, config.vocab);
}

void Gpt::pack() {
  if (config.previous_token) previous.pack();
  for (Block& block : blocks) block.pack();
  lm_head.packed = kernels(head().device()).pack(head());
}

int64_t parameter_count(const GptConfig& c) {
  const AttentionSpec spec = c.attention(0);
  const int64_t D = spec.head_width, HD = spec.heads * D, F = c.hidden_width();
  const int64_t F1 = gated(c.activation) ? 2 * F : F, bias = c.bias ? 1 : 0;
  const int64_t norm = c.width * (c.norm == Norm::layer && c.bias ? 2 : 1);
  const int64_t block = 2 * norm + spec.qkv_width() * (c.width + bias) + c.width * (HD + bias) +
                        F1 * (c.width + bias) + c.width * (F + bias) + (c.qk_norm ? 2 * D : 0);
  const int64_t positions =
      c.positions == Positions::learned ? (c.context + c.position_offset) * c.width : 0;
  const int64_t previous = c.previous_token ? c.width * c.width : 0;
  return c.layers * block + norm + positions + previous + (c.tied ? 1 : 2) * c.vocab * c.width;
}

int64_t matmul_parameters(const GptConfig& c) {
  const AttentionSpec spec = c.attention(0);
  const int64_t HD = spec.heads * spec.head_width, F = c.hidden_width();
  const int64_t F1 = gated(c.activation) ? 2 * F : F;
  return c.layers * c.width * (spec.qkv_width() + HD + F1 + F) + c.vocab * c.width +
         (c.previous_token ? c.width * c.width : 0);
}

double training_flops_per_token(const GptConfig& c) {
  const AttentionSpec spec = c.attention(0);
  return 6.0 * static_cast<double>(matmul_parameters(c)) +
         12.0 * static_cast<double>(c.layers * c.context * spec.heads * spec.head_width);
}

}  // namespace lineage
