#include "lineage/checkpoint/json.h"

#include "lineage/base/error.h"
#include "lineage/base/file.h"
#include "lineage/text/json_text.h"

namespace lineage {
namespace {

using nlohmann::json;

// As an error shows it: short, and never an exception for invalid UTF-8.
std::string shown(const json& value) {
  constexpr size_t kLongest = 80;
  std::string text = value.dump(-1, ' ', false, json::error_handler_t::replace);
  if (text.size() > kLongest) text = text.substr(0, kLongest) + "...";
  return text;
}

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

JsonObject JsonObject::load(const std::filesystem::path& path) {
  return parse(read_file(path), path.string());
}

JsonObject JsonObject::parse(std::string_view text, const std::string& place) {
  try {
    return JsonObject(json::parse(text), place);
  } catch (const json::exception& e) {
    refuse_other_kinds(text, place, "a JSON object");
    const auto* at = dynamic_cast<const json::parse_error*>(&e);
    throw Error(place + ": not JSON" + (at ? " from byte " + std::to_string(at->byte) : "") +
                    "; wanted one JSON object",
                "the file may be cut short or damaged; fetch or write it again");
  }
}

JsonObject::JsonObject(json value, std::string place)
    : value_(std::move(value)), place_(std::move(place)) {
  require(value_.is_object(), place_, ": ", shown(value_), "; wanted a JSON object");
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
                  (it == value_.end() ? "absent" : shown(*it)) + "; wanted " + wanted,
              hint);
}

}  // namespace lineage
