#include <fmt/format.h>

#include "lineage/base/config.h"
#include "lineage/base/config_value.h"

namespace lineage {
namespace {

using Value = ConfigNode::Value;

// A value after `key =`; a table within an array is an inline one.
std::string inline_toml(const Value& value) {
  std::string text;
  const auto add = [&](const std::string& part) { text += (text.empty() ? "" : ", ") + part; };
  if (const auto* table = value.table()) {
    for (const auto& entry : *table) add(toml_key(entry.key) + " = " + inline_toml(entry.value));
    return "{" + text + "}";
  }
  if (const auto* array = std::get_if<Value::Array>(&value.data)) {
    for (const Value& element : *array) add(inline_toml(element));
    return "[" + text + "]";
  }
  if (const auto* flag = std::get_if<bool>(&value.data)) return *flag ? "true" : "false";
  if (const auto* integer = std::get_if<int64_t>(&value.data)) return fmt::format("{}", *integer);
  if (const auto* number = std::get_if<double>(&value.data)) return toml_number(*number);
  if (const auto* string = std::get_if<std::string>(&value.data)) return toml_string(*string);
  return std::get<Value::Date>(value.data).text;
}

void write_table(const Value::Table& table, const std::string& path, std::string& text) {
  bool headed = path.empty(), any = false;
  for (const auto& entry : table) {
    if (entry.value.table()) continue;
    if (!headed) text += fmt::format("{}[{}]\n", text.empty() ? "" : "\n", path);
    headed = any = true;
    text += fmt::format("{} = {}\n", toml_key(entry.key), inline_toml(entry.value));
  }
  for (const auto& entry : table) {
    const auto* inner = entry.value.table();
    if (!inner) continue;
    any = true;
    write_table(*inner, path + (path.empty() ? "" : ".") + toml_key(entry.key), text);
  }
  if (!any && !headed) text += fmt::format("{}[{}]\n", text.empty() ? "" : "\n", path);
}

}  // namespace

std::string ConfigNode::toml() const {
  std::string text;
  write_table(*value_->table(), "", text);
  return text;
}

}  // namespace lineage
