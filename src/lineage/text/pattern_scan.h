#pragma once

// The patterns as hand-written scanners, to be inlined into the loops over text. Each function
// takes [p, end) with p < end and returns the end of the piece that starts at p. A pattern's
// alternatives are tried in the order of its regular expression, see pattern.cc.

#include <bit>
#include <cstdint>
#include <cstring>

#include "lineage/text/pattern.h"
#include "lineage/text/unicode.h"

namespace lineage {

namespace scan {

inline constexpr uint8_t kOther = 0, kLetter = 1, kNumber = 2, kSpace = 3;  // as CharClass
inline constexpr uint8_t kMultiByte = 4;  // a byte above ASCII: its character must be read

inline constexpr std::array<uint8_t, 256> kClassOfByte = [] {
  std::array<uint8_t, 256> table{};
  for (int c = 'a'; c <= 'z'; ++c) table[c] = table[c - 32] = kLetter;
  for (int c = '0'; c <= '9'; ++c) table[c] = kNumber;
  for (int c : {9, 10, 11, 12, 13, 32}) table[c] = kSpace;
  for (int c = 128; c < 256; ++c) table[c] = kMultiByte;
  return table;
}();

// Class and length in bytes of the character at p.
struct Seen {
  uint8_t kind;
  uint32_t bytes;
};

inline Seen look_multi_byte(const char* p, const char* end) {
  const Char c = read_char(p, end);
  return {static_cast<uint8_t>(CharClasses::instance().of(c.code)), c.bytes};
}

inline Seen look(const char* p, const char* end) {
  const uint8_t kind = kClassOfByte[static_cast<uint8_t>(*p)];
  if (kind != kMultiByte) [[likely]]
    return {kind, 1};
  return look_multi_byte(p, end);
}

// The end of the run of characters of one class that starts at p <= end; it may be empty.
template <uint8_t kKind>
const char* run(const char* p, const char* end) {
  while (p < end) {
    const Seen seen = look(p, end);
    if (seen.kind != kKind) break;
    p += seen.bytes;
  }
  return p;
}

// The number of leading ASCII letters of the eight bytes, from the lowest. Per byte: fold to lower
// case, then two additions raise the top bit where it is >= 'a' and where it is > 'z'.
inline int leading_letters(uint64_t eight) {
  constexpr uint64_t kOnes = 0x0101010101010101u, kTops = kOnes << 7;
  const uint64_t low = (eight | kOnes * 0x20) & ~kTops;
  const uint64_t from_a = low + kOnes * (0x80 - 'a'), past_z = low + kOnes * (0x7F - 'z');
  const uint64_t letters = from_a & ~past_z & ~eight & kTops;
  const uint64_t others = ~letters & kTops;
  return others == 0 ? 8 : std::countr_zero(others) / 8;
}

inline const char* letters(const char* p, const char* end) {
  static_assert(std::endian::native == std::endian::little);
  while (end - p >= 8) {
    uint64_t eight;
    std::memcpy(&eight, p, 8);
    const int n = leading_letters(eight);
    p += n;
    if (n == 8) continue;
    if (static_cast<uint8_t>(*p) < 0x80) return p;
    const Seen seen = look_multi_byte(p, end);
    if (seen.kind != kLetter) return p;
    p += seen.bytes;
  }
  return run<kLetter>(p, end);
}

inline bool is_newline(char c) { return c == '\n' || c == '\r'; }

// \s+(?!\S)|\s+ at a space: the whole run at the end of the text; else all but its last character
// (which may belong to the next piece), or that character when it is alone.
inline const char* spaces(const char* p, const char* end) {
  const char *last = p, *q = p;
  while (q < end) {
    const Seen seen = look(q, end);
    if (seen.kind != kSpace) break;
    last = q;
    q += seen.bytes;
  }
  return q == end || last == p ? q : last;
}

}  // namespace scan

// 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
[[gnu::always_inline]] inline const char* scan_gpt2(const char* p, const char* end) {
  using namespace scan;
  if (*p == '\'' && end - p >= 2) {
    const char a = p[1];
    if (a == 's' || a == 't' || a == 'm' || a == 'd') return p + 2;
    if (end - p >= 3) {
      const char b = p[2];
      if ((a == 'r' && b == 'e') || (a == 'v' && b == 'e') || (a == 'l' && b == 'l')) return p + 3;
    }
  }
  const char* body = *p == ' ' ? p + 1 : p;
  if (body == end) return end;
  const Seen seen = look(body, end);
  switch (seen.kind) {
    case kLetter:
      return letters(body + seen.bytes, end);
    case kNumber:
      return run<kNumber>(body + seen.bytes, end);
    case kOther:
      return run<kOther>(body + seen.bytes, end);
    default:
      return spaces(p, end);
  }
}

// (?i:'s|'t|'re|'ve|'m|'ll|'d) at an apostrophe; p itself when it does not match. U+017F (long s)
// folds to s, and nothing else above ASCII folds to one of these letters.
inline const char* scan_contraction_any_case(const char* p, const char* end) {
  const auto lower = [&](int i) { return end - p > i ? static_cast<char>(p[i] | 0x20) : '\0'; };
  const char a = lower(1), b = lower(2);
  if (a == 's' || a == 't' || a == 'm' || a == 'd') return p + 2;
  if ((a == 'r' && b == 'e') || (a == 'v' && b == 'e') || (a == 'l' && b == 'l')) return p + 3;
  if (end - p >= 3 && p[1] == '\xC5' && p[2] == '\xBF') return p + 3;
  return p;
}

// (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,kDigits}|
// ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
template <int kDigits>
[[gnu::always_inline]] inline const char* scan_cl100k(const char* p, const char* end) {
  using namespace scan;
  if (*p == '\'')
    if (const char* q = scan_contraction_any_case(p, end); q != p) return q;

  const Seen first = look(p, end);
  const char* next = p + first.bytes;
  if (first.kind == kLetter) return letters(next, end);
  if (first.kind == kNumber) {
    for (int more = 1; more < kDigits && next < end; ++more) {
      const Seen seen = look(next, end);
      if (seen.kind != kNumber) break;
      next += seen.bytes;
    }
    return next;
  }
  if (next < end && !is_newline(*p)) {
    const Seen second = look(next, end);
    if (second.kind == kLetter) return letters(next + second.bytes, end);
    if (*p == ' ' && second.kind == kOther) next += second.bytes;
  }
  if (first.kind == kOther || next > p + first.bytes) {
    next = run<kOther>(next, end);
    while (next < end && is_newline(*next)) ++next;
    return next;
  }
  const char* newline_end = p;
  for (const char* q = p; q < end;) {
    const Seen seen = look(q, end);
    if (seen.kind != kSpace) break;
    q += seen.bytes;
    if (is_newline(q[-1])) newline_end = q;
  }
  return newline_end != p ? newline_end : spaces(p, end);
}

// GPT-2's pattern between numbers, each character of which is a piece.
inline const char* scan_starcoder(const char* p, const char* end) {
  using namespace scan;
  const Seen first = look(p, end);
  if (first.kind == kNumber) return p + first.bytes;
  if (*p == ' ' && p + 1 < end && look(p + 1, end).kind == kNumber) return p + 1;
  if (first.kind != kSpace || (*p == ' ' && p + 1 < end && look(p + 1, end).kind != kSpace))
    return scan_gpt2(p, end);
  // The text that GPT-2's pattern sees ends before a number.
  const char* stop = run<kSpace>(p, end);
  return stop < end && look(stop, end).kind == kNumber ? stop : spaces(p, end);
}

// A character that BLOOM's pattern leaves out: [(\s|[.,!?…。，、।۔،])].
inline bool parts_bloom(const char* p, const char* end) {
  const Char c = read_char(p, end);
  if (c.code < 0x80)
    return scan::kClassOfByte[c.code] == scan::kSpace ||
           std::string_view("(|).,!?").find(static_cast<char>(c.code)) != std::string_view::npos;
  for (uint32_t sign : {0x2026u, 0x3002u, 0xFF0Cu, 0x3001u, 0x0964u, 0x06D4u, 0x060Cu})
    if (c.code == sign) return true;
  return CharClasses::instance().of(c.code) == CharClass::space;
}

// ` ?[^…]+`, and what lies between its matches.
inline const char* scan_bloom(const char* p, const char* end) {
  const auto word = [&](const char* q) { return q < end && !parts_bloom(q, end); };
  const auto matches = [&](const char* q) { return word(q) || (*q == ' ' && word(q + 1)); };
  const auto after = [&](const char* q) { return q + read_char(q, end).bytes; };
  if (!matches(p)) {
    do p = after(p);
    while (p < end && !matches(p));
    return p;
  }
  if (*p == ' ') ++p;
  while (word(p)) p = after(p);
  return p;
}

// use(scan) with the pattern's scanner as a type of its own, so that a loop in `use` is compiled
// for each.
template <class Use>
decltype(auto) with_scanner(Pattern pattern, const Use& use) {
  switch (pattern) {
    case Pattern::gpt2:
      return use([](const char* p, const char* end) { return scan_gpt2(p, end); });
    case Pattern::cl100k:
      return use([](const char* p, const char* end) { return scan_cl100k<3>(p, end); });
    case Pattern::qwen2:
      return use([](const char* p, const char* end) { return scan_cl100k<1>(p, end); });
    case Pattern::starcoder:
      return use([](const char* p, const char* end) { return scan_starcoder(p, end); });
    default:
      return use([](const char* p, const char* end) { return scan_bloom(p, end); });
  }
}

}  // namespace lineage
