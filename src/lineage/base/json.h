#pragma once

#include <concepts>
#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace lineage {

// Parses JSON in which no object has a key twice and nothing nests deeper than 64; otherwise an
// Error that starts with `place` and has the position.
nlohmann::json parse_json(std::string_view text, const std::string& place);

// Throws an Error that starts with `place` when the content is not plain text, and names its kind
// (packed, a Git LFS pointer, UTF-16, ...).
void refuse_other_kinds(std::string_view content, const std::string& place,
                        const std::string& wanted);

// For errors: short, and never an exception for invalid UTF-8.
std::string shown_json(const nlohmann::json&);

template <class T>
concept JsonScalar = std::same_as<T, bool> || std::same_as<T, int64_t> ||
    std::same_as<T, uint64_t> || std::same_as<T, double> || std::same_as<T, std::string>;

// One JSON object, read by key and type. Every failure is an Error with the place, the key, the
// fault and the wanted value.
class JsonObject {
 public:
  static JsonObject load(const std::filesystem::path&);
  static JsonObject parse(std::string_view text, const std::string& place);
  JsonObject(nlohmann::json value, std::string place);  // an Error unless it is an object

  bool has(std::string_view key) const;  // and is not null
  template <JsonScalar T>
  T get(std::string_view key) const;
  template <JsonScalar T>
  T get_or(std::string_view key, T fallback) const {
    return has(key) ? get<T>(key) : fallback;
  }
  JsonObject child(std::string_view key) const;            // an object
  const nlohmann::json& list(std::string_view key) const;  // an array
  const nlohmann::json& at(std::string_view key) const;    // an Error where it is absent
  const nlohmann::json& value() const { return value_; }
  const std::string& place() const { return place_; }
  // Throws the Error for a key whose value is unacceptable.
  [[noreturn]] void refuse(std::string_view key, const std::string& wanted,
                           const std::string& hint = {}) const;

 private:
  nlohmann::json value_;
  std::string place_;
};

}  // namespace lineage
