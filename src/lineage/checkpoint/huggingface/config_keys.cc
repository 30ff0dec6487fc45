#include "lineage/checkpoint/huggingface/config_keys.h"

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

int64_t config_heads(const JsonObject& json, std::string_view key, int64_t width) {
  const int64_t heads = config_size(json, key, 12);
  if (width % heads != 0) json.refuse(key, "a divisor of the width " + std::to_string(width));
  return heads;
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

Activation config_activation(const JsonObject& json, const std::string& fallback) {
  const auto name = json.get_or<std::string>("activation_function", fallback);
  std::string all;
  for (const ActivationName& known : kActivations) {
    if (name == known.name) return known.activation;
    all += (all.empty() ? "" : ", ") + std::string(known.name);
  }
  json.refuse("activation_function", "one of " + all);
}

nlohmann::ordered_json activation_json(Activation activation) {
  for (const ActivationName& known : kActivations)
    if (known.activation == activation) return known.name;
  return nullptr;
}

}  // namespace lineage
