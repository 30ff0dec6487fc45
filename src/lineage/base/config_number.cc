#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>

#include "lineage/base/config_value.h"

namespace lineage {
namespace {

// digits * 10^exponent
struct Decimal {
  bool negative = false;
  std::string digits;  // without leading zeros; "" is 0
  int64_t exponent = 0;
};

bool digit(char c) { return c >= '0' && c <= '9'; }

// The power of ten of a suffix; -1 for another text.
int power_of(std::string_view suffix) {
  constexpr std::pair<std::string_view, int> kPowers[] = {{"", 0},  {"k", 3}, {"K", 3}, {"M", 6},
                                                          {"G", 9}, {"B", 9}, {"T", 12}};
  for (const auto& [name, power] : kPowers)
    if (name == suffix) return power;
  return -1;
}

std::optional<Decimal> decimal(std::string_view text) {
  Decimal out;
  size_t at = 0;
  const auto next = [&] { return at < text.size() ? text[at] : '\0'; };
  if (next() == '-' || next() == '+') out.negative = text[at++] == '-';
  bool any = false, point = false;
  for (; at < text.size(); ++at) {
    const char c = text[at];
    if (digit(c)) {
      any = true;
      if (c != '0' || !out.digits.empty()) out.digits += c;
      out.exponent -= point;
    } else if (c == '.' && !point) {
      point = true;
    } else if (c != '_' || !any || at + 1 == text.size() || !digit(text[at + 1])) {
      break;
    }
  }
  if (!any) return std::nullopt;
  if (next() == 'e' || next() == 'E') {
    const size_t from = at + (at + 1 < text.size() && text[at + 1] == '+' ? 2 : 1);
    int exponent = 0;
    const auto r = std::from_chars(text.data() + from, text.data() + text.size(), exponent);
    if (r.ec != std::errc() || exponent > 10'000 || exponent < -10'000) return std::nullopt;
    out.exponent += exponent;
    at = static_cast<size_t>(r.ptr - text.data());
  }
  const int power = power_of(text.substr(at));
  if (power < 0) return std::nullopt;
  out.exponent += power;
  for (; !out.digits.empty() && out.digits.back() == '0'; ++out.exponent) out.digits.pop_back();
  return out;
}

std::string_view trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t\r");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r") + 1 - begin);
}

bool bare_word(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-' ||
           c == '.' || c == '/' || c == '~' || c == '$' || c == '*';
  });
}

}  // namespace

std::optional<WholeNumber> whole_number(std::string_view text) {
  const auto number = decimal(text);
  if (!number) return std::nullopt;
  constexpr int64_t kMostDigits = 20;  // of 2^64
  if (number->digits.empty()) return WholeNumber{};
  if (number->exponent < 0 || number->exponent > kMostDigits) return std::nullopt;
  const std::string all = number->digits + std::string(static_cast<size_t>(number->exponent), '0');
  WholeNumber out{number->negative, 0};
  const char* end = all.data() + all.size();
  if (std::from_chars(all.data(), end, out.magnitude).ec != std::errc()) return std::nullopt;
  return out;
}

std::optional<double> real_number(std::string_view text) {
  const auto number = decimal(text);
  if (!number) return std::nullopt;
  if (number->digits.empty()) return 0.0;
  const std::string all = fmt::format("{}e{}", number->digits, number->exponent);
  double value = 0;
  if (std::from_chars(all.data(), all.data() + all.size(), value).ec != std::errc())
    return std::nullopt;  // out of a double's range
  return number->negative ? -value : value;
}

std::string syntax_help(std::string_view line) {
  const size_t equals = line.find('=');
  if (equals == std::string_view::npos) {
    return line.find(':') != std::string_view::npos ? "TOML writes key = value" : "";
  }
  const std::string key(trimmed(line.substr(0, equals)));
  std::string_view value = trimmed(line.substr(equals + 1));
  if (value.find_first_of("\"'") == std::string_view::npos)
    value = trimmed(value.substr(0, value.find('#')));
  if (value.empty()) return "a value is missing behind " + key + " =";
  std::string lower(value);
  std::ranges::transform(lower, lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  });
  if (lower == "true" || lower == "yes" || lower == "on") return key + " = true";
  if (lower == "false" || lower == "no" || lower == "off") return key + " = false";
  if (lower == "none" || lower == "null" || lower == "nil")
    return "leave " + key + " out: its default is taken";
  if (whole_number(value) || real_number(value)) {
    if (power_of(value.substr(value.size() - 1)) > 0)
      return fmt::format("put a number with a letter in quotes: {} = \"{}\"", key, value);
    return fmt::format("put a number in this form in quotes: {} = \"{}\"", key, value);
  }
  std::string plain(value);
  std::erase(plain, ',');
  if (plain != value && whole_number(plain)) {
    std::string grouped(value);
    std::ranges::replace(grouped, ',', '_');
    return fmt::format("{} = {}", key, grouped);
  }
  if (bare_word(value)) return fmt::format("put text in quotes: {} = \"{}\"", key, value);
  return "";
}

}  // namespace lineage
