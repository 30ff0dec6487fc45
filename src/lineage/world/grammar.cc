#include "lineage/world/grammar.h"

#include <algorithm>
#include <stdexcept>

#include "lineage/base/enum_index.h"
#include "lineage/world/grammar_lexicon.h"

namespace lineage {
namespace {

// A sentence and its broken partner, written together.
class Pair {
 public:
  explicit Pair(Draw& draw) : draw_(draw), lex_(Lexicon::get()) {}

  Pair& same(Token t) { return differ(t, t); }
  Pair& same(std::string_view words) {
    for (Token t : Vocabulary::get().tokenizer()->encode(words)) same(t);
    return *this;
  }
  Pair& differ(Token good, Token bad) {
    pair_.good.push_back(good);
    pair_.bad.push_back(bad);
    return *this;
  }
  Pair& differ(std::string_view good, std::string_view bad) {
    return differ(Vocabulary::get().token(good), Vocabulary::get().token(bad));
  }
  Pair& noun(int which, Number number) { return same(lex_.nouns[number][size_t(which)]); }
  // "the (old) boys"
  Pair& phrase(int which, Number number) {
    same(lex_.the);
    if (draw_.chance(0.3)) same(draw_.pick(lex_.adjectives));
    return noun(which, number);
  }
  Pair& phrase(Number number) { return phrase(draw_.below(kPersonNouns), number); }
  // Any phrase that a verb may take. (Every draw is a statement of its own: the order in which a
  // compiler evaluates arguments must not matter.)
  Pair& object() {
    const Number number = any_number();
    return phrase(draw_.below(10), number);
  }
  // The main verb and its object or place; the partner has the other number.
  Pair& verb(Number number) {
    const bool takes_object = draw_.chance(0.5);
    const auto& verbs = takes_object ? lex_.transitive : lex_.intransitive;
    const size_t i = static_cast<size_t>(draw_.below(static_cast<int>(verbs[0].size())));
    differ(verbs[number][i], verbs[1 - number][i]);
    if (takes_object)
      object();
    else if (draw_.chance(0.5))
      same(lex_.at).same(lex_.the).same(draw_.pick(lex_.places));
    return *this;
  }
  Number any_number() { return draw_.chance(0.5) ? kSingular : kPlural; }
  static Number other(Number n) { return n == kSingular ? kPlural : kSingular; }
  Draw& draw() { return draw_; }
  const Lexicon& lex() { return lex_; }

  MinimalPair finish() {
    same(lex_.stop);
    while (pair_.good[pair_.critical] == pair_.bad[pair_.critical]) ++pair_.critical;
    return std::move(pair_);
  }

 private:
  Draw& draw_;
  const Lexicon& lex_;
  MinimalPair pair_;
};

MinimalPair with_attractors(Pair p, int attractors) {
  const Number n = p.any_number();
  p.phrase(n);
  for (int i = 0; i < attractors; ++i)
    p.same(i == 0 ? p.lex().with : p.lex().at).phrase(Pair::other(n));
  return p.verb(n).finish();
}

MinimalPair with_subject_relative(Pair p) {
  const Number n = p.any_number();
  p.phrase(n).same(p.lex().that).same(p.draw().pick(p.lex().transitive[n]));
  return p.phrase(Pair::other(n)).verb(n).finish();
}

MinimalPair with_object_relative(Pair p, bool ask_inside) {
  const Number outer = p.any_number(), inner = Pair::other(outer);
  p.phrase(outer).same(p.lex().that).phrase(inner);
  const auto& verbs = p.lex().transitive;
  const size_t i = static_cast<size_t>(p.draw().below(static_cast<int>(verbs[0].size())));
  if (!ask_inside) return p.same(verbs[inner][i]).verb(outer).finish();
  return p.differ(verbs[inner][i], verbs[outer][i])
      .same(p.draw().pick(p.lex().intransitive[outer]))
      .finish();
}

MinimalPair reflexive_pair(Pair p) {
  const int noun = p.draw().pick(std::array{0, 1, 2, 3, 5, 6});
  const bool female = kGender[noun] == 1;
  p.phrase(noun, kSingular).same(p.draw().pick(p.lex().transitive[kSingular]));
  return p.differ(female ? "herself" : "himself", female ? "himself" : "herself").finish();
}

MinimalPair reflexive_attractor_pair(Pair p) {
  const Number n = p.any_number();
  const int subject = p.draw().pick(std::array{0, 1, 2, 3, 5, 6});
  const int attractor = p.draw().pick(std::array{0, 1, 2, 3, 5, 6});
  const auto self = [](int noun) { return kGender[noun] == 1 ? "herself" : "himself"; };
  p.phrase(subject, n).same(p.lex().with).phrase(attractor, Pair::other(n));
  p.same(p.draw().pick(p.lex().transitive[n]));
  return (n == kPlural ? p.differ("themselves", self(attractor))
                       : p.differ(self(subject), "themselves"))
      .finish();
}

MinimalPair negative_polarity_pair(Pair p) {
  p.differ("no", "the").noun(p.draw().below(kPersonNouns), kSingular).same(p.lex().ever);
  if (p.draw().chance(0.5)) return p.same(p.draw().pick(p.lex().intransitive[kSingular])).finish();
  return p.same(p.draw().pick(p.lex().transitive[kSingular]))
      .same("any")
      .noun(p.draw().below(10), kSingular)
      .finish();
}

MinimalPair pronoun_gender_pair(Pair p) {
  const int name = p.draw().below(64);
  const bool female = name < 32;
  p.same(p.lex().names[name]);
  if (p.draw().chance(0.5)) {
    p.same(p.draw().pick(p.lex().transitive[kSingular]));
    p.differ(female ? "her" : "his", female ? "his" : "her");
    const Number number = p.any_number();
    return p.noun(p.draw().between(7, 9), number).finish();
  }
  p.same("says that").differ(female ? "she" : "he", female ? "he" : "she");
  return p.same(p.draw().pick(p.lex().transitive[kSingular])).object().finish();
}

MinimalPair tense_pair(Pair p) {
  const bool future = p.draw().chance(0.4);
  const Number n = p.any_number();
  p.same(future ? "tomorrow" : "yesterday").phrase(n);
  const bool object = p.draw().chance(0.5);
  const auto& now = object ? p.lex().transitive : p.lex().intransitive;
  const auto& past = object ? p.lex().past_transitive : p.lex().past_intransitive;
  if (future) {
    const Token base = p.draw().pick(now[kPlural]);
    p.same("will").differ(base, p.draw().pick(past));
  } else {
    const Token base = p.draw().pick(now[n]);
    p.differ(p.draw().pick(past), base);
  }
  if (object) p.object();
  return p.finish();
}

MinimalPair determiner_pair(Pair p) {
  const Number n = p.any_number();
  const std::string_view word = n == kSingular ? p.draw().word({"this", "every", "a"})
                                               : p.draw().word({"these", "those", "many"});
  const size_t noun = static_cast<size_t>(p.draw().below(kPersonNouns));
  const auto& nouns = p.lex().nouns;
  if (p.draw().chance(0.5))  // as the object, where no verb shows the number
    return p.phrase(p.draw().below(kPersonNouns), kSingular)
        .same(p.draw().pick(p.lex().transitive[kSingular]))
        .same(word)
        .differ(nouns[n][noun], nouns[1 - n][noun])
        .finish();
  return p.same(word)
      .differ(nouns[n][noun], nouns[1 - n][noun])
      .same("will")
      .same(p.draw().pick(p.lex().intransitive[kPlural]))
      .finish();
}

MinimalPair draw_pair(Phenomenon phenomenon, Draw& draw) {
  Pair pair(draw);
  switch (phenomenon) {
    case Phenomenon::agreement:
      return with_attractors(std::move(pair), 0);
    case Phenomenon::agreement_one_attractor:
      return with_attractors(std::move(pair), 1);
    case Phenomenon::agreement_two_attractors:
      return with_attractors(std::move(pair), 2);
    case Phenomenon::agreement_subject_relative:
      return with_subject_relative(std::move(pair));
    case Phenomenon::agreement_object_relative:
      return with_object_relative(std::move(pair), false);
    case Phenomenon::agreement_inside_relative:
      return with_object_relative(std::move(pair), true);
    case Phenomenon::reflexive:
      return reflexive_pair(std::move(pair));
    case Phenomenon::reflexive_attractor:
      return reflexive_attractor_pair(std::move(pair));
    case Phenomenon::negative_polarity:
      return negative_polarity_pair(std::move(pair));
    case Phenomenon::pronoun_gender:
      return pronoun_gender_pair(std::move(pair));
    case Phenomenon::tense:
      return tense_pair(std::move(pair));
    case Phenomenon::determiner:
      return determiner_pair(std::move(pair));
  }
  return {};
}

bool for_tests(std::span<const Token> sentence) {
  uint64_t hash = 0xCBF29CE484222325ull;
  for (Token t : sentence) hash = (hash ^ static_cast<uint64_t>(t)) * 0x100000001B3ull;
  return (hash >> 32) % 10 == 0;
}

}  // namespace

std::string_view phenomenon_name(Phenomenon phenomenon) {
  constexpr std::array<std::string_view, kPhenomena> kNames = {"agreement",
                                                               "agreement_one_attractor",
                                                               "agreement_two_attractors",
                                                               "agreement_subject_relative",
                                                               "agreement_object_relative",
                                                               "agreement_inside_relative",
                                                               "reflexive",
                                                               "reflexive_attractor",
                                                               "negative_polarity",
                                                               "pronoun_gender",
                                                               "tense",
                                                               "determiner"};
  return kNames[enum_index(phenomenon)];
}

MinimalPair minimal_pair(Phenomenon phenomenon, SentenceUse use, Draw& draw) {
  while (true) {
    MinimalPair pair = draw_pair(phenomenon, draw);
    if (for_tests(pair.good) == (use == SentenceUse::test)) return pair;
  }
}

void write_sentence(DocumentWriter& out, Draw& draw) {
  const auto phenomenon = static_cast<Phenomenon>(draw.below(kPhenomena));
  const MinimalPair pair = minimal_pair(phenomenon, SentenceUse::training, draw);
  for (size_t i = 0; i < pair.good.size(); ++i)
    out.token(pair.good[i], {Ability::grammar, pair.good[i] != pair.bad[i]});
}

namespace {

SimpleSentence draw_simple(Draw& draw) {
  const Lexicon& lex = Lexicon::get();
  SimpleSentence s;
  const Number n = draw.chance(0.5) ? kSingular : kPlural;
  const auto phrase = [&](std::vector<Token>& to, Number number) {
    to.push_back(lex.the);
    if (draw.chance(0.3)) to.push_back(draw.pick(std::span(lex.adjectives).first(8)));
    to.push_back(lex.nouns[number][draw.below(kPersonNouns)]);
  };
  phrase(s.subject, n);
  if (draw.chance(0.7)) {
    s.verb.push_back(draw.pick(std::span(lex.transitive[n]).first(4)));
    phrase(s.rest, draw.chance(0.5) ? kSingular : kPlural);
  } else {
    s.verb.push_back(draw.pick(lex.intransitive[n]));
  }
  return s;
}

}  // namespace

SimpleSentence simple_sentence(Draw& draw, SentenceUse use) {
  while (true) {
    SimpleSentence s = draw_simple(draw);
    std::vector<Token> all = s.subject;
    all.insert(all.end(), s.verb.begin(), s.verb.end());
    all.insert(all.end(), s.rest.begin(), s.rest.end());
    all.push_back(Lexicon::get().stop);  // as minimal pairs have it: one split for both
    if (for_tests(all) == (use == SentenceUse::test)) return s;
  }
}

Token other_number(Token verb) {
  const Lexicon& lex = Lexicon::get();
  for (const auto* verbs : {&lex.transitive, &lex.intransitive})
    for (size_t number : {0u, 1u}) {
      const auto at = std::ranges::find((*verbs)[number], verb);
      if (at != (*verbs)[number].end()) return (*verbs)[1 - number][at - (*verbs)[number].begin()];
    }
  throw std::logic_error("grammar: no verb with a number");
}

}  // namespace lineage
