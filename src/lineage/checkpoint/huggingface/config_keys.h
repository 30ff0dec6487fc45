#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "lineage/base/json.h"
#include "lineage/nn/gpt.h"

namespace lineage {

// Keys of a config.json that several families have. Each throws an Error that names the key.

// An integer of at least 1, bounded before anything is computed from it.
int64_t config_size(const JsonObject&, std::string_view key, int64_t fallback);
int64_t config_heads(const JsonObject&, std::string_view key, int64_t width, int64_t fallback = 12);
// num_key_value_heads: a divisor of the heads, which a null stands for, and an absent key where
// `fallback` is 0.
int64_t config_kv_heads(const JsonObject&, int64_t heads, int64_t fallback);
double config_positive(const JsonObject&, std::string_view key, double fallback);
// `variant`: the models with the other value, which is refused.
void config_flag(const JsonObject&, std::string_view key, bool wanted, bool fallback,
                 const std::string& variant);

// The activation that `key` names, and the name to write for it: null if transformers has none.
Activation config_activation(const JsonObject&, std::string_view key, const std::string& fallback);
nlohmann::ordered_json activation_json(Activation);
// hidden_act of a gated MLP, which must be SiLU; null unless `activation` is swiglu.
Activation config_gate(const JsonObject&);
nlohmann::ordered_json gate_json(Activation);

// Theta, scaling and the turned part of the rotary positions. `theta_key` is that of files before
// transformers 5, which has everything in rope_parameters.
void config_rotary(const JsonObject&, std::string_view theta_key, double theta, GptConfig&);
nlohmann::ordered_json rotary_scaling_json(const RotaryScaling&);  // null: none
// The part of a head's channels that turns, for a model whose heads have `head_width`.
int64_t config_rotary_width(const JsonObject&, double part, int64_t head_width);
double rotary_part(const GptConfig&);

// layer_types, where it is there, must say of each layer what the other keys say: "full_attention",
// or "sliding_attention" with a window.
void config_layer_types(const JsonObject&, const GptConfig&);

}  // namespace lineage
