#include "lineage/text/json_text.h"

#include "lineage/base/error.h"
#include "lineage/base/json.h"
#include "lineage/text/bpe_model.h"

namespace lineage {
namespace {

using nlohmann::json;

constexpr const char* kHint = "take the file again from where it came from";

}  // namespace

Token read_token_id(const json& value, size_t entries, const std::string& place,
                    const std::string& whose) {
  const int64_t limit = max_token_id(entries);
  if (value.is_number_unsigned() && value.get<uint64_t>() <= static_cast<uint64_t>(limit))
    return static_cast<Token>(value.get<uint64_t>());
  throw Error(place + ": the id of \"" + whose + "\" is " + shown_json(value) +
                  "; wanted a number from 0 to " + std::to_string(limit) + ", as there are " +
                  std::to_string(entries) + " tokens",
              kHint);
}

const json& member(const json& object, const char* key, const std::string& place) {
  if (object.is_object())
    if (const auto it = object.find(key); it != object.end()) return *it;
  throw Error(place + ": no \"" + key + "\"; wanted it there", kHint);
}

std::string json_string(std::string_view text) {
  try {
    return json(text).dump();
  } catch (const json::exception&) {
    throw Error("the text of a special token is not UTF-8; wanted UTF-8 for a JSON file");
  }
}

}  // namespace lineage
