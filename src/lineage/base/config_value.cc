#include "lineage/base/config_value.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <numeric>
#include <utility>

namespace lineage {
namespace {

bool bare(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-';
}

char folded(char c) {
  return c == '-' ? '_' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
}

// Insertions, deletions, replacements and swaps of neighbours (optimal string alignment).
size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> before, last(b.size() + 1), row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    before = std::exchange(last, row);
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const bool same = folded(a[i - 1]) == folded(b[j - 1]);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + !same});
      if (i > 1 && j > 1 && folded(a[i - 1]) == folded(b[j - 2]) &&
          folded(a[i - 2]) == folded(b[j - 1]))
        row[j] = std::min(row[j], before[j - 2] + 1);
    }
  }
  return row[b.size()];
}

}  // namespace

const ConfigNode::Value* ConfigNode::Value::find(std::string_view key) const {
  if (const Table* entries = table())
    for (const Entry& entry : *entries)
      if (entry.key == key) return &entry.value;
  return nullptr;
}

ConfigNode::Value* ConfigNode::Value::find(std::string_view key) {
  return const_cast<Value*>(std::as_const(*this).find(key));
}

std::string ConfigNode::Value::text() const {
  constexpr size_t kMaxShown = 60;
  if (table()) return "a table";
  if (std::holds_alternative<Array>(data)) return "an array";
  if (const auto* date = std::get_if<Date>(&data)) return "the date " + date->text;
  if (const auto* flag = std::get_if<bool>(&data)) return *flag ? "true" : "false";
  if (const auto* integer = std::get_if<int64_t>(&data)) return std::to_string(*integer);
  if (const auto* number = std::get_if<double>(&data)) return toml_number(*number);
  const auto& string = std::get<std::string>(data);
  return string.size() <= kMaxShown ? toml_string(string)
                                    : toml_string(string.substr(0, kMaxShown)) + "…";
}

std::string toml_key(std::string_view key) {
  return !key.empty() && std::all_of(key.begin(), key.end(), bare) ? std::string(key)
                                                                   : toml_string(key);
}

std::string toml_string(std::string_view text) {
  std::string quoted = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\')
      quoted += {'\\', c};
    else if (c == '\n')
      quoted += "\\n";
    else if (c == '\t')
      quoted += "\\t";
    else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      quoted += fmt::format("\\u{:04X}", static_cast<unsigned>(c));
    else
      quoted += c;
  }
  return quoted + '"';
}

std::string toml_number(double x) {
  std::string text = fmt::format("{}", x);  // the shortest that reads back exactly
  if (text.find_first_not_of("-0123456789") == std::string::npos) text += ".0";
  return text;
}

std::string join_path(std::string_view path, std::string_view key) {
  return path.empty() ? toml_key(key) : std::string(path) + "." + toml_key(key);
}

std::string nearest_name(std::string_view name, std::span<const std::string> candidates) {
  std::string nearest;
  size_t best = std::string::npos;
  for (const std::string& candidate : candidates) {
    const size_t distance = edit_distance(name, candidate);
    const size_t shorter = std::min(name.size(), candidate.size());
    const bool begins =
        shorter >= 3 && name.substr(0, shorter) == std::string_view(candidate).substr(0, shorter);
    if (distance >= best || (!begins && distance > std::max<size_t>(1, shorter / 3))) continue;
    best = distance;
    nearest = candidate;
  }
  return nearest;
}

}  // namespace lineage
