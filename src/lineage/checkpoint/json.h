#pragma once

#include <concepts>
#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace lineage {

template <class T>
concept JsonScalar = std::same_as<T, bool> || std::same_as<T, int64_t> ||
    std::same_as<T, uint64_t> || std::same_as<T, double> || std::same_as<T, std::string>;

// One JSON object of a file, read by key and type. Every failure is an Error that names the file,
// the key, what was seen and what was wanted.
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
  const nlohmann::json& value() const { return value_; }
  const std::string& place() const { return place_; }
  // Throws the Error for a key whose value will not do.
  [[noreturn]] void refuse(std::string_view key, const std::string& wanted,
                           const std::string& hint = {}) const;

 private:
  const nlohmann::json& at(std::string_view key) const;
  nlohmann::json value_;
  std::string place_;
};

}  // namespace lineage
