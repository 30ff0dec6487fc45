#include "lineage/data/charset.h"

#include <gtest/gtest.h>

#include "lineage/text/unicode.h"

namespace lineage {
namespace {

TEST(Charset, FindsTheFirstInvalidByteWhereverItIs) {
  EXPECT_EQ(first_invalid_utf8(""), std::string_view::npos);
  EXPECT_EQ(first_invalid_utf8("\xF0\x9F\x98\x80 gr\xC3\xBC\xC3\x9F"), std::string_view::npos);
  for (const std::string bad :
       {"\xFF", "\xC3", "\xC0\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xE2\x82", "\x80"})
    for (size_t before = 0; before < 20; ++before)
      for (const std::string after : {"", "x", "and much more text"})
        EXPECT_EQ(first_invalid_utf8(std::string(before, 'a') + bad + after), before);
}

TEST(Charset, AgreesWithTheReplacementOfInvalidText) {
  uint32_t state = 1;
  for (int round = 0; round < 3000; ++round) {
    std::string text;
    for (int i = 0; i < 12; ++i) {
      state = state * 1664525 + 1013904223;
      constexpr unsigned char kBytes[] = {'a',  0x80, 0xBF, 0xC3, 0xE0,
                                          0xE2, 0xED, 0xF0, 0xF4, 0x9F};
      text += static_cast<char>(kBytes[(state >> 16) % sizeof kBytes]);
    }
    EXPECT_EQ(first_invalid_utf8(text) == std::string_view::npos, valid_utf8(text) == text);
  }
}

TEST(Charset, Windows1252) {
  EXPECT_EQ(utf8_of_windows_1252("caf\xE9 \x80 \x93quoted\x94"), "café € “quoted”");
}

}  // namespace
}  // namespace lineage
