#include "lineage/checkpoint/huggingface/config_keys.h"

#include <cmath>

namespace lineage {
namespace {

// The first name of each activation is the one that we write.
struct ActivationName {
  std::string_view name;
  Activation activation;
};
constexpr ActivationName kActivations[] = {
    {"gelu_new", Activation::gelu_tanh},  {"gelu_pytorch_tanh", Activation::gelu_tanh},
    {"gelu_fast", Activation::gelu_tanh}, {"gelu_accurate", Activation::gelu_tanh},
    {"gelu", Activation::gelu_erf},       {"gelu_python", Activation::gelu_erf},
    {"relu", Activation::relu},           {"relu2", Activation::relu_squared},
};

}  // namespace

int64_t config_size(const JsonObject& json, std::string_view key, int64_t fallback) {
  constexpr int64_t kLargest = int64_t{1} << 28;
  const int64_t value = json.get_or<int64_t>(key, fallback);
  if (value < 1 || value > kLargest)
    json.refuse(key, "an integer from 1 to " + std::to_string(kLargest));
  return value;
}

int64_t config_heads(const JsonObject& json, std::string_view key, int64_t width,
                     int64_t fallback) {
  const int64_t heads = config_size(json, key, fallback);
  if (width % heads != 0) json.refuse(key, "a divisor of the width " + std::to_string(width));
  return heads;
}

int64_t config_kv_heads(const JsonObject& json, int64_t heads, int64_t fallback) {
  constexpr std::string_view kKey = "num_key_value_heads";
  const int64_t kv_heads =
      config_size(json, kKey, json.value().contains(kKey) || !fallback ? heads : fallback);
  if (heads % kv_heads != 0)
    json.refuse(kKey, "a divisor of num_attention_heads, " + std::to_string(heads));
  return kv_heads;
}

double config_positive(const JsonObject& json, std::string_view key, double fallback) {
  const double value = json.get_or<double>(key, fallback);
  if (!(value > 0 && value < 1e30)) json.refuse(key, "a number above 0");
  return value;
}

void config_flag(const JsonObject& json, std::string_view key, bool wanted, bool fallback,
                 const std::string& variant) {
  if (json.get_or<bool>(key, fallback) != wanted)
    json.refuse(key, wanted ? "true" : "false",
                "a variant that is not computed here: " + variant +
                    "; take a model of the plain architecture");
}

Activation config_activation(const JsonObject& json, std::string_view key,
                             const std::string& fallback) {
  const auto name = json.get_or<std::string>(key, fallback);
  std::string all;
  for (const ActivationName& known : kActivations) {
    if (name == known.name) return known.activation;
    all += (all.empty() ? "" : ", ") + std::string(known.name);
  }
  json.refuse(key, "one of " + all);
}

nlohmann::ordered_json activation_json(Activation activation) {
  for (const ActivationName& known : kActivations)
    if (known.activation == activation) return known.name;
  return nullptr;
}

Activation config_gate(const JsonObject& json) {
  const auto name = json.get_or<std::string>("hidden_act", "silu");
  if (name != "silu" && name != "swish")
    json.refuse("hidden_act", "silu", "an MLP with another gate is not computed here");
  return Activation::swiglu;
}

nlohmann::ordered_json gate_json(Activation activation) {
  if (activation != Activation::swiglu) return nullptr;
  return "silu";
}

namespace {

RotaryScaling read_scaling(const JsonObject& json) {
  // "type" is the name of the key before transformers 4.43.
  const std::string_view key = json.has("rope_type") || !json.has("type") ? "rope_type" : "type";
  const auto kind = json.get_or<std::string>(key, "default");
  RotaryScaling scaling;
  if (kind == "default") return scaling;
  if (kind != "linear" && kind != "llama3")
    json.refuse(key, "\"default\", \"linear\" or \"llama3\"",
                "positions of this kind are not computed here, and its logits would differ");
  scaling.factor = config_positive(json, "factor", 0);
  if (kind == "linear") {
    scaling.kind = RotaryScalingKind::linear;
    return scaling;
  }
  scaling.kind = RotaryScalingKind::llama3;
  scaling.low = config_positive(json, "low_freq_factor", 0);
  scaling.high = config_positive(json, "high_freq_factor", 0);
  if (scaling.high <= scaling.low)
    json.refuse("high_freq_factor", "a number above low_freq_factor");
  scaling.original_context = config_size(json, "original_max_position_embeddings", 0);
  return scaling;
}

}  // namespace

void config_rotary(const JsonObject& json, std::string_view theta_key, double theta,
                   GptConfig& model) {
  model.positions = Positions::rotary;
  model.rotary_theta = config_positive(json, theta_key, theta);
  if (json.has("rope_scaling")) model.rotary_scaling = read_scaling(json.child("rope_scaling"));
  if (!json.has("rope_parameters")) return;
  const JsonObject rope = json.child("rope_parameters");
  for (const auto& [key, value] : rope.value().items())
    if (value.is_object())
      rope.refuse(key, "the same parameters for every layer",
                  "positions that differ by layer are not computed here");
  model.rotary_theta = config_positive(rope, "rope_theta", model.rotary_theta);
  model.rotary_scaling = read_scaling(rope);
}

nlohmann::ordered_json rotary_scaling_json(const RotaryScaling& c) {
  switch (c.kind) {
    case RotaryScalingKind::none:
      return nullptr;
    case RotaryScalingKind::linear:
      return {{"factor", c.factor}, {"rope_type", "linear"}};
    case RotaryScalingKind::llama3:
      break;
  }
  return {{"factor", c.factor},
          {"high_freq_factor", c.high},
          {"low_freq_factor", c.low},
          {"original_max_position_embeddings", c.original_context},
          {"rope_type", "llama3"}};
}

int64_t config_rotary_width(const JsonObject& json, double part, int64_t head_width) {
  std::string_view key = json.has("rotary_pct") ? "rotary_pct" : "partial_rotary_factor";
  const bool inside =
      json.has("rope_parameters") && json.child("rope_parameters").has("partial_rotary_factor");
  const JsonObject at = inside ? json.child("rope_parameters") : json;
  if (inside) key = "partial_rotary_factor";
  const double value = config_positive(at, key, part);
  const auto width = value > 1 ? 0 : static_cast<int64_t>(static_cast<double>(head_width) * value);
  if (width < 2 || width % 2 != 0)
    at.refuse(key, "a part of the " + std::to_string(head_width) +
                       " channels of a head that is an even number of them");
  return width == head_width ? 0 : width;
}

double rotary_part(const GptConfig& c) {
  const int64_t head = c.attention(0).head_width;
  if (c.rotary_width == 0 || c.rotary_width >= head) return 1;
  double part = static_cast<double>(c.rotary_width) / static_cast<double>(head);
  // Readers round the product down.
  if (static_cast<int64_t>(part * static_cast<double>(head)) < c.rotary_width)
    part = std::nextafter(part, 1.0);
  return part;
}

void config_layer_types(const JsonObject& json, const GptConfig& c) {
  constexpr std::string_view kKey = "layer_types";
  if (!json.has(kKey)) return;
  const nlohmann::json& types = json.list(kKey);
  if (static_cast<int64_t>(types.size()) != c.layers)
    json.refuse(kKey, "one for each of the " + std::to_string(c.layers) + " layers");
  for (int64_t i = 0; i < c.layers; ++i) {
    const char* const wanted = c.attention(i).window ? "sliding_attention" : "full_attention";
    if (types[static_cast<size_t>(i)] != wanted)
      json.refuse(kKey, std::string("\"") + wanted + "\" for layer " + std::to_string(i) +
                            ", as the keys of the sliding window say");
  }
}

}  // namespace lineage
