#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace lineage {

// The classes that pre-tokenisation patterns distinguish: \p{L}, \p{N}, \s (White_Space), the rest.
enum class CharClass : uint8_t { other, letter, number, space };

// One character read from UTF-8.
struct Char {
  uint32_t code = 0;   // U+FFFD for a byte that starts no character
  uint32_t bytes = 0;  // 1 for such a byte
  bool valid() const { return code != 0xFFFD || bytes == 3; }
};

// Reads the character at `p`; p < end. Follows table 3-7 of the Unicode standard: no overlong
// forms, no surrogates, nothing above U+10FFFF.
Char read_char(const char* p, const char* end);

// A table over all code points, in 256-wide pages shared where they are equal.
class CharClasses {
 public:
  static const CharClasses& instance();
  CharClass of(uint32_t code) const {
    return pages_[page_of_[code >> 8]][code & 0xFF];  // code <= 0x10FFFF
  }

 private:
  CharClasses();
  std::array<uint16_t, 0x110000 / 256> page_of_;
  std::vector<std::array<CharClass, 256>> pages_;
};

// \w of the regex library that `tokenizers` uses: letters, marks, decimal digits, connectors.
bool is_word_character(uint32_t code);

// Appends `code` (<= 0x10FFFF) as UTF-8.
void append_utf8(uint32_t code, std::string& out);

// The number of bytes at the end of `text` that start a character to be completed: 0 to 3.
size_t unfinished_utf8(std::string_view text);

// `text` with U+FFFD for every maximal part that is not UTF-8, as Python's errors="replace" and the
// Unicode standard (section 3.9) recommend.
std::string valid_utf8(std::string_view text);

}  // namespace lineage
