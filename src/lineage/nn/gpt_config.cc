#include "lineage/nn/gpt_config.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "lineage/base/error.h"

namespace lineage {

namespace {

// A frequency of the llama3 scaling. s goes from 0, where the wavelength is original_context / low,
// to 1, where it is original_context / high.
double llama3_frequency(double frequency, const RotaryScaling& c) {
  const double wavelength = 2 * std::numbers::pi / frequency;
  const double s =
      (static_cast<double>(c.original_context) / wavelength - c.low) / (c.high - c.low);
  const double kept = std::clamp(s, 0.0, 1.0);
  return (1 - kept) * frequency / c.factor + kept * frequency;
}

}  // namespace

AttentionSpec GptConfig::attention(int64_t block) const {
  const bool windowed =
      block >= window_from && (window_blocks == WindowBlocks::all || block % 2 == 1);
  return {heads, kv_heads ? kv_heads : heads, head_width ? head_width : width / heads,
          windowed ? window : 0, positions == Positions::alibi};
}

std::vector<double> GptConfig::rotary_frequencies() const {
  if (positions != Positions::rotary) return {};
  const int64_t channels = rotary_width ? rotary_width : attention(0).head_width;
  std::vector<double> all = lineage::rotary_frequencies(static_cast<float>(rotary_theta), channels);
  for (double& f : all) switch (rotary_scaling.kind) {
      case RotaryScalingKind::none:
        break;
      case RotaryScalingKind::linear:
        f /= rotary_scaling.factor;
        break;
      case RotaryScalingKind::llama3:
        f = llama3_frequency(f, rotary_scaling);
    }
  return all;
}

GptConfig GptConfig::canonical() const {
  const GptConfig plain;
  GptConfig c = *this;
  const AttentionSpec spec = attention(0);
  c.mlp_width = mlp_hidden_width();
  c.kv_heads = spec.kv_heads;
  c.head_width = spec.head_width;
  c.bias = biased(mlp_bias);
  const auto relative = [&](Biases place) {
    return biased(place) == c.bias ? Biases::model : biased(place) ? Biases::yes : Biases::no;
  };
  c.qkv_bias = relative(qkv_bias), c.attention_bias = relative(attention_bias);
  c.mlp_bias = Biases::model;
  c.norm_bias = norm == Norm::rms ? Biases::model : relative(norm_bias);
  if (window == 0) c.window_blocks = plain.window_blocks, c.window_from = 0;
  if (c.rotary_width == spec.head_width) c.rotary_width = 0;
  if (rotary_scaling.kind != RotaryScalingKind::llama3)
    c.rotary_scaling = {rotary_scaling.kind, rotary_scaling.factor};
  if (rotary_scaling.kind == RotaryScalingKind::none) c.rotary_scaling = {};
  if (positions != Positions::rotary)
    c.rotary_theta = plain.rotary_theta, c.rotary_width = 0, c.rotary_scaling = {};
  return c;
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
  const int64_t head = attention(0).head_width;
  const bool rotary = positions == Positions::rotary;
  wants(!rotary || rotary_width > 0 || head % 2 == 0, "head_width", head,
        "an even one for rotary positions");
  wants(!rotary || (rotary_width <= head && rotary_width % 2 == 0), "rotary_width", rotary_width,
        "an even number, at most the width of a head");
  wants(rotary_scaling.low < rotary_scaling.high, "rotary_scaling.high", rotary_scaling.high,
        "one above rotary_scaling.low");
  wants(vocab >= 1, "vocab", vocab, "at least 1");
  wants(position_offset <= context, "position_offset", position_offset, "0 to context");
}

}  // namespace lineage
