#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "lineage/text/tokenizer.h"

namespace lineage {

// The rule that separates words, named like the pre-tokenizers of `tokenizers`.
enum class WordSplit : uint8_t {
  spaces,            // U+0020; a line feed is a word
  whitespace_split,  // White_Space
  whitespace,        // White_Space; a run of word characters is a word, one of others is another
};

// A closed vocabulary of words.
struct WordModel {
  std::vector<std::string> words;  // by id; empty for special and for unused ids
  std::vector<SpecialToken> specials;
  // The word, or the special token, for all unknown words; empty: these are errors.
  std::string unknown;
  WordSplit split = WordSplit::spaces;
  std::vector<Token> begin_of_text = {};  // special tokens, in their order
};

// Words in the order of their ids, then the special tokens.
WordModel word_model(std::vector<std::string> words, const std::vector<std::string>& specials = {},
                     std::string unknown = {});

// Text whose words are separated by spaces (WordSplit has the other ways); a word in the vocabulary
// is one token. A line feed is a word of its own when the vocabulary has "\n" and needs no spaces
// around it. decode() joins words by one space, and line feeds by none, so decode(encode(s)) == s
// for text made of its words in that form; more spaces than one read as one.
//
// encode() throws an Error that names an unknown word and the nearest known one. The text of a
// special token is not a word. Nor are two sets of words, if the vocabulary has all of them: they
// encode unknown words, so that any text can be decoded again:
//  - "<d0>" … "<d9>": the digits of a number that is no word, most significant first;
//  - "<byte>" and "<n0>" … "<nf>": each byte of any other word as <byte>, high and low nibble, with
//    the space between two such words as a byte too.
class WordTokenizer final : public Tokenizer {
 public:
  explicit WordTokenizer(WordModel model, const std::string& place = "tokenizer");

  const WordModel& model() const { return model_; }
  // The words of a text in their order, known or not, as encode() separates them.
  std::vector<std::string_view> words_of(std::string_view text) const;

  // As tokenizer.json only (model type WordLevel).
  void save(const fs::path&, TokenizerFormat = TokenizerFormat::huggingface) const override;
  void append_piece(Token previous, Token token, std::string& out) const override;
  std::string_view token_bytes(Token) const override;
  bool contains(Token) const override;
  int64_t vocab() const override { return static_cast<int64_t>(texts_.size()); }

 protected:
  void encode_ordinary(std::string_view text, Before, std::vector<Token>& out) const override;

 private:
  Token find_word(std::string_view word) const;
  size_t word_end(std::string_view text, size_t at) const;
  bool encode_digits(std::string_view word, std::vector<Token>& out) const;
  void encode_bytes(std::string_view word, std::vector<Token>& out) const;
  bool is_digit(Token t) const { return digit_ >= 0 && t >= digit_ && t < digit_ + 10; }
  bool is_nibble(Token t) const { return byte_ >= 0 && t > byte_ && t <= byte_ + 16; }
  bool is_byte(Token t) const { return byte_ >= 0 && t >= byte_ && t <= byte_ + 16; }

  WordModel model_;
  std::vector<std::string_view> texts_;  // by id, special ones too
  std::unordered_map<std::string_view, Token> ids_;
  Token newline_ = -1, unknown_ = -1;
  Token digit_ = -1;  // of "<d0>"; the others follow it
  Token byte_ = -1;   // of "<byte>"; the nibbles follow it
};

}  // namespace lineage
