#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "lineage/text/tokenizer.h"

namespace lineage {

// Throws an Error that starts with `place` when the content is of a kind that no text is (packed, a
// Git LFS pointer, UTF-16, ...), and says what it is.
void refuse_other_kinds(std::string_view content, const std::string& place,
                        const std::string& wanted);

// Parses JSON in which no object has a key twice and nothing nests deeper than 64; otherwise an
// Error that starts with `place` and says where.
nlohmann::json parse_json(std::string_view text, const std::string& place);

// A token id inside a file whose vocabulary has `entries` entries.
Token read_token_id(const nlohmann::json& value, size_t entries, const std::string& place,
                    const std::string& whose);

// The member `key` of an object; an Error when the object lacks it.
const nlohmann::json& member(const nlohmann::json& object, const char* key,
                             const std::string& place);

// As a JSON string with its quotes. An Error when it is not UTF-8.
std::string json_string(std::string_view text);

}  // namespace lineage
