#include "lineage/text/json_text.h"

#include <unordered_set>
#include <vector>

#include "lineage/base/error.h"
#include "lineage/base/file_kind.h"
#include "lineage/text/bpe_model.h"

namespace lineage {
namespace {

using nlohmann::json;

constexpr const char* kHint = "take the file again from where it came from";

// Watches the parser: nlohmann's own result would keep only one of two equal keys.
class KeyWatch {
 public:
  explicit KeyWatch(const std::string& place) : place_(place) {}

  bool operator()(int depth, json::parse_event_t event, json& value) {
    if (depth > 64)
      throw Error(place_ + ": nested deeper than 64; wanted a JSON document of fewer levels",
                  kHint);
    if (event == json::parse_event_t::object_start) {
      open_.emplace_back();
    } else if (event == json::parse_event_t::object_end) {
      open_.pop_back();
    } else if (event == json::parse_event_t::key) {
      const auto& key = value.get_ref<const std::string&>();
      if (!open_.back().insert(key).second)
        throw Error(place_ + ": the key \"" + key + "\" is twice in one object; wanted it once",
                    kHint);
    }
    return true;
  }

 private:
  const std::string& place_;
  std::vector<std::unordered_set<std::string>> open_;
};

}  // namespace

void refuse_other_kinds(std::string_view content, const std::string& place,
                        const std::string& wanted) {
  const FileKind kind = file_kind(content);
  // A page is never meant; binary data may be a damaged file of the right kind, which the caller
  // says more of.
  if ((is_text(kind) && kind != FileKind::html) || kind == FileKind::binary) return;
  throw Error(place + ": is " + std::string(file_kind_name(kind)) + "; wanted " + wanted,
              file_kind_help(kind, place));
}

json parse_json(std::string_view text, const std::string& place) {
  KeyWatch watch(place);
  try {
    return json::parse(text.begin(), text.end(),
                       [&](int depth, json::parse_event_t event, json& value) {
                         return watch(depth, event, value);
                       });
  } catch (const json::parse_error& e) {
    refuse_other_kinds(text, place, "a JSON document");
    throw Error(place + ": not JSON at byte " + std::to_string(e.byte) + " of " +
                    std::to_string(text.size()) + "; wanted a whole JSON document",
                kHint);
  } catch (const json::exception& e) {  // a number out of range
    throw Error(place + ": " + e.what() + "; wanted numbers that 64 bits hold", kHint);
  }
}

Token read_token_id(const json& value, size_t entries, const std::string& place,
                    const std::string& whose) {
  const int64_t limit = max_token_id(entries);
  if (value.is_number_unsigned() && value.get<uint64_t>() <= static_cast<uint64_t>(limit))
    return static_cast<Token>(value.get<uint64_t>());
  std::string seen = value.dump(-1, ' ', true, json::error_handler_t::replace);
  if (seen.size() > 40) seen = seen.substr(0, 40) + "...";
  throw Error(place + ": the id of \"" + whose + "\" is " + seen + "; wanted a number from 0 to " +
                  std::to_string(limit) + ", as there are " + std::to_string(entries) + " tokens",
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
