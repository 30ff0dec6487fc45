#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace lineage {

// A row of a query; columns are found by name; a name that the query lacks is a bug. NULL is "" as
// text and NaN as a number.
class DatabaseRow {
 public:
  using Names = std::shared_ptr<const std::vector<std::string>>;  // of all rows of a query
  using Value = std::variant<std::monostate, int64_t, double, std::string>;
  DatabaseRow(Names names, std::vector<Value> values)
      : names_(std::move(names)), values_(std::move(values)) {}

  std::string text(std::string_view column) const;
  double number(std::string_view column) const;
  int64_t integer(std::string_view column) const;  // NULL: 0
  std::vector<std::string> texts() const;          // of all columns, in their order

 private:
  const Value& value(std::string_view column) const;

  Names names_;
  std::vector<Value> values_;
};

}  // namespace lineage
