#pragma once

#include <array>
#include <initializer_list>
#include <span>
#include <string_view>
#include <vector>

#include "lineage/world/vocabulary.h"

namespace lineage {

// The words of language A's grammar, for its writers and its reader.
enum Number { kSingular = 0, kPlural = 1 };

// The open classes, by number; the first eight nouns are persons, of which six have a gender.
struct Lexicon {
  std::array<std::span<const Token>, 2> nouns;
  std::span<const Token> names;
  Token the, that, with, at, no, ever, a, stop;
  std::array<std::vector<Token>, 2> transitive, intransitive;
  std::vector<Token> adjectives, places, past_transitive, past_intransitive;

  static const Lexicon& get() {
    static const Lexicon lexicon;
    return lexicon;
  }

 private:
  Lexicon() {
    const Vocabulary& v = Vocabulary::get();
    const auto words = [&](std::initializer_list<std::string_view> list) {
      std::vector<Token> out;
      for (std::string_view word : list) out.push_back(v.token(word));
      return out;
    };
    nouns = {v.tokens("nouns_singular"), v.tokens("nouns_plural")};
    names = v.tokens("first_names");
    the = v.token("the"), that = v.token("that"), with = v.token("with"), at = v.token("at");
    no = v.token("no"), ever = v.token("ever"), a = v.token("a"), stop = v.token(".");
    transitive = {words({"likes", "sees", "helps", "knows", "wants"}),
                  words({"like", "see", "help", "know", "want"})};
    intransitive = {words({"sings", "runs", "sleeps", "works"}),
                    words({"sing", "run", "sleep", "work"})};
    past_transitive = words({"liked", "helped", "wanted", "called", "asked"});
    past_intransitive = words({"slept", "sang", "worked", "came"});
    adjectives =
        words({"big", "small", "old", "young", "happy", "sad", "good", "bad", "kind", "strong"});
    places = words({"market", "school", "wall", "road", "tower", "park", "mill", "bridge"});
  }
};

inline constexpr int kPersonNouns = 8;
// boy girl man woman child king queen friend: 0 is male, 1 female, 2 either.
inline constexpr std::array<int, kPersonNouns> kGender = {0, 1, 0, 1, 2, 0, 1, 2};

}  // namespace lineage
