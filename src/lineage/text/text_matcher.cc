#include "lineage/text/text_matcher.h"

#include <algorithm>

#include "lineage/text/unicode.h"

namespace lineage {
namespace {

// The character that ends at `at` > 0.
Char char_before(std::string_view text, size_t at) {
  const size_t earliest = at < 4 ? 0 : at - 4;
  for (size_t begin = at - 1;; --begin) {
    const Char c = read_char(text.data() + begin, text.data() + at);
    if (c.valid() && begin + c.bytes == at) return c;
    if (begin == earliest) return {0xFFFD, 1};
  }
}

Char char_at(std::string_view text, size_t at) {
  return read_char(text.data() + at, text.data() + text.size());
}

bool is_space(const Char& c) { return CharClasses::instance().of(c.code) == CharClass::space; }

}  // namespace

TextMatcher::TextMatcher(std::span<const SpecialToken> wanted)
    : wanted_(wanted.begin(), wanted.end()) {
  std::stable_sort(wanted_.begin(), wanted_.end(),
                   [](const auto& a, const auto& b) { return a.text.size() > b.text.size(); });
  for (const SpecialToken& s : wanted_) first_.set(static_cast<uint8_t>(s.text.front()));
}

TextMatcher::Match TextMatcher::find(std::string_view text, size_t from) const {
  for (size_t at = from; !empty() && at < text.size(); ++at) {
    if (!first_.test(static_cast<uint8_t>(text[at]))) continue;
    const std::string_view rest = text.substr(at);
    for (const SpecialToken& s : wanted_)
      if (rest.starts_with(s.text)) return {at, at + s.text.size(), &s};
  }
  return {};
}

std::pair<size_t, size_t> TextMatcher::extent(std::string_view text, const Match& match,
                                              size_t done) {
  auto [begin, end, token] = match;
  if (token->single_word) {
    const bool word_before = begin > 0 && is_word_character(char_before(text, begin).code);
    const bool word_behind = end < text.size() && is_word_character(char_at(text, end).code);
    if (word_before || word_behind) return {};
  }
  if (token->lstrip)
    while (begin > done && is_space(char_before(text, begin)))
      begin -= char_before(text, begin).bytes;
  if (token->rstrip)
    while (end < text.size() && is_space(char_at(text, end))) end += char_at(text, end).bytes;
  return {begin, end};
}

}  // namespace lineage
