#include "lineage/text/pattern.h"

#include <gtest/gtest.h>

#include "lineage/base/config.h"
#include "lineage/text/pcre2_oracle.h"
#include "lineage/text/testing.h"
#include "lineage/text/unicode.h"

namespace lineage {
namespace {

std::vector<std::string> pieces(Pattern pattern, std::string_view text) {
  std::vector<std::string> out;
  const char *p = text.data(), *end = p + text.size();
  while (p < end) {
    const size_t size = first_piece(pattern, p, end);
    out.emplace_back(p, size);
    p += size;
  }
  return out;
}

using Pieces = std::vector<std::string>;

TEST(Pattern, Gpt2CutsAsItsRegularExpressionSays) {
  EXPECT_EQ(pieces(Pattern::gpt2, "Hello world's end"), (Pieces{"Hello", " world", "'s", " end"}));
  EXPECT_EQ(pieces(Pattern::gpt2, "I'LL we'll '' 's"),
            (Pieces{"I", "'", "LL", " we", "'ll", " ''", " '", "s"}));
  EXPECT_EQ(pieces(Pattern::gpt2, "a  b   \n\n c  "),
            (Pieces{"a", " ", " b", "   \n\n", " c", "  "}));
  EXPECT_EQ(pieces(Pattern::gpt2, "x12345 678!?"), (Pieces{"x", "12345", " 678", "!?"}));
  EXPECT_EQ(pieces(Pattern::gpt2, "a\n"), (Pieces{"a", "\n"}));
  EXPECT_EQ(pieces(Pattern::gpt2, ""), Pieces{});
}

TEST(Pattern, Cl100kCutsAsItsRegularExpressionSays) {
  EXPECT_EQ(pieces(Pattern::cl100k, "I'LL 'Save 'ſx"),
            (Pieces{"I", "'LL", " '", "Save", " '", "ſx"}));
  EXPECT_EQ(pieces(Pattern::cl100k, "'ſx"), (Pieces{"'ſ", "x"}));
  EXPECT_EQ(pieces(Pattern::cl100k, "12345 6789"), (Pieces{"123", "45", " ", "678", "9"}));
  EXPECT_EQ(pieces(Pattern::cl100k, "(hello).\n\n  next"),
            (Pieces{"(hello", ").\n\n", " ", " next"}));
  EXPECT_EQ(pieces(Pattern::cl100k, "a \n \n  b\tc"), (Pieces{"a", " \n \n", " ", " b", "\tc"}));
}

// A byte that starts no character counts as U+FFFD does; both are a unit of the same class.
std::string with_replacements(std::string_view text, std::vector<size_t>& length_of) {
  std::string out;
  const char *p = text.data(), *end = p + text.size();
  while (p < end) {
    const Char c = read_char(p, end);
    if (c.valid())
      out.append(p, c.bytes);
    else
      append_utf8(0xFFFD, out);
    length_of.resize(out.size(), 0);
    length_of.back() = c.bytes;  // of the character whose last byte this is
    p += c.bytes;
  }
  return out;
}

// BLOOM's brackets nest, which PCRE2's do not; and what lies between its matches are pieces too.
std::string pcre2_regex(Pattern pattern) {
  if (pattern != Pattern::bloom) return std::string(pattern_regex(pattern));
  const std::string word = " ?[^(\\s|.,!?…。，、।۔،)]";
  return word + "+|(?s:(?!" + word + ").)+";
}

class PatternOracle : public ::testing::TestWithParam<Pattern> {};

TEST_P(PatternOracle, AgreesWithPcre2OnRandomText) {
  const testing::Pcre2 regex(pcre2_regex(GetParam()));
  int compared = 0;
  for (uint64_t seed = 0; seed < 30000; ++seed) {
    const Rng rng = Rng(seed).fold("pattern");
    const std::string text = testing::random_text(rng, 1 + rng.fold("n").below(24, 0),
                                                  testing::hard_parts(seed % 2 == 1));
    std::vector<size_t> length_of;
    const std::string valid = with_replacements(text, length_of);
    const char *p = text.data(), *end = p + text.size();
    for (size_t at = 0; at < valid.size(); ++compared) {
      const size_t matched = regex.match(valid, at);
      size_t expected = 0;
      for (size_t i = at; i < at + matched; ++i) expected += length_of[i];
      ASSERT_EQ(first_piece(GetParam(), p, end), expected)
          << "seed " << seed << " at " << at << " of " << valid;
      p += expected;
      at += matched;
    }
    ASSERT_EQ(p, end);
  }
  EXPECT_GT(compared, 100000);
}

INSTANTIATE_TEST_SUITE_P(All, PatternOracle,
                         ::testing::Values(Pattern::gpt2, Pattern::cl100k, Pattern::qwen2,
                                           Pattern::starcoder, Pattern::bloom),
                         [](const auto& test) { return std::string(enum_name(test.param)); });

TEST(Pattern, TextMayBeCutAtASafeSplit) {
  for (uint64_t seed = 0; seed < 3000; ++seed) {
    const Rng rng = Rng(seed).fold("split");
    const std::string text = testing::random_text(rng, 40, testing::hard_parts(true));
    const size_t cut = safe_split(text, rng.fold("from").below(text.size(), 0));
    for (Pattern pattern :
         {Pattern::gpt2, Pattern::cl100k, Pattern::qwen2, Pattern::starcoder, Pattern::bloom}) {
      Pieces both = pieces(pattern, std::string_view(text).substr(0, cut));
      for (auto& piece : pieces(pattern, std::string_view(text).substr(cut))) both.push_back(piece);
      ASSERT_EQ(both, pieces(pattern, text)) << "seed " << seed << " cut " << cut;
    }
  }
}

TEST(Pattern, IsKnownByNameAndByRegex) {
  EXPECT_EQ(find_pattern("p50k_base"), Pattern::gpt2);
  EXPECT_EQ(find_pattern("cl100k"), Pattern::cl100k);
  EXPECT_EQ(find_pattern("o200k"), std::nullopt);
  for (Pattern pattern :
       {Pattern::gpt2, Pattern::cl100k, Pattern::qwen2, Pattern::starcoder, Pattern::bloom})
    EXPECT_EQ(find_pattern_by_regex(pattern_regex(pattern)), pattern);
  EXPECT_EQ(find_pattern_by_regex("\\w+"), std::nullopt);
}

}  // namespace
}  // namespace lineage
