#include "lineage/abilities/audit/slots.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "lineage/world/vocabulary.h"

namespace lineage {
namespace {

using Bits = std::array<double, Vocabulary::kWords>;

const Bits& bits() {
  static const Bits all = [] {
    constexpr std::string_view kOpen[] = {
        "letters",     "identifiers",    "first_names",   "family_names", "cities",
        "countries",   "companies",      "jobs",          "foods",        "animals",
        "colours",     "objects",        "containers",    "factions",     "festivals",
        "instruments", "verbs_singular", "verbs_plural",  "verbs_past",   "adjectives",
        "contested",   "nouns_plural",   "nouns_singular"};
    const Vocabulary& v = Vocabulary::get();
    Bits b{};
    // Numbers are small ones mostly.
    for (int i = 0; i < 100; ++i) b[v.integer(i)] = std::log2(10);
    for (int i = 0; i < 10; ++i) b[v.digit(i)] = std::log2(10);
    for (std::string_view block : kOpen)
      for (Token t : v.tokens(block))
        if (b[t] == 0) b[t] = std::log2(static_cast<double>(v.tokens(block).size()));
    // The article and the pronoun are letters, too, and names of variables stand in instructions;
    // these are words of templates.
    for (std::string_view word : {"a", "i", "is", "have", "did", "first", "last", "left", "right"})
      b[v.token(word)] = 0;
    return b;
  }();
  return all;
}

}  // namespace

double slot_bits(Token t) { return t >= 0 && t < Vocabulary::kWords ? bits()[t] : 0; }

double slot_bits(std::span<const Token> tokens) {
  double sum = 0;
  for (size_t i = 0; i < tokens.size(); ++i)
    if (std::find(tokens.begin(), tokens.begin() + static_cast<std::ptrdiff_t>(i), tokens[i]) ==
        tokens.begin() + static_cast<std::ptrdiff_t>(i))
      sum += slot_bits(tokens[i]);
  return sum;
}

}  // namespace lineage
