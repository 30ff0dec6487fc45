#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "lineage/base/json.h"
#include "lineage/text/tokenizer.h"

namespace lineage {

// A token id inside a file whose vocabulary has `entries` entries.
Token read_token_id(const nlohmann::json& value, size_t entries, const std::string& place,
                    const std::string& whose);

// The member `key` of an object; an Error when the object lacks it.
const nlohmann::json& member(const nlohmann::json& object, const char* key,
                             const std::string& place);

// The text as a JSON string with its quotes. An Error when it is not UTF-8.
std::string json_string(std::string_view text);

}  // namespace lineage
