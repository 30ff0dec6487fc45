#include "lineage/base/error.h"
#include "lineage/ops/ops.h"
#include "lineage/ops/tape.h"

namespace lineage::ops {
namespace {

void check_indices(std::string_view op, std::string_view what, const Tensor& indices, int64_t n) {
  for (int32_t i : indices.data<int32_t>())
    require(i >= 0 && i < n, op, ": ", what, " ", i, "; wanted 0 to ", n - 1);
}

}  // namespace

Tensor embed(const Tensor& tokens, const Tensor& positions, const Tensor& token_table,
             const Tensor& position_table) {
  const int64_t N = tokens.numel(), C = token_table.dim(1);
  require(position_table.empty() || (positions.numel() == N && position_table.dim(1) == C),
          "embed: tokens are ", tokens.shape(), ", positions ", positions.shape(), ", tables ",
          token_table.shape(), " and ", position_table.shape());
  check_indices("embed", "token", tokens, token_table.dim(0));
  if (!position_table.empty()) check_indices("embed", "position", positions, position_table.dim(0));
  Tensor y = Tensor::empty({N, C});
  const Kernels& k = kernels(token_table.device());
  const Tensor at = position_table.empty() ? Tensor{} : positions;
  k.embed(y, tokens, at, token_table, position_table);
  record("embed", {token_table, position_table}, {y},
         [=, &k](std::span<const Tensor> dys, auto grads) {
           k.embed_backward(grads[0], grads[1], dys[0], tokens, at);
         });
  return y;
}

Tensor gather_rows(const Tensor& x, const Tensor& rows) { return embed(rows, {}, x); }

Tensor rotary(const Tensor& qkv, const Tensor& positions, const AttentionSpec& spec,
              const std::vector<double>& frequencies) {
  require(qkv.dim(-1) == spec.qkv_width() &&
              2 * static_cast<int64_t>(frequencies.size()) <= spec.head_width &&
              positions.numel() * qkv.dim(-1) == qkv.numel(),
          "rotary: qkv is ", qkv.shape(), ", positions ", positions.shape(), ", heads ", spec.heads,
          "+2*", spec.kv_heads, " of width ", spec.head_width, ", frequencies ",
          frequencies.size());
  Tensor y = Tensor::like(qkv);
  const Kernels& k = kernels(qkv.device());
  k.rotary(y, qkv, positions, spec, frequencies, false);
  record("rotary", {qkv}, {y}, [=, &k](std::span<const Tensor> dys, auto grads) {
    if (!grads[0]) return;
    Tensor back = dys[0];  // the tape has released dys[0], so it can be overwritten
    k.rotary(back, dys[0], positions, spec, frequencies, true);
    k.copy_grad(grads[0], back, {});
  });
  return y;
}

Tensor head_norm(const Tensor& qkv, const Tensor& q_gain, const Tensor& k_gain,
                 const AttentionSpec& spec, float eps) {
  require(qkv.dim(-1) == spec.qkv_width() && q_gain.shape() == Shape{spec.head_width} &&
              k_gain.shape() == Shape{spec.head_width},
          "head_norm: qkv is ", qkv.shape(), ", gains ", q_gain.shape(), " and ", k_gain.shape(),
          ", heads ", spec.heads, "+2*", spec.kv_heads, " of width ", spec.head_width);
  const int64_t N = qkv.numel() / qkv.dim(-1);
  Tensor y = Tensor::like(qkv), rstd = Tensor::empty({N, spec.heads + spec.kv_heads});
  const Kernels& k = kernels(qkv.device());
  k.head_norm(y, rstd, qkv, q_gain, k_gain, spec, eps);
  record("head_norm", {qkv, q_gain, k_gain}, {y}, [=, &k](std::span<const Tensor> dys, auto grads) {
    k.head_norm_backward(grads[0], grads[1], grads[2], dys[0], qkv, q_gain, k_gain, rstd, spec);
  });
  return y;
}

Tensor attention(const Tensor& qkv, const Tensor& starts, const AttentionSpec& spec) {
  require(qkv.shape().rank() == 3 && qkv.dim(2) == spec.qkv_width() &&
              spec.heads % spec.kv_heads == 0 &&
              (starts.empty() || starts.numel() == qkv.dim(0) * qkv.dim(1)),
          "attention: qkv is ", qkv.shape(), ", starts ", starts.shape(), ", heads ", spec.heads,
          "+2*", spec.kv_heads, " of width ", spec.head_width);
  const int64_t N = qkv.dim(0) * qkv.dim(1);
  Tensor y = Tensor::empty({N, spec.heads * spec.head_width});
  Tensor lse = Tensor::empty({N, spec.heads});
  const Kernels& k = kernels(qkv.device());
  k.attention(y, lse, qkv, starts, spec);
  record("attention", {qkv}, {y}, [=, &k](std::span<const Tensor> dys, auto grads) {
    k.attention_backward(grads[0], dys[0], y, lse, qkv, starts, spec);
  });
  return y;
}

Tensor attention_decode(Tensor key_cache, Tensor value_cache, const Tensor& qkv,
                        const Tensor& slots, const Tensor& positions, const AttentionSpec& spec) {
  const int64_t R = qkv.numel() / spec.qkv_width();
  refuse_tape("attention_decode");
  require(qkv.dim(-1) == spec.qkv_width() && slots.numel() == R && positions.numel() == R &&
              key_cache.shape() == value_cache.shape() &&
              key_cache.dim(-1) == spec.kv_heads * spec.head_width,
          "attention_decode: qkv is ", qkv.shape(), ", caches ", key_cache.shape(), ", slots ",
          slots.shape(), ", positions ", positions.shape());
  check_indices("attention_decode", "slot", slots, key_cache.dim(0));
  check_indices("attention_decode", "position", positions, key_cache.dim(1));
  Tensor y = Tensor::empty({R, spec.heads * spec.head_width});
  kernels(qkv.device()).attention_decode(y, key_cache, value_cache, qkv, slots, positions, spec);
  return y;
}

}  // namespace lineage::ops
