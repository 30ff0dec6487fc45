#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "lineage/base/config.h"

namespace lineage {

// The tree behind a ConfigNode; only config*.cc include this.
struct ConfigNode::Value {
  struct Entry;
  struct Date {
    std::string text;
  };
  using Table = std::vector<Entry>;  // in the order of the file
  using Array = std::vector<Value>;

  std::variant<Table, Array, bool, int64_t, double, std::string, Date> data;
  std::string place;  // "recipes/a.toml:14", or "--set a.b=c"

  const Table* table() const { return std::get_if<Table>(&data); }
  Table* table() { return std::get_if<Table>(&data); }
  const Value* find(std::string_view key) const;
  Value* find(std::string_view key);
  std::string text() const;  // as shown in errors: `"six"`, `3`, `a table`
};

struct ConfigNode::Value::Entry {
  std::string key;
  Value value;
};

// Keys and strings as TOML writes them: bare where that is allowed, else quoted and escaped.
std::string toml_key(std::string_view key);
std::string toml_string(std::string_view text);
std::string toml_number(double);  // the shortest that reads back exactly; always a TOML float
std::string join_path(std::string_view path, std::string_view key);

// The number in a text such as "10M", "1.5B", "1e7" or "1_000_000"; k, M, G or B, and T are powers
// of ten. Nothing for other text; whole_number() also refuses fractions and 2^64 or more.
struct WholeNumber {
  bool negative = false;
  uint64_t magnitude = 0;
};
std::optional<WholeNumber> whole_number(std::string_view text);
std::optional<double> real_number(std::string_view text);

// The hint on a line of a TOML document that does not parse; "" when there is none.
std::string syntax_help(std::string_view line);

}  // namespace lineage
