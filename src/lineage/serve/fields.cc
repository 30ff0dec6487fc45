#include "lineage/serve/fields.h"

#include <fmt/format.h>

#include <cmath>

#include "lineage/base/error.h"
#include "lineage/base/json.h"
#include "lineage/serve/api_error.h"

namespace lineage {

std::string dumped(const OrderedJson& j) {
  return j.dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
}

std::string kind_of_json(const nlohmann::json& j) {
  switch (j.type()) {
    case nlohmann::json::value_t::null:
      return "null";
    case nlohmann::json::value_t::object:
      return "an object";
    case nlohmann::json::value_t::array:
      return "an array";
    case nlohmann::json::value_t::string:
      return "a string";
    case nlohmann::json::value_t::boolean:
      return "a boolean";
    default:
      return j.is_number_float() ? "a number with a fraction" : "a number";
  }
}

Fields Fields::parse(std::string_view body) {
  nlohmann::json j;
  try {
    j = parse_json(body, "the request's body");
  } catch (const Error& e) {
    throw ApiError(400, e.what());
  }
  if (!j.is_object())
    throw ApiError(400, "the request's body is " + kind_of_json(j) + "; wanted a JSON object");
  return Fields(std::move(j));
}

Fields::Fields(nlohmann::json object, std::string prefix)
    : object_(std::move(object)), prefix_(std::move(prefix)) {}

const nlohmann::json* Fields::find(std::string_view name) const {
  const auto found = object_.find(name);
  return found == object_.end() || found->is_null() ? nullptr : &*found;
}

std::optional<int64_t> Fields::integer(std::string_view name, Range range) const {
  const nlohmann::json* j = find(name);
  if (!j) return {};
  // 5.0 is a whole number too, as some clients write it.
  double value = 0;
  bool whole = j->is_number();
  if (whole) value = j->get<double>(), whole = std::floor(value) == value;
  // As a double, the largest int64_t is 2^63, which is none.
  if (j->is_number_float())
    whole = whole && value < 0x1p63;
  else if (j->is_number_unsigned())
    whole = whole && j->get<uint64_t>() <= uint64_t{INT64_MAX};
  if (!whole || !range.contains(value))
    throw invalid_value(place(name), fmt::format("{} is {}; wanted a whole number {}", place(name),
                                                 shown_json(*j), range.text()));
  return j->is_number_float() ? static_cast<int64_t>(value) : j->get<int64_t>();
}

std::optional<double> Fields::number(std::string_view name, Range range) const {
  const nlohmann::json* j = find(name);
  if (!j) return {};
  if (!j->is_number() || !range.contains(j->get<double>()))
    throw invalid_value(place(name), fmt::format("{} is {}; wanted a number {}", place(name),
                                                 shown_json(*j), range.text()));
  return j->get<double>();
}

std::optional<bool> Fields::flag(std::string_view name) const {
  const nlohmann::json* j = find(name);
  if (!j) return {};
  if (!j->is_boolean())
    throw invalid_value(place(name),
                        fmt::format("{} is {}; wanted true or false", place(name), shown_json(*j)));
  return j->get<bool>();
}

std::optional<std::string> Fields::text(std::string_view name) const {
  const nlohmann::json* j = find(name);
  if (!j) return {};
  if (!j->is_string())
    throw invalid_value(place(name),
                        fmt::format("{} is {}; wanted a string", place(name), kind_of_json(*j)));
  return j->get<std::string>();
}

void Fields::refuse(std::string_view name, const std::string& why) const {
  if (has(name)) throw unsupported(place(name), place(name) + ": " + why);
}

}  // namespace lineage
