#include "lineage/text/unicode.h"

#include <algorithm>
#include <map>

#include "lineage/text/unicode_ranges.h"

namespace lineage {
namespace {

uint8_t byte_at(const char* p) { return static_cast<uint8_t>(*p); }

struct Lead {
  uint32_t bytes = 0;               // of the whole character; 0 for a byte that starts none
  uint8_t low = 0x80, high = 0xBF;  // of the second byte
};

Lead lead_of(uint8_t first) {
  if (first >= 0xC2 && first <= 0xDF) return {2};
  if (first == 0xE0) return {3, 0xA0, 0xBF};
  if (first == 0xED) return {3, 0x80, 0x9F};
  if (first >= 0xE1 && first <= 0xEF) return {3};
  if (first == 0xF0) return {4, 0x90, 0xBF};
  if (first >= 0xF1 && first <= 0xF3) return {4};
  if (first == 0xF4) return {4, 0x80, 0x8F};
  return {};
}

// How many bytes at `p` agree with the form of the character that the first one starts.
uint32_t matching_bytes(const char* p, const char* end, const Lead& lead) {
  uint32_t n = 1;
  while (n < lead.bytes && p + n < end) {
    const uint8_t b = byte_at(p + n);
    const bool ok = n == 1 ? b >= lead.low && b <= lead.high : (b & 0xC0) == 0x80;
    if (!ok) break;
    ++n;
  }
  return n;
}

}  // namespace

Char read_char(const char* p, const char* end) {
  const uint8_t first = byte_at(p);
  if (first < 0x80) return {first, 1};
  const Lead lead = lead_of(first);
  if (lead.bytes == 0 || matching_bytes(p, end, lead) < lead.bytes) return {0xFFFD, 1};
  uint32_t code = first & (0x7Fu >> lead.bytes);
  for (uint32_t i = 1; i < lead.bytes; ++i) code = code << 6 | (byte_at(p + i) & 0x3F);
  return {code, lead.bytes};
}

const CharClasses& CharClasses::instance() {
  static const CharClasses classes;
  return classes;
}

CharClasses::CharClasses() {
  std::vector<CharClass> flat(0x110000, CharClass::other);
  const auto paint = [&](const auto& ranges, CharClass value) {
    for (const CodeRange& r : ranges)
      std::fill(flat.begin() + r.first, flat.begin() + r.last + 1, value);
  };
  paint(kLetterRanges, CharClass::letter);
  paint(kNumberRanges, CharClass::number);
  paint(kSpaceRanges, CharClass::space);

  std::map<std::array<CharClass, 256>, uint16_t> seen;
  for (size_t page = 0; page < page_of_.size(); ++page) {
    std::array<CharClass, 256> content;
    std::copy_n(flat.begin() + static_cast<ptrdiff_t>(page) * 256, 256, content.begin());
    const auto [it, fresh] = seen.try_emplace(content, static_cast<uint16_t>(pages_.size()));
    if (fresh) pages_.push_back(content);
    page_of_[page] = it->second;
  }
}

bool is_word_character(uint32_t code) {
  if (CharClasses::instance().of(code) == CharClass::letter) return true;
  const auto* after =
      std::upper_bound(std::begin(kOtherWordRanges), std::end(kOtherWordRanges), code,
                       [](uint32_t c, const CodeRange& r) { return c < r.first; });
  return after != std::begin(kOtherWordRanges) && code <= (after - 1)->last;
}

void append_utf8(uint32_t code, std::string& out) {
  const auto push = [&](uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (code < 0x80) {
    push(code);
  } else if (code < 0x800) {
    push(0xC0 | code >> 6);
    push(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    push(0xE0 | code >> 12);
    push(0x80 | (code >> 6 & 0x3F));
    push(0x80 | (code & 0x3F));
  } else {
    push(0xF0 | code >> 18);
    push(0x80 | (code >> 12 & 0x3F));
    push(0x80 | (code >> 6 & 0x3F));
    push(0x80 | (code & 0x3F));
  }
}

size_t unfinished_utf8(std::string_view text) {
  const char* end = text.data() + text.size();
  for (size_t back = 1; back <= std::min<size_t>(3, text.size()); ++back) {
    const char* p = end - back;
    if ((byte_at(p) & 0xC0) == 0x80) continue;  // inside a character: look further back
    const Lead lead = lead_of(byte_at(p));
    return lead.bytes > back && matching_bytes(p, end, lead) == back ? back : 0;
  }
  return 0;
}

std::string valid_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  const char *p = text.data(), *end = p + text.size();
  while (p < end) {
    if (const Char c = read_char(p, end); c.valid()) {
      out.append(p, c.bytes);
      p += c.bytes;
    } else {
      append_utf8(0xFFFD, out);
      p += matching_bytes(p, end, lead_of(byte_at(p)));
    }
  }
  return out;
}

}  // namespace lineage
