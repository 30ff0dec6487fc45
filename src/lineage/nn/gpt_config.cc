#include "lineage/nn/gpt_config.h"

#include "lineage/base/error.h"
#include "lineage/nn/gpt.h"

namespace lineage {

AttentionSpec GptConfig::attention(int64_t block) const {
  return {heads, kv_heads ? kv_heads : heads, head_width ? head_width : width / heads,
          block % 2 == 1 ? window : 0, positions == Positions::alibi};
}

int64_t GptConfig::mlp_hidden_width() const {
  constexpr int64_t kMultiple = 32;
  if (mlp_width) return mlp_width;
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

int64_t parameter_count(const GptConfig& c) {
  Parameters parameters;
  const Gpt gpt(parameters.root(), c);
  return parameters.numel();
}

int64_t matmul_parameters(const GptConfig& c) {
  Parameters parameters;
  const Gpt gpt(parameters.root(), c);
  return parameters.numel(ParameterKind::matrix) + parameters.numel(ParameterKind::head) +
         (c.tied ? c.vocab * c.width : 0);
}

double training_flops_per_token(const GptConfig& c) {
  const AttentionSpec spec = c.attention(0);
  return 6.0 * static_cast<double>(matmul_parameters(c)) +
         12.0 * static_cast<double>(c.layers * c.context * spec.heads * spec.head_width);
}

}  // namespace lineage
