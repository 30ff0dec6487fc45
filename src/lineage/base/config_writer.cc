#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "lineage/base/config.h"
#include "lineage/base/config_value.h"

namespace lineage {
namespace {

std::string literal(bool flag) { return flag ? "true" : "false"; }
std::string literal(int64_t integer) { return std::to_string(integer); }
std::string literal(uint64_t integer) {
  constexpr auto kMax = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
  const std::string digits = std::to_string(integer);
  return integer <= kMax ? digits : toml_string(digits);  // TOML's integers have 64 bits, signed
}
std::string literal(double number) { return toml_number(number); }
std::string literal(const std::string& text) { return toml_string(text); }
template <class T>
std::string literal(const std::vector<T>& elements) {
  std::vector<std::string> texts;
  for (const T& element : elements) texts.push_back(literal(element));
  return fmt::format("[{}]", fmt::join(texts, ", "));
}

}  // namespace

// A table's plain keys must come before its inner tables, whose headers would swallow them, so the
// two are collected apart.
struct ConfigWriter::Frame {
  std::string path;
  bool element = false;  // of an array of tables
  std::string lines, tables;
};

ConfigWriter::ConfigWriter() : frames_(1) {}
ConfigWriter::~ConfigWriter() = default;

template <class T>
void ConfigWriter::write(const char* key, const T& value) {
  frames_.back().lines += fmt::format("{} = {}\n", toml_key(key), literal(value));
}
template void ConfigWriter::write(const char*, const bool&);
template void ConfigWriter::write(const char*, const int64_t&);
template void ConfigWriter::write(const char*, const uint64_t&);
template void ConfigWriter::write(const char*, const double&);
template void ConfigWriter::write(const char*, const std::string&);
template void ConfigWriter::write(const char*, const std::vector<int64_t>&);
template void ConfigWriter::write(const char*, const std::vector<uint64_t>&);
template void ConfigWriter::write(const char*, const std::vector<double>&);
template void ConfigWriter::write(const char*, const std::vector<std::string>&);

void ConfigWriter::open(const char* key, bool element) {
  frames_.push_back({join_path(frames_.back().path, key), element, "", ""});
}

void ConfigWriter::close() {
  const Frame frame = std::move(frames_.back());
  frames_.pop_back();
  const char* header = frame.element ? "\n[[{}]]\n" : "\n[{}]\n";
  frames_.back().tables +=
      fmt::format(fmt::runtime(header), frame.path) + frame.lines + frame.tables;
}

std::string ConfigWriter::toml() const {
  const Frame& root = frames_.front();
  if (root.lines.empty() && !root.tables.empty()) return root.tables.substr(1);
  return root.lines + root.tables;
}

std::string ConfigReference::one_of(std::span<const std::string_view> names) {
  return fmt::format("{}", fmt::join(names, ", "));
}

void ConfigReference::header(const char* key, const char* type, const char* doc) {
  rows_.push_back({fmt::format("`{}{}`", prefix_, key), type, "", doc});
}

void ConfigReference::row(const char* key, std::string type, std::string_view assignment,
                          const char* doc, Range range) {
  if (const std::string limits = range.text(); !limits.empty()) {
    const size_t comma = type.find(',');  // of "integer, at least 0", which `range` now says better
    type = (comma == std::string::npos ? type : type.substr(0, comma)) + ", " + limits;
  }
  // `assignment` is "key = value\n".
  const std::string_view value = assignment.substr(assignment.find(" = ") + 3);
  rows_.push_back({fmt::format("`{}{}`", prefix_, key), std::move(type),
                   fmt::format("`{}`", value.substr(0, value.size() - 1)), doc});
}

std::string ConfigReference::markdown() const {
  std::vector<std::vector<std::string>> rows = {{"key", "type", "default", "meaning"}, {}};
  rows.insert(rows.end(), rows_.begin(), rows_.end());
  std::vector<size_t> widths(4);
  for (auto& row : rows)
    for (size_t i = 0; i < row.size(); ++i) {
      for (size_t at = 0; (at = row[i].find('|', at)) != std::string::npos; at += 2)
        row[i].insert(at, 1, '\\');
      widths[i] = std::max(widths[i], row[i].size());
    }
  widths.back() = rows[0].back().size();  // the last column runs ragged
  for (size_t width : widths) rows[1].push_back(std::string(width, '-'));
  std::string text;
  for (const auto& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) text += fmt::format("| {:<{}} ", row[i], widths[i]);
    text += "|\n";
  }
  return text;
}

}  // namespace lineage
