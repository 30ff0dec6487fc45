#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>
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
  if (!flag) refuse(value, path, "true or false");
  out = *flag;
}

void read_value(const Value& value, const std::string& path, int64_t& out, Range range) {
  const int64_t* integer = std::get_if<int64_t>(&value.data);
  if (!integer || !range.contains(static_cast<double>(*integer))) {
    const bool whole = std::holds_alternative<double>(value.data);
    refuse(value, path, with_range("an integer", range),
           whole ? "write it without point or exponent; 1_000_000 is fine" : "");
  }
  out = *integer;
}

void read_value(const Value& value, const std::string& path, uint64_t& out, Range range) {
  // TOML's integers end at 2^63 - 1; the writer puts what is above into a string.
  if (const auto* text = std::get_if<std::string>(&value.data)) {
    const char* end = text->data() + text->size();
    if (const auto r = std::from_chars(text->data(), end, out);
        !text->empty() && r.ec == std::errc() && r.ptr == end &&
        range.contains(static_cast<double>(out)))
      return;
  }
  range.low = std::max(range.low, 0.0);
  int64_t integer = 0;
  read_value(value, path, integer, range);
  out = static_cast<uint64_t>(integer);
}

void read_value(const Value& value, const std::string& path, double& out, Range range) {
  double number = std::nan("");
  if (const auto* integer = std::get_if<int64_t>(&value.data))
    number = static_cast<double>(*integer);
  if (const auto* floating = std::get_if<double>(&value.data)) number = *floating;
  if (!range.contains(number)) refuse(value, path, with_range("a number", range));
  out = number;
}

void read_value(const Value& value, const std::string& path, std::string& out, Range) {
  const auto* text = std::get_if<std::string>(&value.data);
  if (!text) {
    const bool plain = !value.table() && !std::holds_alternative<Value::Array>(value.data);
    refuse(value, path, "a string", plain ? "put it in quotes" : "");
  }
  out = *text;
}

template <class T>
void read_value(const Value& value, const std::string& path, std::vector<T>& out, Range range) {
  const auto* array = std::get_if<Value::Array>(&value.data);
  if (!array) refuse(value, path, "an array");
  std::vector<T> elements(array->size());
  for (size_t i = 0; i < elements.size(); ++i)
    read_value((*array)[i], path + "." + std::to_string(i), elements[i], range);
  out = std::move(elements);
}

}  // namespace

bool Range::contains(double x) const {
  return (low_open ? x > low : x >= low) && (high_open ? x < high : x <= high);
}

std::string Range::text() const {
  const bool from = std::isfinite(low), to = std::isfinite(high);
  if (from && to)
    return fmt::format("from {}{} to {}{}", low_open ? "above " : "", low,
                       high_open ? "below " : "", high);
  if (from) return fmt::format("{} {}", low_open ? "above" : "at least", low);
  if (to) return fmt::format("{} {}", high_open ? "below" : "at most", high);
  return "";
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

size_t ConfigReader::choice(const char* key, size_t current,
                            std::span<const std::string_view> names) {
  const Value* value = find(key);
  if (!value) return current;
  const auto* text = std::get_if<std::string>(&value->data);
  for (size_t i = 0; text && i < names.size(); ++i)
    if (names[i] == *text) return i;
  refuse(*value, join_path(table_.path_, key), fmt::format("one of {}", fmt::join(names, ", ")));
}

std::optional<ConfigReader> ConfigReader::table(const char* key) {
  if (!find(key)) return std::nullopt;
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

}  // namespace lineage
