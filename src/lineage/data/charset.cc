#include "lineage/data/charset.h"

#include <fmt/format.h>

#include <array>
#include <cstdint>
#include <cstring>

#include "lineage/base/error.h"
#include "lineage/text/unicode.h"

namespace lineage {

size_t first_invalid_utf8(std::string_view text) {
  constexpr uint64_t kHighBits = 0x8080808080808080ull;
  const char *at = text.data(), *end = at + text.size();
  while (at < end) {
    uint64_t eight;
    if (at + sizeof eight <= end) {  // most text is ASCII
      std::memcpy(&eight, at, sizeof eight);
      if ((eight & kHighBits) == 0) {
        at += sizeof eight;
        continue;
      }
    }
    const Char c = read_char(at, end);
    if (!c.valid()) return static_cast<size_t>(at - text.data());
    at += c.bytes;
  }
  return std::string_view::npos;
}

TextState apply(InvalidText policy, std::string& text, const std::string& place, int64_t offset) {
  const size_t bad = first_invalid_utf8(text);
  if (bad == std::string_view::npos) return TextState::valid;
  if (policy == InvalidText::skip) return TextState::unwanted;
  if (policy == InvalidText::error)
    throw Error(
        fmt::format("{}: byte {} is 0x{:02x}, which is not UTF-8; wanted valid text", place,
                    offset + static_cast<int64_t>(bad), static_cast<unsigned char>(text[bad])),
        "repair the file, or set invalid_text = \"replace\" or \"skip\" in this source");
  text = valid_utf8(text);
  return TextState::repaired;
}

std::string utf8_of_windows_1252(std::string_view bytes) {
  // 0x80..0x9F, from the WHATWG encoding standard; the rest equals ISO-8859-1.
  static constexpr std::array<uint16_t, 32> kHigh = {
      0x20AC, 0x0081, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160,
      0x2039, 0x0152, 0x008D, 0x017D, 0x008F, 0x0090, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022,
      0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0x009D, 0x017E, 0x0178};
  std::string out;
  out.reserve(bytes.size() + bytes.size() / 8);
  for (const char c : bytes) {
    const unsigned char b = static_cast<unsigned char>(c);
    append_utf8(b >= 0x80 && b < 0xA0 ? kHigh[b - 0x80] : b, out);
  }
  return out;
}

}  // namespace lineage
