#pragma once

#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lineage/world/facts.h"
#include "lineage/world/vocabulary.h"

namespace lineage {

using Tokens = std::vector<Token>;

// Builds tokens from words of the vocabulary.
//
//   Tokens t = TokenText("ann has").number(7).text("apples .").take();
class TokenText {
 public:
  TokenText() = default;
  explicit TokenText(std::string_view words) { text(words); }
  TokenText& text(std::string_view words);  // separated by spaces
  TokenText& number(int64_t value);
  TokenText& digits(int64_t value);  // one token for each digit, also below 100; value >= 0
  TokenText& token(Token t);
  TokenText& words(const Phrase& w);
  TokenText& add(std::span<const Token> tokens);
  TokenText& person(int name) { return words(domain_words(Domain::person, name)); }
  // "a , b , c"
  TokenText& list(std::span<const Tokens> items);
  Tokens take() { return std::move(tokens_); }

 private:
  Tokens tokens_;
};

Tokens words_to_tokens(std::string_view words);
inline Token word_token(std::string_view word) { return Vocabulary::get().token(word); }
// "ann has 7 apples .", for people and for test failures.
std::string tokens_to_words(std::span<const Token> tokens);

// Pieces between occurrences of a token, which is left out; a last empty piece does not count.
std::vector<Tokens> split_tokens(std::span<const Token> tokens, Token separator);
Tokens joined(std::initializer_list<std::span<const Token>> parts);

// The number that tokens spell: one integer, or digits; a leading "-" negates. ok = false for
// anything else.
struct ReadNumber {
  int64_t value = 0;
  bool ok = false;
};
ReadNumber read_number(std::span<const Token> tokens);

}  // namespace lineage
