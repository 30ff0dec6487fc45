#include "lineage/world/language_b.h"

#include <array>
#include <stdexcept>

namespace lineage {
namespace {

constexpr std::string_view kWordsWithB =
    "the a of to in at with and is was what where for as has home city country company friend "
    "food pet year born works lives likes sees helps knows like see help know sings runs sleeps "
    "sing run sleep work boy boys girl girls man men woman women child children friends king "
    "kings queen queens big small old young happy sad good bad";

const std::array<Token, Vocabulary::kWords>& table() {
  static const auto words = [] {
    std::array<Token, Vocabulary::kWords> out;
    for (size_t t = 0; t < out.size(); ++t) out[t] = static_cast<Token>(t);
    const std::vector<Token> a = Vocabulary::get().tokenizer()->encode(kWordsWithB);
    const auto b = Vocabulary::get().tokens("b_words");
    if (a.size() != b.size()) throw std::logic_error("language b: words without a partner");
    for (size_t i = 0; i < a.size(); ++i) out[a[i]] = b[i];
    return out;
  }();
  return words;
}

}  // namespace

Token to_b(Token t) { return table()[t]; }

std::vector<Token> to_b(std::span<const Token> tokens) {
  std::vector<Token> out;
  for (Token t : tokens) out.push_back(to_b(t));
  return out;
}

bool has_b_word(Token t) { return to_b(t) != t; }

std::vector<Token> in_a(const SimpleSentence& s) {
  std::vector<Token> out = s.subject;
  out.insert(out.end(), s.verb.begin(), s.verb.end());
  out.insert(out.end(), s.rest.begin(), s.rest.end());
  out.push_back(Vocabulary::get().token("."));
  return out;
}

std::vector<Token> in_b(const SimpleSentence& s, WordOrder order) {
  if (order == WordOrder::same) return to_b(in_a(s));
  return to_b(in_a({s.subject, s.rest, s.verb}));
}

}  // namespace lineage
