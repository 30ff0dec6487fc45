#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "lineage/base/config.h"
#include "lineage/base/config_value.h"
#include "lineage/base/error.h"

namespace lineage {
namespace {

using Value = ConfigNode::Value;

[[noreturn]] void refuse(const Value& value, const std::string& path, const std::string& wanted,
                         const std::string& hint = {}) {
  throw Error(value.place + ": " + path + " is " + value.text() + "; wanted " + wanted, hint);
}

std::string with_range(const char* type, Range range) {
  const std::string text = range.text();
  if (text.empty()) return type;
  return std::string(type) + (text.starts_with("at ") ? " of " : " ") + text;
}

// One overload a type: `value`, found at `path`, into `out`.
void read_value(const Value& value, const std::string& path, bool& out, Range) {
  const bool* flag = std::get_if<bool>(&value.data);
  if (!flag) {
    const bool quoted = std::holds_alternative<std::string>(value.data);
    refuse(value, path, "true or false", quoted ? "write it in lower case, without quotes" : "");
  }
  out = *flag;
}

constexpr const char* kIntegers =
    "write 10_000_000, 1e7 or \"10M\"; k, M, G or B, and T are powers of ten";

// The whole number of a value, in any spelling: 10_000_000, 1e7, "10M".
std::optional<WholeNumber> whole_number_of(const Value& value) {
  if (const auto* integer = std::get_if<int64_t>(&value.data))
    return WholeNumber{*integer < 0, *integer < 0 ? 0 - static_cast<uint64_t>(*integer)
                                                  : static_cast<uint64_t>(*integer)};
  if (const auto* text = std::get_if<std::string>(&value.data)) return whole_number(*text);
  constexpr double kExact = 9007199254740992;  // 2^53: above it a double may have been rounded
  const auto* number = std::get_if<double>(&value.data);
  if (!number || !(std::abs(*number) <= kExact) || std::trunc(*number) != *number)
    return std::nullopt;
  return WholeNumber{*number < 0, static_cast<uint64_t>(std::abs(*number))};
}

void read_value(const Value& value, const std::string& path, int64_t& out, Range range) {
  constexpr auto kMost = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
  const auto number = whole_number_of(value);
  if (!number) refuse(value, path, with_range("an integer", range), kIntegers);
  const uint64_t bits = number->negative ? 0 - number->magnitude : number->magnitude;
  const auto integer = static_cast<int64_t>(bits);  // two's complement
  if (number->magnitude > kMost + number->negative || !range.contains(static_cast<double>(integer)))
    refuse(value, path, with_range("an integer", range));
  out = integer;
}

void read_value(const Value& value, const std::string& path, uint64_t& out, Range range) {
  range.low = std::max(range.low, 0.0);
  const auto number = whole_number_of(value);
  if (!number) refuse(value, path, with_range("an integer", range), kIntegers);
  const auto size = static_cast<double>(number->magnitude);
  if (!range.contains(number->negative && size > 0 ? -size : size))
    refuse(value, path, with_range("an integer", range));
  out = number->magnitude;
}

void read_value(const Value& value, const std::string& path, double& out, Range range) {
  std::optional<double> number;
  if (const auto* integer = std::get_if<int64_t>(&value.data))
    number = static_cast<double>(*integer);
  if (const auto* floating = std::get_if<double>(&value.data)) number = *floating;
  if (const auto* text = std::get_if<std::string>(&value.data)) number = real_number(*text);
  if (!number || !range.contains(*number))
    refuse(value, path,
           with_range(number && !std::isfinite(*number) ? "a finite number" : "a number", range));
  out = *number;
}

void read_value(const Value& value, const std::string& path, std::string& out, Range) {
  const auto* text = std::get_if<std::string>(&value.data);
  if (!text) {
    const bool array = std::holds_alternative<Value::Array>(value.data);
    refuse(value, path, "a string",
           array           ? "write one string, without brackets"
           : value.table() ? ""
                           : "put it in quotes");
  }
  out = *text;
}

template <class T>
void read_value(const Value& value, const std::string& path, std::vector<T>& out, Range range) {
  const auto* array = std::get_if<Value::Array>(&value.data);
  if (!array) {  // a single value is an array of one
    if (value.table()) refuse(value, path, "an array");
    T element{};
    read_value(value, path, element, range);
    out = {std::move(element)};
    return;
  }
  std::vector<T> elements(array->size());
  for (size_t i = 0; i < elements.size(); ++i)
    read_value((*array)[i], path + "." + std::to_string(i), elements[i], range);
  out = std::move(elements);
}

// The hint where a table of these keys is wanted and `key` has a plain value.
std::string table_help(const Value& value, const std::string& path, const std::string& key,
                       const std::vector<ConfigKey>& keys) {
  for (const ConfigKey& k : keys)
    if (k.path == key) {  // [sources] with the keys of one source
      const std::string outer = path.substr(0, path.size() - std::min(path.size(), key.size() + 1));
      return fmt::format("each has a name of its own: [{}.NAME], and {} below it", outer, key);
    }
  if (const auto* text = std::get_if<std::string>(&value.data))
    for (const ConfigKey& k : keys)
      if (std::ranges::find(k.names, *text) != k.names.end())
        return fmt::format("{}.{} = {}", path, k.path, toml_string(*text));
  std::vector<std::string> names;
  for (const ConfigKey& k : keys)
    if (k.path.find('.') == std::string::npos) names.push_back(k.path);
  return fmt::format("write [{}], and below it its keys: {}", path, fmt::join(names, ", "));
}

}  // namespace

bool Range::contains(double x) const {
  return std::isfinite(x) && (low_open ? x > low : x >= low) && (high_open ? x < high : x <= high);
}

std::string Range::text() const {
  const bool from = std::isfinite(low), to = std::isfinite(high);
  if (from && to && !low_open && !high_open) return fmt::format("from {} to {}", low, high);
  const std::string least = fmt::format("{} {}", low_open ? "above" : "at least", low);
  const std::string most = fmt::format("{} {}", high_open ? "below" : "at most", high);
  return from && to ? least + ", " + most : from ? least : to ? most : "";
}

ConfigReader::ConfigReader(const ConfigNode& table) : table_(table) {}

const Value* ConfigReader::find(const char* key) {
  known_.emplace_back(key);
  return table_.value_->find(key);
}

template <class T>
void ConfigReader::read(const char* key, T& field, Range range) {
  if (const Value* value = find(key))
    read_value(*value, join_path(table_.path_, key), field, range);
}
template void ConfigReader::read(const char*, bool&, Range);
template void ConfigReader::read(const char*, int64_t&, Range);
template void ConfigReader::read(const char*, uint64_t&, Range);
template void ConfigReader::read(const char*, double&, Range);
template void ConfigReader::read(const char*, std::string&, Range);
template void ConfigReader::read(const char*, std::vector<int64_t>&, Range);
template void ConfigReader::read(const char*, std::vector<uint64_t>&, Range);
template void ConfigReader::read(const char*, std::vector<double>&, Range);
template void ConfigReader::read(const char*, std::vector<std::string>&, Range);

namespace {

size_t choice_of(const Value& value, const std::string& path,
                 std::span<const std::string_view> names) {
  const auto* text = std::get_if<std::string>(&value.data);
  for (size_t i = 0; text && i < names.size(); ++i)
    if (names[i] == *text) return i;
  const std::vector<std::string> known(names.begin(), names.end());
  const std::string near = text ? nearest_name(*text, known) : "";
  refuse(value, path, fmt::format("one of {}", fmt::join(names, ", ")),
         near.empty() ? "" : "did you mean " + toml_string(near) + "?");
}

}  // namespace

size_t ConfigReader::choice(const char* key, size_t current,
                            std::span<const std::string_view> names) {
  const Value* value = find(key);
  return value ? choice_of(*value, join_path(table_.path_, key), names) : current;
}

std::optional<std::vector<size_t>> ConfigReader::choices(const char* key,
                                                         std::span<const std::string_view> names) {
  const Value* value = find(key);
  if (!value) return std::nullopt;
  const std::string path = join_path(table_.path_, key);
  const auto* array = std::get_if<Value::Array>(&value->data);
  if (!array) return {{choice_of(*value, path, names)}};  // a single value is an array of one
  std::vector<size_t> chosen;
  for (const Value& element : *array)
    chosen.push_back(choice_of(element, path + "." + std::to_string(chosen.size()), names));
  return chosen;
}

std::optional<ConfigReader> ConfigReader::table(const char* key, std::vector<ConfigKey> (*keys)()) {
  const Value* value = find(key);
  if (!value) return std::nullopt;
  if (!value->table() && keys) {
    const std::string path = join_path(table_.path_, key);
    refuse(*value, path, "a table", table_help(*value, path, key, keys()));
  }
  return ConfigReader(table_.child(key));
}

std::optional<std::vector<ConfigNode>> ConfigReader::array(const char* key) {
  const Value* value = find(key);
  if (!value) return std::nullopt;
  const std::string path = join_path(table_.path_, key);
  const auto* array = std::get_if<Value::Array>(&value->data);
  if (!array) refuse(*value, path, "an array of tables", "write its header as [[" + path + "]]");
  std::vector<ConfigNode> tables;
  for (const Value& element : *array) {
    const std::string name = path + "." + std::to_string(tables.size());
    if (!element.table()) refuse(element, name, "a table");
    tables.push_back({std::shared_ptr<const Value>(table_.value_, &element), name});
  }
  return tables;
}

std::vector<std::string> ConfigReader::names() const { return table_.keys(); }

void ConfigReader::finish() const {
  for (const std::string& key : table_.keys()) {
    if (std::find(known_.begin(), known_.end(), key) != known_.end()) continue;
    const std::string nearest = nearest_name(key, known_);
    const std::string what =
        table_.value_->find(key)->place + ": unknown key " + join_path(table_.path_, key);
    if (nearest.empty())
      throw Error(what + fmt::format("; wanted one of {}", fmt::join(known_, ", ")));
    throw Error(what + "; did you mean " + join_path(table_.path_, nearest) + "?");
  }
}

void ConfigCheck::integer(const char* key, double value, const std::string& text,
                          Range range) const {
  require(range.contains(value), place_, key, " is ", text, "; wanted ",
          with_range("an integer", range));
}

void ConfigCheck::number(const char* key, double value, Range range) const {
  require(range.contains(value), place_, key, " is ", value, "; wanted ",
          with_range(std::isfinite(value) ? "a number" : "a finite number", range));
}

}  // namespace lineage
