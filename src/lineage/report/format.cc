#include "lineage/report/format.h"

#include <fmt/format.h>

#include <cmath>

namespace lineage {
namespace {

bool is_zero(const std::string& number) {
  return number.find_first_not_of("0.") == std::string::npos;
}

}  // namespace

std::string short_number(double value, int digits) {
  const std::string text = fmt::format("{:.{}f}", std::abs(value), digits);
  return (value < 0 && !is_zero(text) ? "−" : "") + (text.starts_with("0") ? text.substr(1) : text);
}

std::string signed_number(double value, int digits) {
  const std::string text = short_number(value, digits);
  return value > 0 && !is_zero(text) ? "+" + text : text;
}

std::string_view change_mark(Change change) {
  switch (change) {
    case Change::better:
      return "▲";
    case Change::worse:
      return "▼";
    case Change::other:
      return "◆";
    case Change::open:
    case Change::small:
      break;
  }
  return "";
}

std::string stage_text(const ReportNode& n) {
  if (!n.control) return n.stage;
  return n.stage + ", control" + (n.control_of.empty() ? "" : " of " + n.control_of);
}

}  // namespace lineage
