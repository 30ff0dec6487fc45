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
int64_t config_heads(const JsonObject&, std::string_view key, int64_t width);
double config_positive(const JsonObject&, std::string_view key, double fallback);
// `variant`: the models with the other value, which is refused.
void config_flag(const JsonObject&, std::string_view key, bool wanted, bool fallback,
                 const std::string& variant);

// activation_function, and the name to write for it: null if transformers has none.
Activation config_activation(const JsonObject&, const std::string& fallback);
nlohmann::ordered_json activation_json(Activation);

}  // namespace lineage
