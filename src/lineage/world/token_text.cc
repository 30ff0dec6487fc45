#include "lineage/world/token_text.h"

#include <algorithm>
#include <cassert>

namespace lineage {

TokenText& TokenText::token(Token t) {
  tokens_.push_back(t);
  return *this;
}

TokenText& TokenText::text(std::string_view words) {
  for (size_t at = 0; at < words.size();) {
    const size_t stop = std::min(words.find(' ', at), words.size());
    if (stop > at) token(word_token(words.substr(at, stop - at)));
    at = stop + 1;
  }
  return *this;
}

TokenText& TokenText::number(int64_t value) {
  if (value < 0) text("-");
  const int64_t size = value < 0 ? -value : value;
  return size < 100 ? token(Vocabulary::get().integer(static_cast<int>(size))) : digits(size);
}

TokenText& TokenText::digits(int64_t value) {
  assert(value >= 0);
  for (char c : std::to_string(value)) token(Vocabulary::get().digit(c - '0'));
  return *this;
}

TokenText& TokenText::words(const Phrase& w) {
  tokens_.insert(tokens_.end(), w.begin(), w.end());
  return *this;
}

TokenText& TokenText::add(std::span<const Token> tokens) {
  tokens_.insert(tokens_.end(), tokens.begin(), tokens.end());
  return *this;
}

TokenText& TokenText::list(std::span<const Tokens> items) {
  for (size_t i = 0; i < items.size(); ++i) {
    if (i > 0) text(",");
    add(items[i]);
  }
  return *this;
}

Tokens words_to_tokens(std::string_view words) { return TokenText(words).take(); }

std::string tokens_to_words(std::span<const Token> tokens) {
  std::string out;
  for (Token t : tokens) {
    if (!out.empty()) out += ' ';
    const std::string_view word = Vocabulary::get().word(t);
    out += word == "\n" ? "\\n" : word;
  }
  return out;
}

std::vector<Tokens> split_tokens(std::span<const Token> tokens, Token separator) {
  std::vector<Tokens> out(1);
  for (Token t : tokens)
    if (t == separator)
      out.emplace_back();
    else
      out.back().push_back(t);
  if (out.back().empty()) out.pop_back();
  return out;
}

Tokens joined(std::initializer_list<std::span<const Token>> parts) {
  Tokens out;
  for (std::span<const Token> part : parts) out.insert(out.end(), part.begin(), part.end());
  return out;
}

ReadNumber read_number(std::span<const Token> tokens) {
  const Vocabulary& v = Vocabulary::get();
  const bool negative = !tokens.empty() && tokens[0] == word_token("-");
  if (negative) tokens = tokens.subspan(1);
  if (tokens.empty() || tokens.size() > 18) return {};
  const auto within = [](Token t, Token first, int n) { return t >= first && t < first + n; };
  int64_t value = 0;
  if (tokens.size() == 1 && within(tokens[0], v.integer(0), 100)) {
    value = tokens[0] - v.integer(0);
  } else {
    for (Token t : tokens) {
      if (!within(t, v.digit(0), 10)) return {};
      value = value * 10 + (t - v.digit(0));
    }
  }
  return {negative ? -value : value, true};
}

}  // namespace lineage
