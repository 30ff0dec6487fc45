#include "lineage/train/train_config.h"

#include <fmt/format.h>

#include <algorithm>

#include "lineage/base/error.h"

namespace lineage {

void TrainConfig::validate(const std::string& place, int64_t context) const {
  const auto wants = [&](bool ok, std::string_view field, auto seen, std::string_view wanted) {
    require(ok, place, ".", field, " is ", seen, "; wanted ", wanted);
  };
  wants(tokens >= context, "tokens", tokens, fmt::format("at least one row of {}", context));
  wants(batch_tokens >= context, "batch_tokens", batch_tokens,
        fmt::format("at least one row of {}", context));
  wants(ramp_from <= batch_tokens, "ramp_from", ramp_from, "0 to batch_tokens");
}

std::string warmup_note(std::string_view node, const TrainConfig& c) {
  return fmt::format(
      "{}: schedule.warmup_tokens is {} of a run of {} tokens; the rate never comes to its peak",
      node, c.schedule.warmup_tokens, c.tokens);
}

BatchPlan TrainConfig::plan(int64_t context) const {
  return BatchPlan(tokens / context, batch_tokens / context, ramp_from / context,
                   ramp_tokens / context);
}

int64_t training_bytes(const GptConfig& c, const TrainConfig& t, int ranks,
                       const std::optional<LoraConfig>& lora) {
  const AttentionSpec a = c.attention(0);
  // In doubles, which a product of large sizes does not overflow.
  const auto P = static_cast<double>(parameter_count(c));
  // Values and gradients of the trained ones, and the values of the others.
  const double trained = lora ? static_cast<double>(adapter_parameter_count(c, *lora)) : P;
  const double frozen = lora ? P : 0;
  const int64_t W = a.qkv_width(), HD = a.heads * a.head_width;
  const int64_t F = c.mlp_hidden_width(), F1 = gated(c.activation) ? 2 * F : F;
  const int64_t rank_tokens = std::max(c.context, t.batch_tokens / ranks);
  const int64_t N = std::min(rank_tokens, std::max(t.micro_tokens, c.context));
  const int64_t heads = W * (1 + (c.qk_norm ? 1 : 0) + (c.positions == Positions::rotary ? 1 : 0));
  int64_t kept = 4 * c.width + heads + HD + a.heads + F1;  // a row and a block
  if (lora) kept += F;  // an MLP with adapters keeps its activation
  const int64_t passing = 4 * c.width + 2 * W + F1 + 2 * F;  // gradients of one block
  constexpr double kLossScratch = 192 << 20, kMost = 4611686018427387904;
  const auto f32 = static_cast<double>(size_of(DType::f32));
  const auto rows = static_cast<double>(N);
  const double logits = std::min(kLossScratch, 3 * rows * static_cast<double>(c.vocab) * f32);
  const double bytes = f32 * (frozen + 2 * trained + 2 * trained / ranks +
                              rows * static_cast<double>(c.layers * kept + passing)) +
                       logits;
  return static_cast<int64_t>(std::min(bytes, kMost));
}

}  // namespace lineage
