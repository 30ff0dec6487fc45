// What tokenizer.json says of text beside its merges. The ids are those that the Rust library
// `tokenizers` gives (npm @anush008/tokenizers 0.6.0) for the files that huggingface_json() writes
// of these models.
#include <gtest/gtest.h>

#include "lineage/text/bpe_tokenizer.h"
#include "lineage/text/byte_alphabet.h"
#include "lineage/text/nfc.h"
#include "lineage/text/testing.h"
#include "lineage/text/tokenizer_files.h"

namespace lineage {
namespace {

using Tokens = std::vector<Token>;

// As in tokenizer_files_test.cc.
BpeModel bytes_model(Pattern pattern = Pattern::gpt2) {
  BpeModel model;
  model.pattern = pattern;
  for (uint8_t byte : byte_order()) model.tokens.emplace_back(1, static_cast<char>(byte));
  for (const char* text : {"he", "ll", "hell", " hell"}) model.tokens.emplace_back(text);
  model.merges = {{71, 68, 256}, {75, 75, 257}, {256, 257, 258}, {220, 258, 259}};
  model.specials = {{260, "<|endoftext|>"}, {261, "<|user|>"}};
  return model;
}

// Through a file, so that reading and writing are tested too.
std::shared_ptr<const Tokenizer> through_file(const BpeModel& model) {
  const BpeTokenizer direct(model);
  auto read = parse_huggingface(huggingface_json(direct.model()), "t.json");
  EXPECT_EQ(read->digest(), direct.digest());
  EXPECT_EQ(huggingface_json(dynamic_cast<const BpeTokenizer&>(*read).model()),
            huggingface_json(direct.model()));
  return read;
}

Tokens with_added(std::vector<SpecialToken> added, std::string_view text, bool nfc = false) {
  BpeModel model = bytes_model();
  model.added = std::move(added);
  model.nfc = nfc;
  return through_file(model)->encode(text);
}

TEST(AddedTokens, TakeWhiteSpaceAroundThem) {
  const SpecialToken left = {.id = 262, .text = "foo", .lstrip = true};
  EXPECT_EQ(with_added({left}, "a  foo  b"), (Tokens{64, 262, 220, 220, 65}));
  EXPECT_EQ(with_added({left}, " foofoo "), (Tokens{262, 262, 220}));
  EXPECT_EQ(with_added({left}, "foo\nfoo"), (Tokens{262, 262}));
  const SpecialToken right = {.id = 262, .text = "foo", .rstrip = true};
  EXPECT_EQ(with_added({right}, "a  foo  b"), (Tokens{64, 220, 220, 262, 65}));
  EXPECT_EQ(with_added({right}, "xfoo foo\u3000\u00e9"), (Tokens{87, 262, 262, 127, 102}));
  const SpecialToken both = {.id = 262, .text = "foo", .lstrip = true, .rstrip = true};
  EXPECT_EQ(with_added({both}, "a foo foo b"), (Tokens{64, 262, 262, 65}));
}

TEST(AddedTokens, OfASingleWordTouchNoWordCharacter) {
  const SpecialToken word = {.id = 262, .text = "foo", .single_word = true};
  EXPECT_EQ(with_added({word}, "a  foo  b"), (Tokens{64, 220, 220, 262, 220, 220, 65}));
  EXPECT_EQ(with_added({word}, "xfoo foo\u3000\u00e9"),
            (Tokens{87, 69, 78, 78, 220, 262, 159, 222, 222, 127, 102}));
  // The longest counts first, and what it leaves is not looked at again.
  EXPECT_EQ(with_added({word, {.id = 263, .text = "foob"}}, "foob foo-foo_foo. foo1"),
            (Tokens{263, 220, 262, 12, 69, 78, 78, 62, 69, 78, 78, 13, 220, 69, 78, 78, 16}));
}

TEST(AddedTokens, AreFoundInTheTextOrInTheNormalizedText) {
  const std::string apart = "e\u0301x", composed = "\u00e9x";
  const SpecialToken raw = {.id = 262, .text = apart};
  EXPECT_EQ(with_added({raw}, apart, true), (Tokens{262}));
  EXPECT_EQ(with_added({raw}, composed, true), (Tokens{127, 102, 87}));
  SpecialToken normalized = raw;
  normalized.normalized = true;
  EXPECT_EQ(with_added({normalized}, apart, true), (Tokens{262}));
  EXPECT_EQ(with_added({normalized}, composed, true), (Tokens{262}));
  // Those of the text as it is are found first.
  const SpecialToken el = {.id = 263, .text = "el"};
  EXPECT_EQ(with_added({{.id = 262, .text = "hel", .normalized = true}, el}, "hello"),
            (Tokens{71, 263, 75, 78}));
  EXPECT_EQ(with_added({{.id = 262, .text = "hel"}, el}, "hello"), (Tokens{262, 75, 78}));
}

TEST(AddedTokens, WithOneTextHaveTheFirstIdAndTheLastFlags) {
  std::string json = huggingface_json(bytes_model());
  const std::string list = "\"added_tokens\": [";
  json.insert(json.find(list) + list.size(),
              R"({"id": 262, "content": "foo", "lstrip": true},
                 {"id": 263, "content": "foo", "rstrip": true},)");
  EXPECT_EQ(parse_huggingface(json, "t.json")->encode("a foo b"), (Tokens{64, 220, 262, 65}));
}

TEST(BpeRules, ASpaceGoesBeforeEverySegment) {
  BpeModel model = bytes_model();
  model.space_before.at = SpaceBefore::At::segments;
  model.added = {{.id = 262, .text = "foo"}};
  const auto tokenizer = through_file(model);
  EXPECT_EQ(tokenizer->encode("hell foohell"), (Tokens{259, 220, 262, 259}));
  EXPECT_EQ(tokenizer->encode("foo hell hell"), (Tokens{262, 259, 259}));
  EXPECT_EQ(tokenizer->encode(" hell"), (Tokens{259}));
  EXPECT_EQ(tokenizer->encode_after("hell"), (Tokens{258}));
}

TEST(BpeRules, DigitsAndBloomCutAsTheirFilesSay) {
  EXPECT_EQ(through_file(bytes_model(Pattern::starcoder))->encode("a 12  hell 3\u0663 \t4 ½"),
            (Tokens{64, 220, 16, 17, 220, 259, 220, 18, 149, 96, 220, 197, 19, 220, 126, 121}));
  EXPECT_EQ(
      through_file(bytes_model(Pattern::bloom))->encode("a  hell (hell)[hell]|x、hell. hell  "),
      (Tokens{64, 220, 259, 220, 7,   258, 8,  58,  258, 60,
              91, 87,  159, 222, 223, 258, 13, 259, 220, 220}));
}

// A vocabulary of characters: bytes 3 to 258 as in LLaMA's files, then letters and merges.
BpeModel characters_model() {
  BpeModel model;
  model.symbols = Symbols::characters;
  model.space_before = {SpaceBefore::At::segments, true, SpaceBefore::Stripped::one};
  model.specials = {{0, "<unk>"}, {1, "<s>"}, {2, "</s>"}};
  model.tokens.resize(3);
  for (int byte = 0; byte < 256; ++byte)
    model.tokens.push_back(byte_token(static_cast<uint8_t>(byte)));
  for (const char* text : {"▁", "a", "b", "é", "ab", "▁ab", "▁▁"}) model.tokens.emplace_back(text);
  model.merges = {{260, 261, 263}, {259, 263, 264}, {259, 259, 265}};
  model.unknown = 0;
  model.fuse_unknown = true;
  model.begin_of_text = {1};
  return model;
}

TEST(BpeRules, CharactersThatAreNoTokensAreBytes) {
  const auto tokenizer = through_file(characters_model());
  EXPECT_EQ(tokenizer->encode("ab é☺"), (Tokens{264, 259, 262, 3 + 0xE2, 3 + 0x98, 3 + 0xBA}));
  EXPECT_EQ(tokenizer->decode(tokenizer->encode("ab é☺")), "ab é☺");
  // Bytes that are no characters are kept too, which `tokenizers` cannot take.
  EXPECT_EQ(tokenizer->encode("a\xFF"), (Tokens{259, 260, 3 + 0xFF}));
  EXPECT_EQ(tokenizer->decode(tokenizer->encode("a\xFF")), "a\xFF");
  EXPECT_EQ(tokenizer->encode("<0x41>").front(), 259);
  EXPECT_EQ(tokenizer->vocab(), 266);
}

TEST(BpeRules, ACharacterWithoutBytesIsUnknownOrLeftOut) {
  BpeModel model = characters_model();
  model.tokens[3 + 0xBA].clear();
  EXPECT_EQ(through_file(model)->encode("a☺☺b"), (Tokens{259, 260, 0, 261}));
  model.fuse_unknown = false;
  EXPECT_EQ(through_file(model)->encode("a☺☺b"), (Tokens{259, 260, 0, 0, 261}));
  model.unknown = -1;
  EXPECT_EQ(through_file(model)->encode("a☺☺b"), (Tokens{264}));
  model = characters_model();
  model.byte_fallback = false;
  EXPECT_EQ(through_file(model)->encode("a☺b"), (Tokens{259, 260, 0, 261}));
}

TEST(BpeRules, EachSpellingOfTheSpaceBefore) {
  const auto encoded = [](SpaceBefore space, bool words, std::string_view text) {
    BpeModel model = characters_model();
    model.space_before = space;
    model.words = words;
    model.added = {{.id = 266, .text = "<x>"}};
    return through_file(model)->encode(text);
  };
  using At = SpaceBefore::At;
  EXPECT_EQ(encoded({At::segments, true}, false, " ab<x>ab"), (Tokens{259, 264, 266, 264}));
  EXPECT_EQ(encoded({At::segments, false}, false, " ab<x>ab"), (Tokens{264, 266, 264}));
  EXPECT_EQ(encoded({At::text, false}, false, "ab<x>ab"), (Tokens{264, 266, 263}));
  EXPECT_EQ(encoded({At::text, false}, false, "<x>ab"), (Tokens{266, 263}));
  EXPECT_EQ(encoded({At::nowhere, false}, false, "ab"), (Tokens{263}));
  EXPECT_EQ(encoded({At::nowhere, true}, false, "ab ab"), (Tokens{263, 264}));
  EXPECT_EQ(encoded({At::nowhere, false}, true, "ab  b"), (Tokens{263, 259, 259, 261}));
  EXPECT_EQ(encoded({At::nowhere, false}, false, "ab  b"), (Tokens{263, 265, 261}));
}

TEST(BpeRules, DecodingDropsTheSpaceBefore) {
  BpeModel model = characters_model();
  const auto tokenizer = through_file(model);
  EXPECT_EQ(tokenizer->decode(Tokens{265, 263}), " ab");
  EXPECT_EQ(tokenizer->decode(Tokens{1, 264}), "<s> ab");
  EXPECT_EQ(StreamDecoder(*tokenizer, 1).push(264), "ab");  // the text begins behind <s>
  EXPECT_EQ(StreamDecoder(*tokenizer, 263).push(264), " ab");
  model.space_before.stripped = SpaceBefore::Stripped::all;
  EXPECT_EQ(through_file(model)->decode(Tokens{265, 264}), " ab");
  EXPECT_EQ(through_file(model)->decode(Tokens{265, 263}), "ab");
  model.space_before.stripped = SpaceBefore::Stripped::none;
  EXPECT_EQ(through_file(model)->decode(Tokens{264}), " ab");
}

// A merge over an inner space mark: pieces must not be cut there.
TEST(BpeRules, MergesMayCrossSpaces) {
  BpeModel model = characters_model();
  model.tokens.emplace_back("ab▁");
  model.merges.insert(model.merges.begin(), {260, 261, 263});
  drop_repeated_merges(model.merges);
  model.merges.insert(model.merges.begin() + 1, {263, 259, 266});
  EXPECT_EQ(through_file(model)->encode("ab ab"), (Tokens{259, 266, 263}));
}

TEST(BpeRules, BytesAreHeldBackUntilTheyAreACharacter) {
  const auto tokenizer = through_file(characters_model());
  StreamDecoder stream(*tokenizer);
  EXPECT_EQ(stream.push(264), "ab");
  EXPECT_EQ(stream.push(3 + 0xE2), "");
  EXPECT_EQ(stream.push(3 + 0x98), "");
  EXPECT_EQ(stream.push(3 + 0xBA), "☺");
  EXPECT_EQ(stream.push(3 + 0xE2), "");
  EXPECT_EQ(stream.finish(), "\uFFFD");
}

TEST(Nfc, ComposesAndOrders) {
  EXPECT_EQ(nfc("e\u0301x"), "\u00e9x");
  EXPECT_EQ(nfc("\u212B"), "\u00C5");                             // ANGSTROM SIGN
  EXPECT_EQ(nfc("\u1100\u1161\u11A8"), "\uAC01");                 // Hangul
  EXPECT_EQ(nfc("a\u0315\u0300\u05AEb"), "\u00E0\u05AE\u0315b");  // as NormalizationTest.txt
  EXPECT_EQ(nfc("\u0958"), "\u0915\u093C");                       // excluded from composition
  EXPECT_EQ(nfc("\uFB01 ½"), "\uFB01 ½");                         // compatibility stays
  EXPECT_EQ(nfc("e\xFF\u0301"), "e\xFF\u0301");                   // nothing to compose with
  EXPECT_EQ(nfc("\xCCx\xE2\x82"), "\xCCx\xE2\x82");
  EXPECT_TRUE(is_surely_nfc("aé\n"));
  EXPECT_FALSE(is_surely_nfc("e\u0301"));
}

TEST(Nfc, TakesLinearTimeForMarksAlone) {
  std::string marks = "a";
  for (int i = 0; i < 200000; ++i) marks += i % 2 ? "\u0315" : "\u0300";
  EXPECT_EQ(nfc(marks).size(), marks.size() - 1);  // one is composed with the letter
}

}  // namespace
}  // namespace lineage
