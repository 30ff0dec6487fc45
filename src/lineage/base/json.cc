#include "lineage/base/json.h"

#include <unordered_set>
#include <vector>

#include "lineage/base/error.h"
#include "lineage/base/file.h"
#include "lineage/base/file_kind.h"

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

template <class T>
constexpr std::string_view kWanted = "";
template <>
constexpr std::string_view kWanted<bool> = "true or false";
template <>
constexpr std::string_view kWanted<int64_t> = "an integer";
template <>
constexpr std::string_view kWanted<uint64_t> = "an integer of at least 0";
template <>
constexpr std::string_view kWanted<double> = "a number";
template <>
constexpr std::string_view kWanted<std::string> = "a string";

template <class T>
bool holds(const json& value) {
  if constexpr (std::same_as<T, bool>) return value.is_boolean();
  if constexpr (std::same_as<T, uint64_t>) return value.is_number_unsigned();
  if constexpr (std::same_as<T, int64_t>)
    return value.is_number_integer() &&
           !(value.is_number_unsigned() && value.get<uint64_t>() > uint64_t{INT64_MAX});
  if constexpr (std::same_as<T, double>) return value.is_number();
  if constexpr (std::same_as<T, std::string>) return value.is_string();
}

}  // namespace

std::string shown_json(const json& value) {
  constexpr size_t kLongest = 80;
  std::string text = value.dump(-1, ' ', false, json::error_handler_t::replace);
  if (text.size() > kLongest) text = text.substr(0, kLongest) + "...";
  return text;
}

void refuse_other_kinds(std::string_view content, const std::string& place,
                        const std::string& wanted) {
  const FileKind kind = file_kind(content);
  // A page is never the right file; binary data may be a damaged one, for which the caller has a
  // better message.
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

JsonObject JsonObject::load(const std::filesystem::path& path) {
  return parse(read_file(path), path.string());
}

JsonObject JsonObject::parse(std::string_view text, const std::string& place) {
  return {parse_json(text, place), place};
}

JsonObject::JsonObject(json value, std::string place)
    : value_(std::move(value)), place_(std::move(place)) {
  require(value_.is_object(), place_, ": ", shown_json(value_), "; wanted a JSON object");
}

bool JsonObject::has(std::string_view key) const {
  const auto it = value_.find(key);
  return it != value_.end() && !it->is_null();
}

const json& JsonObject::at(std::string_view key) const {
  const auto it = value_.find(key);
  require(it != value_.end(), place_, ": no key ", key, "; wanted it");
  return *it;
}

template <JsonScalar T>
T JsonObject::get(std::string_view key) const {
  if (!holds<T>(at(key))) refuse(key, std::string(kWanted<T>));
  return at(key).get<T>();
}
template bool JsonObject::get<bool>(std::string_view) const;
template int64_t JsonObject::get<int64_t>(std::string_view) const;
template uint64_t JsonObject::get<uint64_t>(std::string_view) const;
template double JsonObject::get<double>(std::string_view) const;
template std::string JsonObject::get<std::string>(std::string_view) const;

JsonObject JsonObject::child(std::string_view key) const {
  if (!at(key).is_object()) refuse(key, "an object");
  return {at(key), place_ + ": " + std::string(key)};
}

const json& JsonObject::list(std::string_view key) const {
  if (!at(key).is_array()) refuse(key, "an array");
  return at(key);
}

void JsonObject::refuse(std::string_view key, const std::string& wanted,
                        const std::string& hint) const {
  const auto it = value_.find(key);
  throw Error(place_ + ": " + std::string(key) + " is " +
                  (it == value_.end() ? "absent" : shown_json(*it)) + "; wanted " + wanted,
              hint);
}

}  // namespace lineage
