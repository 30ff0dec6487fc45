#include "lineage/eval/database_row.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "lineage/base/error.h"

namespace lineage {

const DatabaseRow::Value& DatabaseRow::value(std::string_view column) const {
  const auto at = std::ranges::find(*names_, column);
  require(at != names_->end(), fmt::format("database: a query has no column {}", column));
  return values_[at - names_->begin()];
}

namespace {

struct AsText {
  std::string operator()(std::monostate) const { return {}; }
  std::string operator()(int64_t i) const { return std::to_string(i); }
  std::string operator()(double d) const { return fmt::format("{}", d); }
  std::string operator()(const std::string& s) const { return s; }
};

}  // namespace

std::string DatabaseRow::text(std::string_view column) const {
  return std::visit(AsText{}, value(column));
}

double DatabaseRow::number(std::string_view column) const {
  const Value& v = value(column);
  if (const auto* d = std::get_if<double>(&v)) return *d;
  if (const auto* i = std::get_if<int64_t>(&v)) return static_cast<double>(*i);
  return std::nan("");
}

int64_t DatabaseRow::integer(std::string_view column) const {
  const Value& v = value(column);
  if (const auto* i = std::get_if<int64_t>(&v)) return *i;
  const double d = number(column);
  return std::isnan(d) ? 0 : static_cast<int64_t>(d);
}

std::vector<std::string> DatabaseRow::texts() const {
  std::vector<std::string> result;
  for (const Value& v : values_) result.push_back(std::visit(AsText{}, v));
  return result;
}

}  // namespace lineage
