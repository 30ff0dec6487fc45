#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "lineage/text/word_tokenizer.h"
#include "lineage/world/document.h"

namespace lineage {

// The closed vocabulary of the micro-world: 1,024 words, text and code alike (docs/abilities.md,
// section 3.1). Integers 0..99 are one token; greater ones are their digits, most significant first.
class Vocabulary {
 public:
  static const Vocabulary& get();

  // The token of a word; an assertion fails for any other, since only we write documents.
  Token token(std::string_view word) const;
  Token integer(int value) const;  // 0..99
  Token digit(int value) const;    // 0..9, of greater integers
  std::string_view word(Token) const;
  const std::shared_ptr<const WordTokenizer>& tokenizer() const;

  // The words of a block ("cities", "jobs", "objects", "first_names", …), in order.
  std::span<const std::string_view> block(std::string_view name) const;
};

// Writes a document word by word.
//
//   DocumentWriter d(DocumentType::encyclopaedia);
//   d.text("<src:enc> ann").text("was born in").answer(Ability::world_knowledge, city).text(".");
//   return d.finish();
class DocumentWriter {
 public:
  explicit DocumentWriter(DocumentType);
  DocumentWriter& text(std::string_view words, TokenTag = {});  // parted by spaces
  DocumentWriter& number(int64_t value, TokenTag = {});         // any integer; "-" before negative
  DocumentWriter& answer(Ability, std::string_view words);
  size_t size() const;
  Document finish();  // adds end_of_text

 private:
  Document document_;
};

}  // namespace lineage
