#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lineage/text/word_tokenizer.h"
#include "lineage/world/document.h"

namespace lineage {

// The closed vocabulary of the micro-world: 1,024 words, text and code alike (docs/abilities.md,
// section 3.1). Integers 0..99 are one token; greater ones are their digits, most significant
// first.
class Vocabulary {
 public:
  static const Vocabulary& get();

  // The token of a word; std::logic_error for any other, since all documents are our own.
  Token token(std::string_view word) const;
  Token find(std::string_view word) const;  // -1 for any other
  Token integer(int value) const;           // 0..99
  Token digit(int value) const;             // 0..9, of greater integers
  std::string_view word(Token) const;
  const std::shared_ptr<const WordTokenizer>& tokenizer() const;

  // The words of a block of vocabulary_words.h ("cities", "jobs", "first_names", …), in order, and
  // their tokens; std::logic_error for another name.
  std::span<const std::string_view> block(std::string_view name) const;
  std::span<const Token> tokens(std::string_view name) const;

  static constexpr Token kEndOfText = 0, kPad = 1;
  static constexpr int kWords = 1024;

 private:
  Vocabulary();
  struct Block {
    std::vector<std::string_view> words;
    std::vector<Token> tokens;
  };
  const Block& find_block(std::string_view name) const;
  Token add(std::string_view word);

  std::vector<std::string_view> words_;  // by id
  std::vector<Token> table_;             // open addressing; -1: free
  std::vector<std::pair<std::string_view, Block>> blocks_;
  std::vector<std::string> numbers_;  // the spellings of integers and digits
  std::shared_ptr<const WordTokenizer> tokenizer_;
};

// Writes a document word by word.
//
//   DocumentWriter d(DocumentType::encyclopaedia);
//   d.text("<src:enc> ann").text("was born in").answer(Ability::world_knowledge, city).text(".");
//   return d.finish();
class DocumentWriter {
 public:
  explicit DocumentWriter(DocumentType);
  DocumentWriter& text(std::string_view words, TokenTag = {});  // separated by spaces
  DocumentWriter& number(int64_t value, TokenTag = {});         // any integer; "-" before negative
  DocumentWriter& answer(Ability, std::string_view words);
  DocumentWriter& token(Token, TokenTag = {});
  size_t size() const { return document_.tokens.size(); }
  Document finish();  // adds end_of_text

 private:
  Document document_;
};

}  // namespace lineage
