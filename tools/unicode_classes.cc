// Writes src/lineage/text/unicode_ranges.h, the code points of the classes that pre-tokenisation
// patterns name: \p{L}, \p{N} and \s (White_Space). To take a newer Unicode, build it against a
// newer ICU (Debian package libicu-dev) and run it from the root of the repository:
//
//   g++ -std=c++20 -O2 tools/unicode_classes.cc -licuuc -o /tmp/unicode_classes &&
//   /tmp/unicode_classes > src/lineage/text/unicode_ranges.h
#include <unicode/uchar.h>

#include <cstdio>

namespace {

enum Class { other, letter, number, space };

Class class_of(UChar32 c) {
  if (u_isUWhiteSpace(c)) return space;
  const uint32_t category = U_GET_GC_MASK(c);
  if (category & U_GC_L_MASK) return letter;
  if (category & U_GC_N_MASK) return number;
  return other;
}

void print_ranges(const char* name, Class wanted) {
  std::printf("\ninline constexpr CodeRange %s[] = {", name);
  int column = 0;
  for (UChar32 c = 0; c <= UCHAR_MAX_VALUE; ++c) {
    if (class_of(c) != wanted) continue;
    const UChar32 first = c;
    while (c < UCHAR_MAX_VALUE && class_of(c + 1) == wanted) ++c;
    std::printf("%s{0x%04X, 0x%04X},", column++ % 5 == 0 ? "\n    " : " ",
                static_cast<unsigned>(first), static_cast<unsigned>(c));
  }
  std::printf("\n};\n");
}

}  // namespace

int main() {
  std::printf("// Written by tools/unicode_classes.cc from Unicode %s; not to be edited.\n",
              U_UNICODE_VERSION);
  std::printf("#pragma once\n\n#include <cstdint>\n\nnamespace lineage {\n\n");
  std::printf(
      "// First and last code point.\nstruct CodeRange {\n  uint32_t first, last;\n};\n// "
      "clang-format off\n");
  print_ranges("kLetterRanges", letter);
  print_ranges("kNumberRanges", number);
  print_ranges("kSpaceRanges", space);
  std::printf("\n// clang-format on\n}  // namespace lineage\n");
}
