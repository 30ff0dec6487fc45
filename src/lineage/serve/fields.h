#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "lineage/base/config.h"

namespace lineage {

using OrderedJson = nlohmann::ordered_json;
// UTF-8 for any text: parts of characters become U+FFFD.
std::string dumped(const OrderedJson&);

// The fields of a request's JSON object, each read by type and range. A null field is an absent
// one; fields that nobody reads are ignored, as the API's clients expect. Every fault is an
// ApiError of status 400 that names the field.
class Fields {
 public:
  // An ApiError for text that is not one JSON object in UTF-8, nests deeper than 64 levels, or has
  // a key twice.
  static Fields parse(std::string_view body);
  explicit Fields(nlohmann::json object, std::string prefix = {});

  const nlohmann::json* find(std::string_view name) const;  // nullptr when absent or null
  bool has(std::string_view name) const { return find(name) != nullptr; }
  std::optional<int64_t> integer(std::string_view name, Range) const;
  std::optional<double> number(std::string_view name, Range) const;
  std::optional<bool> flag(std::string_view name) const;
  std::optional<std::string> text(std::string_view name) const;
  // Throws for a field that this server does not do, unless it is absent.
  void refuse(std::string_view name, const std::string& why) const;
  // "messages[2].content"
  std::string place(std::string_view name) const { return prefix_ + std::string(name); }
  const nlohmann::json& value() const { return object_; }

 private:
  nlohmann::json object_;
  std::string prefix_;
};

// What a JSON value is, for messages: "a string", "an array".
std::string kind_of_json(const nlohmann::json&);

}  // namespace lineage
