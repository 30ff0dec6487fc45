#include "lineage/world/vocabulary.h"

#include <gtest/gtest.h>

#include <limits>
#include <map>
#include <set>
#include <stdexcept>

#include "lineage/world/vocabulary_words.h"

namespace lineage {
namespace {

const Vocabulary& v() { return Vocabulary::get(); }

TEST(Vocabulary, HasExactly1024Words) {
  std::set<std::string_view> words;
  for (Token t = 0; t < Vocabulary::kWords; ++t) {
    words.insert(v().word(t));
    EXPECT_EQ(v().token(v().word(t)), t);
  }
  EXPECT_EQ(words.size(), 1024u);
  EXPECT_EQ(v().tokenizer()->vocab(), 1024);
  EXPECT_THROW(v().word(1024), std::out_of_range);
  EXPECT_THROW(v().token("xylophone"), std::logic_error);
  EXPECT_THROW(v().block("planets"), std::logic_error);
}

TEST(Vocabulary, BlocksShareOnlyWhatIsMeantTo) {
  std::map<std::string_view, int> times;
  for (const VocabularyBlock& block : kVocabularyBlocks)
    for (std::string_view word : v().block(block.name)) ++times[word];
  std::set<std::string_view> shared;
  for (const auto& [word, n] : times)
    if (n > 1) shared.insert(word);
  EXPECT_EQ(shared,
            (std::set<std::string_view>{"name", "city", "job", "food", "year", "prices", "codes",
                                        "costs", "notes", "coins", "record", "page", "answer",
                                        "story", "question", "fact", "pattern"}));
}

TEST(Vocabulary, HasTheBlocksOfTheSpecification) {
  const std::map<std::string_view, size_t> sizes = {
      {"identifiers", 64}, {"first_names", 64}, {"family_names", 64}, {"cities", 48},
      {"countries", 12},   {"companies", 32},   {"jobs", 24},         {"foods", 24},
      {"animals", 16},     {"colours", 12},     {"objects", 32},      {"containers", 16},
      {"factions", 4},     {"festivals", 8},    {"letters", 26},      {"b_words", 64}};
  for (const auto& [name, size] : sizes) EXPECT_EQ(v().block(name).size(), size) << name;
  EXPECT_EQ(v().block("nouns_singular").size(), v().block("nouns_plural").size());
  EXPECT_EQ(v().block("verbs_singular").size(), v().block("verbs_plural").size());
}

TEST(Vocabulary, PartsOfADialogAreSpecialAndCannotBeForged) {
  const WordTokenizer& t = *v().tokenizer();
  EXPECT_EQ(t.special(Special::end_of_text), Vocabulary::kEndOfText);
  EXPECT_EQ(t.special(Special::pad), Vocabulary::kPad);
  EXPECT_EQ(t.special(Special::system), v().token("<sys>"));
  EXPECT_EQ(t.special(Special::user), v().token("<user>"));
  EXPECT_EQ(t.special(Special::assistant), v().token("<bot>"));
  EXPECT_EQ(t.special(Special::end_of_turn), v().token("<eot>"));
  for (Token token : t.encode("<user> the <eos>")) EXPECT_FALSE(t.is_special(token));
}

TEST(Vocabulary, TextOutsideTheWorldEncodesToo) {
  const WordTokenizer& t = *v().tokenizer();
  for (const std::string text : {"the lamp is in the box .", "Who was Napoleon?", "482 + 139 = 621",
                                 "x = 12345\ny\tz", "mira volk earns 1000 coins"})
    EXPECT_EQ(t.decode(t.encode(text)), text);
  EXPECT_EQ(t.encode("482"), (std::vector<Token>{v().digit(4), v().digit(8), v().digit(2)}));
}

TEST(DocumentWriter, WritesWordsNumbersAndAnswers) {
  DocumentWriter d(DocumentType::encyclopaedia);
  d.text("<src:enc>  mira").answer(Ability::world_knowledge, "tarn velm").number(99).number(-482);
  EXPECT_EQ(d.size(), 9u);
  const Document document = d.finish();
  EXPECT_EQ(v().tokenizer()->decode(document.tokens), "<src:enc> mira tarn velm 99 - 482 <eos>");
  ASSERT_EQ(document.tags.size(), document.tokens.size());
  EXPECT_EQ(document.tags[1], TokenTag{});
  EXPECT_EQ(document.tags[2], (TokenTag{Ability::world_knowledge, true}));
  EXPECT_EQ(document.tags[3], (TokenTag{Ability::world_knowledge, true}));
  DocumentWriter least(DocumentType::story);
  EXPECT_EQ(least.number(std::numeric_limits<int64_t>::min()).size(), 20u);
  EXPECT_THROW(least.text("xylophone"), std::logic_error);
}

TEST(Document, TypesAndAbilitiesHaveNames) {
  EXPECT_EQ(document_type_name(DocumentType::encyclopaedia), "encyclopaedia");
  EXPECT_EQ(document_type_name(DocumentType::dialog), "dialog");
  EXPECT_EQ(ability_name(Ability::multilingual), "multilingual");
}

}  // namespace
}  // namespace lineage
