#include "lineage/nn/layers.h"

#include <algorithm>
#include <numeric>

#include "lineage/base/error.h"
#include "lineage/ops/ops.h"

namespace lineage {

void Linear::add_to(Parameters::Scope scope, int64_t in, int64_t out, bool with_bias, float std,
                    ParameterKind kind) {
  if (std > 0)
    scope.normal(weight, "weight", kind, {out, in}, std);
  else
    scope.constant(weight, "weight", kind, {out, in}, 0);
  if (with_bias) scope.constant(bias, "bias", ParameterKind::vector, {out}, 0);
}

Tensor Linear::operator()(const Tensor& x, const Tensor& residual) const {
  if (!low_rank) return ops::linear(x, weight, bias, residual);
  const Tensor b = ops::low_rank_b(low_rank->b, low_rank->rows, weight.dim(0), low_rank->scale);
  return ops::linear_low_rank(x, weight, bias, low_rank->a, b, residual);
}

namespace {

// weight += scale B A, by rows.
void add_low_rank(Tensor weight, const LowRank& low_rank) {
  const Tensor b = ops::low_rank_b(low_rank.b, low_rank.rows, weight.dim(0), low_rank.scale);
  kernels(weight.device()).matmul(weight, b, Trans::no, low_rank.a, Trans::no, 1);
}

}  // namespace

Tensor Linear::merged() const {
  if (!low_rank) return weight;
  Tensor copy = Tensor::like(weight);
  std::ranges::copy(weight.data<float>(), copy.data<float>().begin());
  add_low_rank(copy, *low_rank);
  return copy;
}

void Linear::merge() {
  if (low_rank) add_low_rank(weight, *low_rank);
  low_rank.reset();
}

PackedLinear::PackedLinear(const Linear& linear) : bias(linear.bias) {
  if (linear.weight.empty()) return;
  packed = kernels(linear.weight.device()).pack(linear.merged());
  outputs = linear.weight.dim(0);
}

Tensor PackedLinear::operator()(const Tensor& x, const Tensor& residual) const {
  return ops::linear_packed(x, packed, outputs, bias, residual);
}

void NormLayer::add_to(Parameters::Scope scope, const GptConfig& c) {
  kind = c.norm;
  eps = static_cast<float>(c.norm_eps);
  scope.constant(gain, "weight", ParameterKind::vector, {c.width}, 1);
  if (kind == Norm::layer && c.biased(c.norm_bias))
    scope.constant(bias, "bias", ParameterKind::vector, {c.width}, 0);
}

Tensor NormLayer::operator()(const Tensor& x) const {
  return kind == Norm::layer ? ops::layer_norm(x, gain, bias, eps) : ops::rms_norm(x, gain, eps);
}

namespace {

// out(activation(in(x))) + residual
Tensor mlp(const Linear& in, const Linear& out, const Tensor& x, const Tensor& residual,
           Activation act) {
  if (in.low_rank || out.low_rank) return out(ops::activation(in(x), act), residual);
  return ops::mlp(x, in.weight, in.bias, out.weight, out.bias, residual, act);
}
Tensor mlp(const PackedLinear& in, const PackedLinear& out, const Tensor& x, const Tensor& residual,
           Activation act) {
  return out(ops::activation(in(x), act), residual);
}

}  // namespace

template <class L>
Tensor Block<L>::heads(const Tensor& x, const Tensor& positions, size_t index,
                       const Attend& attend) const {
  Tensor heads = qkv(x);  // (N,(H+2K)D)
  if (!q_gain.empty()) heads = ops::head_norm(heads, q_gain, k_gain, attention, norm_eps);
  if (!rotary_frequencies.empty())
    heads = ops::rotary(heads, positions, attention, rotary_frequencies);
  return attend(index, heads, attention);
}

template <class L>
Tensor Block<L>::operator()(const Tensor& x, const Tensor& positions, size_t index,
                            const Attend& attend, const Tensor& rows) const {
  const auto wanted = [&](const Tensor& all) {
    return rows.empty() ? all : ops::gather_rows(all, rows);
  };
  const bool post = form == BlockForm::post_norm;
  const Tensor seen = wanted(heads(post ? x : norm1(x), positions, index, attend));
  const Tensor left = wanted(x);
  const Tensor mixed = attention_out(seen, left);
  switch (form) {
    case BlockForm::pre_norm:
      return mlp(mlp_in, mlp_out, norm2(mixed), mixed, activation);
    case BlockForm::parallel:
      return mlp(mlp_in, mlp_out, norm2(left), mixed, activation);
    case BlockForm::post_norm:
      break;
  }
  const Tensor normed = norm1(mixed);
  return norm2(ops::add(mlp(mlp_in, mlp_out, normed, {}, activation), normed));
}

KvCache::KvCache(const GptConfig& config, int64_t slots_, int64_t context_)
    : slots(slots_), context(context_) {
  const AttentionSpec spec = config.attention(0);
  for (int64_t i = 0; i < config.layers; ++i) {
    keys.push_back(Tensor::zeros({slots, context, spec.kv_heads * spec.head_width}));
    values.push_back(Tensor::zeros({slots, context, spec.kv_heads * spec.head_width}));
  }
  if (config.token_shift) tokens = Tensor::zeros({slots, context}, DType::i32);
}

int64_t KvCache::bytes(const GptConfig& config, int64_t slots, int64_t context) {
  const AttentionSpec spec = config.attention(0);
  return 2 * config.layers * slots * context * spec.kv_heads * spec.head_width *
             size_of(DType::f32) +
         (config.token_shift ? slots * context * size_of(DType::i32) : 0);
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

template <class L>
Tensor GptLayers<L>::hidden(const Tensor& tokens, const Tensor& positions, const Tensor& starts,
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
  const Tensor before = config.token_shift ? tokens_before(tokens, starts) : Tensor();
  return run(tokens, before, at, rows, [&](size_t, const Tensor& qkv, const AttentionSpec& spec) {
    return ops::attention(qkv.view({B, T, qkv.dim(-1)}), starts, spec);
  });
}

template <class L>
Tensor GptLayers<L>::hidden(const Tensor& tokens, const Tensor& slots, const Tensor& positions,
                            KvCache& cache, const Tensor& rows) const {
  const Tensor before =
      config.token_shift ? tokens_before(tokens, slots, positions, cache.tokens) : Tensor();
  return run(tokens, before, positions, rows,
             [&](size_t block, const Tensor& qkv, const AttentionSpec& spec) {
               return ops::attention_decode(cache.keys[block], cache.values[block], qkv, slots,
                                            positions, spec);
             });
}

template <class L>
Tensor GptLayers<L>::embed(const Tensor& tokens, const Tensor& before,
                           const Tensor& positions) const {
  Tensor at = positions;
  if (config.position_offset && !position_embedding.empty()) {
    at = Tensor::like(positions);
    for (int64_t i = 0; i < at.numel(); ++i)
      at.data<int32_t>()[i] =
          positions.data<int32_t>()[i] + static_cast<int32_t>(config.position_offset);
  }
  Tensor x;  // (N,C)
  if (!config.embedding_width)
    x = ops::embed(tokens, at, token_embedding, position_embedding);
  else
    x = project_in(ops::embed(tokens, {}, token_embedding),
                   position_embedding.empty() ? Tensor() : ops::embed(at, {}, position_embedding));
  if (!before.empty()) x = previous(ops::embed(before, {}, token_embedding), x);
  return embedding_norm.empty() ? x : embedding_norm(x);
}

template <class L>
Tensor GptLayers<L>::run(const Tensor& tokens, const Tensor& before, const Tensor& positions,
                         const Tensor& rows, const Attend& attend) const {
  Tensor x = embed(tokens, before, positions);  // (N,C)
  for (size_t i = 0; i < blocks.size(); ++i)
    x = blocks[i](x, positions, i, attend, i + 1 == blocks.size() ? rows : Tensor());
  if (!norm.empty()) x = norm(x);
  return config.embedding_width ? project_out(x) : x;
}

template struct GptLayers<Linear>;
template struct GptLayers<PackedLinear>;

}  // namespace lineage
