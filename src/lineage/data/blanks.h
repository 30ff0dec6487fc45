#pragma once

#include <string_view>

namespace lineage {

// The text without white space at its ends.
inline std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n\v\f";
  const size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) + 1 - first);
}
inline bool blank(std::string_view text) { return trimmed(text).empty(); }

}  // namespace lineage
