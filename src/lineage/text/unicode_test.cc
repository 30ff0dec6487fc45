#include "lineage/text/unicode.h"

#include <gtest/gtest.h>

#include "lineage/text/pcre2_oracle.h"

namespace lineage {
namespace {

std::string utf8(uint32_t code) {
  std::string out;
  append_utf8(code, out);
  return out;
}

bool is_surrogate(uint32_t code) { return code >= 0xD800 && code <= 0xDFFF; }

TEST(Unicode, EveryCharacterIsReadBack) {
  for (uint32_t code = 0; code <= 0x10FFFF; ++code) {
    if (is_surrogate(code)) continue;
    const std::string text = utf8(code);
    const Char c = read_char(text.data(), text.data() + text.size());
    ASSERT_TRUE(c.valid()) << code;
    ASSERT_EQ(c.code, code);
    ASSERT_EQ(c.bytes, text.size()) << code;
    ASSERT_EQ(unfinished_utf8(text), 0u) << code;
    for (size_t cut = 1; cut < text.size(); ++cut) {
      ASSERT_FALSE(read_char(text.data(), text.data() + cut).valid()) << code;
      ASSERT_EQ(unfinished_utf8(text.substr(0, cut)), cut) << code;
    }
  }
}

// The examples of the Unicode standard, section 3.9, tables 3-8 to 3-11, and Python's results.
TEST(Unicode, EveryMaximalPartThatIsNoUtf8BecomesOneReplacement) {
  const std::string r = "\xEF\xBF\xBD";
  EXPECT_EQ(valid_utf8("\xC0\xAF\xE0\x80\xBF\xF0\x81\x82\x41"),
            r + r + r + r + r + r + r + r + "A");
  EXPECT_EQ(valid_utf8("\xED\xA0\x80\xED\xBF\xBF\xED\xAF\x41"),
            r + r + r + r + r + r + r + r + "A");
  EXPECT_EQ(valid_utf8("\xF4\x91\x92\x93\xFF\x41\x80\xBF\x42"),
            r + r + r + r + r + "A" + r + r + "B");
  EXPECT_EQ(valid_utf8("\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41"), r + r + r + r + "A");
  EXPECT_EQ(valid_utf8("h\xC3\xA9"), "h\xC3\xA9");
  EXPECT_EQ(valid_utf8("\xF0\x9F\x8C"), r);
}

TEST(Unicode, OnlyWhatMayBecomeACharacterIsUnfinished) {
  EXPECT_EQ(unfinished_utf8(""), 0u);
  EXPECT_EQ(unfinished_utf8("a"), 0u);
  EXPECT_EQ(unfinished_utf8("a\xF0\x9F"), 2u);
  EXPECT_EQ(unfinished_utf8("\x80\x80\x80\x80"), 0u);
  EXPECT_EQ(unfinished_utf8("\xC3\xA9\xA9"), 0u);
  EXPECT_EQ(unfinished_utf8("\xE0\x80"), 0u);  // overlong: never a character
  EXPECT_EQ(unfinished_utf8("\xED\xA0"), 0u);  // a surrogate
  EXPECT_EQ(unfinished_utf8("\xC0"), 0u);
  EXPECT_EQ(unfinished_utf8("\xF5"), 0u);
}

// tiktoken and tokenizers have the tables of Unicode 16.
TEST(Unicode, ClassesAreThoseOfUnicode16) {
  const auto of = [](uint32_t code) { return CharClasses::instance().of(code); };
  for (uint32_t code : {0x1C89u, 0xA7CBu, 0x105C0u, 0x2EBF0u})
    EXPECT_EQ(of(code), CharClass::letter) << std::hex << code;
  EXPECT_EQ(of(0x10D40), CharClass::number);
  for (uint32_t code : {0x088Fu, 0x10940u, 0x323B0u})  // of Unicode 17
    EXPECT_EQ(of(code), CharClass::other) << std::hex << code;
}

TEST(Unicode, WordCharactersAreLettersMarksDigitsAndConnectors) {
  for (uint32_t code : {0x61u, 0x39u, 0x5Fu, 0xE9u, 0x301u, 0x0663u, 0x203Fu, 0x2167u, 0x24D0u})
    EXPECT_TRUE(is_word_character(code)) << std::hex << code;
  for (uint32_t code : {0x20u, 0x2Du, 0xB2u, 0xBDu, 0x2019u, 0x1F30Du, 0xFFFDu})
    EXPECT_FALSE(is_word_character(code)) << std::hex << code;
}

// Code points that PCRE2's older Unicode does not know yet are left out.
TEST(Unicode, ClassesAgreeWithPcre2) {
  const testing::Pcre2 letter("\\p{L}"), number("\\p{N}"), space("\\s"), unassigned("\\p{Cn}");
  int compared = 0, letters = 0;
  for (uint32_t code = 0; code <= 0x10FFFF; ++code) {
    if (is_surrogate(code)) continue;
    const std::string text = utf8(code);
    if (unassigned.match(text, 0) > 0) continue;
    const CharClass expected = letter.match(text, 0) > 0   ? CharClass::letter
                               : number.match(text, 0) > 0 ? CharClass::number
                               : space.match(text, 0) > 0  ? CharClass::space
                                                           : CharClass::other;
    ASSERT_EQ(CharClasses::instance().of(code), expected) << std::hex << code;
    ++compared;
    letters += expected == CharClass::letter;
  }
  EXPECT_GT(compared, 280000);
  EXPECT_GT(letters, 130000);
}

}  // namespace
}  // namespace lineage
