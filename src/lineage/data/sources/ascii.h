#pragma once

#include <algorithm>
#include <string>
#include <string_view>

namespace lineage {

// Lower case of ASCII letters alone, whatever the locale: for names in headers, tags and licences.
inline char ascii_lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}
inline std::string ascii_lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = ascii_lower(c);
  return out;
}

}  // namespace lineage
