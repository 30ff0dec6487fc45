#include "lineage/text/word_tokenizer.h"

#include <gtest/gtest.h>

#include "lineage/text/testing.h"
#include "lineage/text/tokenizer_files.h"
#include "lineage/text/unknown_words.h"

namespace lineage {
namespace {

const std::vector<std::string> kWords = {"the",  "red", "box", "is",   "in",
                                         "room", ".",   "\n",  "naïve"};

WordTokenizer words() {
  return WordTokenizer(word_model(kWords, {"<|endoftext|>", "<|user|>", "<|pad|>"}));
}

TEST(WordTokenizer, EveryWordIsOneToken) {
  const WordTokenizer tokenizer = words();
  EXPECT_EQ(tokenizer.encode("the red box is in the room ."),
            (std::vector<Token>{0, 1, 2, 3, 4, 0, 5, 6}));
  EXPECT_EQ(tokenizer.vocab(), 12);
  EXPECT_EQ(tokenizer.special(Special::end_of_text), 9);
  EXPECT_EQ(tokenizer.special(Special::pad), 11);
  EXPECT_EQ(tokenizer.find_special(Special::system), std::nullopt);
  EXPECT_EQ(tokenizer.encode("the\n\nred"), (std::vector<Token>{0, 7, 7, 1}));
}

TEST(WordTokenizer, TextOfItsWordsComesBack) {
  const WordTokenizer tokenizer = words();
  for (uint64_t seed = 0; seed < 500; ++seed) {
    const Rng rng(seed);
    std::string text;
    for (uint64_t i = 0; i < rng.fold("n").below(30, 0); ++i) {
      const std::string& word = kWords[rng.below(kWords.size(), i)];
      if (!text.empty() && text.back() != '\n' && word != "\n") text += ' ';
      text += word;
    }
    ASSERT_EQ(tokenizer.decode(tokenizer.encode(text)), text) << "seed " << seed;
  }
  EXPECT_EQ(tokenizer.decode(tokenizer.encode("  the   red \n box ")), "the red\nbox");
}

TEST(WordTokenizer, StreamsWhatDecodeJoins) {
  const WordTokenizer tokenizer = words();
  const std::vector<Token> prompt = tokenizer.encode("the red"), rest = tokenizer.encode("box\nis");
  StreamDecoder stream(tokenizer, prompt.back());
  std::string text = tokenizer.decode(prompt);
  for (Token t : rest) text += stream.push(t);
  EXPECT_EQ(text + stream.finish(), "the red box\nis");
}

TEST(WordTokenizer, UnknownWordsAreNamedWithTheNearest) {
  const WordTokenizer tokenizer = words();
  try {
    tokenizer.encode("the red bax");
    FAIL();
  } catch (const Error& e) {
    EXPECT_STREQ(e.what(),
                 "text: the word \"bax\" at byte 8 is not one of the 9 words of this tokenizer; "
                 "wanted one of them");
    EXPECT_EQ(e.hint(), "did you mean \"box\"?");
  }
  const WordTokenizer no_lines(word_model({"a"}));
  EXPECT_EQ(testing::error_of([&] { no_lines.encode("a\na"); }),
            "text: the word \"\\n\" at byte 1 is not one of the 1 words of this tokenizer; wanted "
            "one of them");
}

TEST(UnknownWords, AreThoseOfAClosedVocabularyEachOnce) {
  const WordTokenizer tokenizer = words();
  const UnknownWords unknown = unknown_words(tokenizer, "Hello, the  red\nbox 17 Hello, .");
  EXPECT_EQ(unknown.words, (std::vector<std::string>{"Hello,", "17"}));
  EXPECT_DOUBLE_EQ(unknown.share, 3.0 / 7);
  EXPECT_TRUE(unknown_words(tokenizer, "the red box").words.empty());
  EXPECT_EQ(unknown_words(tokenizer, " \n").share, 0);
  // Digits write any number.
  std::vector<std::string> with_digits = kWords;
  for (int d = 0; d < 10; ++d) with_digits.push_back("<d" + std::to_string(d) + ">");
  EXPECT_TRUE(unknown_words(WordTokenizer(word_model(with_digits)), "the 17 box").words.empty());
  // The text of a special token is no word: it cannot be typed.
  EXPECT_EQ(unknown_words(tokenizer, "<|user|> the").words, std::vector<std::string>{"<|user|>"});
}

TEST(UnknownWords, AreMarkedWhereTheyAreWithTheNearestWord) {
  std::vector<std::string> with_more = kWords;
  for (const char* word : {"?", ",", "orange", "<d0>"}) with_more.emplace_back(word);
  const WordTokenizer tokenizer(word_model(with_more));
  EXPECT_EQ(mark_unknown_words(tokenizer, "The  red box? the\nBox?", "[", "]"),
            "[The]  red [box?] the\n[Box?]");
  EXPECT_EQ(mark_unknown_words(tokenizer, "the 17 box", "[", "]"), "the 17 box");
  EXPECT_EQ(nearest_known(tokenizer, "The"), "the");
  EXPECT_EQ(nearest_known(tokenizer, "BOX,red?"), "box , red ?");
  EXPECT_EQ(nearest_known(tokenizer, "Orangy!"), "");  // nothing is near the !
  EXPECT_EQ(nearest_known(tokenizer, "Orangy?"), "orange ?");
  EXPECT_EQ(nearest_known(tokenizer, "d0"), "");  // <d0> is no word that people write
  EXPECT_EQ(listed_unknown_words(tokenizer, unknown_words(tokenizer, "Box? zzzzzz Box?")),
            "\"Box?\" (nearest: \"box ?\"), \"zzzzzz\"");
  EXPECT_EQ(listed_unknown_words(tokenizer, unknown_words(tokenizer, "q1 q2 q3 q4 q5 q6 q7 q8 q9")),
            "\"q1\", \"q2\", \"q3\", \"q4\", \"q5\", \"q6\", \"q7\", \"q8\" and 1 more");
}

TEST(WordTokenizer, UnknownWordsMayHaveAWord) {
  const WordTokenizer tokenizer(word_model({"<unk>", "a"}, {"<|endoftext|>"}, "<unk>"));
  EXPECT_EQ(tokenizer.encode("a zebra a <|endoftext|>"), (std::vector<Token>{1, 0, 1, 0}));
}

// As `tokenizers` reads what WordLevelTrainer writes: the word for unknown ones is special.
TEST(WordTokenizer, ReadsThePreTokenizersOfOthers) {
  const auto read = [](const std::string& pre, const std::string& rest = "") {
    return parse_huggingface(
        R"({"added_tokens": [{"id": 0, "content": "[UNK]", "special": true},
             {"id": 1, "content": "[CLS]", "special": true}], "pre_tokenizer": )" +
            pre + rest +
            R"(, "model": {"type": "WordLevel", "unk_token": "[UNK]", "vocab": {"[UNK]": 0,
             "[CLS]": 1, "hello": 2, ",": 3, "hello,": 4, "it": 5, "'": 6, "s": 7, "...": 8}}})",
        "t.json");
  };
  const std::string text = "hello,\thello\n it's\u00a0[CLS] ...";
  const auto whitespace = read(R"({"type": "WhitespaceSplit"})");
  EXPECT_EQ(whitespace->encode(text), (std::vector<Token>{4, 2, 0, 0, 8}));
  const auto words = read(R"({"type": "Whitespace"})");
  EXPECT_EQ(words->encode(text), (std::vector<Token>{2, 3, 2, 5, 6, 7, 0, 0, 0, 8}));
  for (const auto& tokenizer : {whitespace, words}) {
    const auto* model = dynamic_cast<const WordTokenizer*>(tokenizer.get());
    const auto again = parse_huggingface(huggingface_json(model->model()), "again");
    EXPECT_EQ(again->digest(), tokenizer->digest());
    EXPECT_EQ(again->encode(text), tokenizer->encode(text));
  }
  EXPECT_NE(whitespace->digest(), words->digest());
  const auto begins = read(R"({"type": "Whitespace"})",
                           R"(, "post_processor": {"type": "BertProcessing", "sep": ["[UNK]", 0],
                              "cls": ["[CLS]", 1]})");
  EXPECT_EQ(begins->encode_from_beginning("hello"), (std::vector<Token>{1, 2}));
  // All tokens that begin a text, as ChatGLM's two.
  WordModel two = dynamic_cast<const WordTokenizer&>(*begins).model();
  two.begin_of_text = {1, 0};
  EXPECT_EQ(WordTokenizer(two).encode_from_beginning("hello"), (std::vector<Token>{1, 0, 2}));
  EXPECT_EQ(WordTokenizer(two).before_text(), (std::vector<Token>{1, 0}));
  EXPECT_EQ(
      testing::error_of([&] { read(R"({"type": "BertPreTokenizer"})"); }),
      "t.json: the pre_tokenizer of words is BertPreTokenizer, which is not supported; wanted "
      "Whitespace, WhitespaceSplit, or a Sequence of Splits at \"\\n\" and \" \"");
}

WordTokenizer words_and_bytes() {
  std::vector<std::string> all = kWords;
  for (int d = 0; d < 10; ++d) all.push_back("<d" + std::to_string(d) + ">");
  all.push_back("<byte>");
  for (char d : std::string_view("0123456789abcdef")) all.push_back(std::string("<n") + d + ">");
  all.push_back("7");
  return WordTokenizer(word_model(all, {"<|endoftext|>", "<|user|>"}));
}

TEST(WordTokenizer, OtherNumbersAreDigitsAndOtherWordsBytes) {
  const WordTokenizer tokenizer = words_and_bytes();
  const Token digit = 9, byte = 19, nibble = 20, seven = 36;
  EXPECT_EQ(tokenizer.encode("7 box 482"),
            (std::vector<Token>{seven, 2, digit + 4, digit + 8, digit + 2}));
  EXPECT_EQ(tokenizer.encode("the !z box"), (std::vector<Token>{0, byte, nibble + 2, nibble + 1,
                                                                byte, nibble + 7, nibble + 10, 2}));
  for (const std::string text :
       {"7 482 7", "482 139", "48 200 7 99", "007 -5 x9", "the foo bar box", "foo", "foo the bar",
        "<d3> <byte> <n4> box", "<|user|>", "a\tb\xff\xfe box\n\nna\u00efve na\u00efves\n12\nx"})
    EXPECT_EQ(tokenizer.decode(tokenizer.encode(text)), text);
  for (uint64_t seed = 0; seed < 2000; ++seed) {
    const Rng rng(seed);
    std::string text;
    for (uint64_t i = 0; i < rng.fold("n").below(40, 0); ++i)
      text += "the box7\n482 \xc3\xaf<d"[rng.below(17, i)];
    const std::string once = tokenizer.decode(tokenizer.encode(text));
    ASSERT_EQ(tokenizer.decode(tokenizer.encode(once)), once) << "seed " << seed;
    std::string shown = once, wanted = text;  // only spaces may differ
    std::erase(shown, ' ');
    std::erase(wanted, ' ');
    ASSERT_EQ(shown, wanted) << "seed " << seed;
  }
}

TEST(WordTokenizer, BytesStreamWithTheSpaceThatStandsBeforeThem) {
  const WordTokenizer tokenizer = words_and_bytes();
  const std::vector<Token> tokens = tokenizer.encode("the caf\u00e9 482");
  StreamDecoder stream(tokenizer);
  std::string text;
  for (Token t : tokens) text += stream.push(t);
  EXPECT_EQ(text + stream.finish(), "the caf\u00e9 482");
  // A model may write nibbles without their byte, though encode() does not: they add nothing.
  EXPECT_EQ(tokenizer.decode(std::vector<Token>{0, 19, 22, 2}), "the  box");
}

TEST(WordTokenizer, TextCannotForgeSpecialTokens) {
  const WordTokenizer tokenizer = words();
  EXPECT_NE(testing::error_of([&] { tokenizer.encode("the <|user|> box"); }), "");
  EXPECT_EQ(tokenizer.encode_with_specials("the <|user|> box"), (std::vector<Token>{0, 10, 2}));
  EXPECT_EQ(tokenizer.decode(std::vector<Token>{0, 10, 2}), "the <|user|> box");
}

TEST(WordTokenizer, IsSavedAsTokenizerJson) {
  const testing::TempFolder folder;
  for (const std::string& unknown : {std::string(), std::string("the")}) {
    const WordTokenizer tokenizer(word_model(kWords, {"<|endoftext|>"}, unknown));
    tokenizer.save(folder.path());
    const auto again = Tokenizer::load(folder.path());
    EXPECT_EQ(again->digest(), tokenizer.digest());
    EXPECT_EQ(again->encode("the\nnaïve box"), tokenizer.encode("the\nnaïve box"));
    EXPECT_TRUE(again->is_special(9));
  }
  EXPECT_EQ(testing::error_of([&] { words().save(folder.path(), TokenizerFormat::tiktoken); }),
            "tokenizer: a vocabulary of words cannot be saved in this format; wanted "
            "tokenizer.json");
}

TEST(WordTokenizer, DigestTellsVocabulariesApart) {
  const std::string base = WordTokenizer(word_model({"a", "b"})).digest();
  EXPECT_EQ(WordTokenizer(word_model({"a", "b"})).digest(), base);
  EXPECT_NE(WordTokenizer(word_model({"b", "a"})).digest(), base);
  EXPECT_NE(WordTokenizer(word_model({"a", "b"}, {"c"})).digest(), base);
  EXPECT_NE(WordTokenizer(word_model({"a", "b"}, {}, "a")).digest(), base);
}

TEST(WordTokenizer, BadVocabulariesAreErrors) {
  const auto error = [](WordModel model) {
    return testing::error_of([&] { WordTokenizer{std::move(model), "world"}; });
  };
  EXPECT_EQ(error(word_model({})), "world: no words; wanted at least one");
  EXPECT_EQ(error(word_model({"a", "a"})),
            "world: the word \"a\" stands there twice; wanted it once");
  EXPECT_EQ(error(word_model({"a b"})),
            "world: the word \"a b\" has a space or line feed inside; wanted one word");
  EXPECT_EQ(error(word_model({"a"}, {"a"})),
            "world: the special token \"a\" is also a word or another special token; wanted one");
  EXPECT_EQ(error(word_model({"a"}, {""})),
            "world: a special token without text; wanted at least one character");
  EXPECT_EQ(error({{"a"}, {{0, "<s>"}}, ""}),
            "world: the special token \"<s>\" shares the id 0 with another; wanted one each");
  EXPECT_EQ(error({{"a"}, {{1 << 30, "<s>"}}, ""}),
            "world: the special token \"<s>\" has the id 1073741824; wanted one near the others");
  EXPECT_EQ(error(word_model({"a"}, {}, "u")),
            "world: the word for unknown ones, \"u\", is not in the vocabulary; wanted it there");
  const WordTokenizer tokenizer = words();
  EXPECT_EQ(testing::error_of([&] { tokenizer.decode(std::vector<Token>{12}); }),
            "token 12 is not in this tokenizer's vocabulary of 12 ids; wanted one that is");
}

}  // namespace
}  // namespace lineage
