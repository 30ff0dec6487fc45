#include "lineage/text/nfc.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <vector>

#include "lineage/text/unicode.h"

namespace lineage {
namespace {

// From here on a character may be decomposed, or be composed with the one before it.
constexpr uint32_t kFirstToCompose = 0x300;

using CodePoints = std::vector<utf8proc_int32_t>;

void append_decomposed(uint32_t code, CodePoints& out) {
  std::array<utf8proc_int32_t, 8> parts;  // of one character: at most four (UAX #15, table 8)
  int boundary = 0;
  const auto count = utf8proc_decompose_char(static_cast<utf8proc_int32_t>(code), parts.data(),
                                             parts.size(), UTF8PROC_DECOMPOSE, &boundary);
  if (count < 1 || static_cast<size_t>(count) > parts.size())
    out.push_back(static_cast<utf8proc_int32_t>(code));
  else
    out.insert(out.end(), parts.begin(), parts.begin() + count);
}

// Canonical order (UAX #15, D109). utf8proc_decompose() takes quadratic time for a text of marks
// alone; this does not.
void order_marks(CodePoints& codes) {
  const auto mark_class = [](utf8proc_int32_t code) {
    return utf8proc_get_property(code)->combining_class;
  };
  const auto is_mark = [&](utf8proc_int32_t code) { return mark_class(code) != 0; };
  for (auto begin = codes.begin(); begin != codes.end();) {
    begin = std::find_if(begin, codes.end(), is_mark);
    const auto end = std::find_if_not(begin, codes.end(), is_mark);
    std::stable_sort(begin, end, [&](auto a, auto b) { return mark_class(a) < mark_class(b); });
    begin = end;
  }
}

// [begin, end) is UTF-8 without a gap.
void append_composed(const char* begin, const char* end, std::string& out) {
  CodePoints codes;
  for (const char* p = begin; p < end;) {
    const Char c = read_char(p, end);
    append_decomposed(c.code, codes);
    p += c.bytes;
  }
  order_marks(codes);
  const auto size =
      utf8proc_normalize_utf32(codes.data(), static_cast<utf8proc_ssize_t>(codes.size()),
                               static_cast<utf8proc_option_t>(UTF8PROC_COMPOSE | UTF8PROC_STABLE));
  for (utf8proc_ssize_t i = 0; i < size; ++i)
    append_utf8(static_cast<uint32_t>(codes[static_cast<size_t>(i)]), out);
}

}  // namespace

bool is_surely_nfc(std::string_view text) {
  // U+0300 is CC 80; a lower lead byte is of a lower character.
  return std::ranges::all_of(text, [](char c) { return static_cast<uint8_t>(c) < 0xCC; });
}

std::string nfc(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  const char *p = text.data(), *end = p + text.size();
  const char* previous = p;  // the character before p, if it may be composed with what follows
  const auto composes = [&](const char* q) {
    const Char c = read_char(q, end);
    return c.valid() && c.code >= kFirstToCompose;
  };
  while (p < end) {
    if (!composes(p)) {
      const Char c = read_char(p, end);
      out.append(p, c.bytes);
      previous = c.valid() ? p : p + c.bytes;
      p += c.bytes;
      continue;
    }
    out.resize(out.size() - static_cast<size_t>(p - previous));
    while (p < end && composes(p)) p += read_char(p, end).bytes;
    append_composed(previous, p, out);
    previous = p;
  }
  return out;
}

}  // namespace lineage
