#include <algorithm>
#include <optional>

#include "lineage/world/grammar.h"
#include "lineage/world/grammar_lexicon.h"

namespace lineage {
namespace {

struct Noun {
  int which;  // as in the lexicon; those below kPersonNouns are persons
  Number number;
  int gender() const { return kGender[which]; }
};

// Reads a sentence from left to right. Each function consumes its phrase, or consumes nothing and
// returns false; no rule needs to backtrack beyond its own beginning.
class Reader {
 public:
  explicit Reader(std::span<const Token> text) : text_(text), lex_(Lexicon::get()) {}

  bool sentence() {
    return whole(&Reader::plain) || whole(&Reader::reflexive) || whole(&Reader::polarity) ||
           whole(&Reader::named) || whole(&Reader::dated) || whole(&Reader::determined_subject) ||
           whole(&Reader::determined_object);
  }

 private:
  bool whole(bool (Reader::*rule)()) {
    at_ = 0;
    return (this->*rule)() && word(lex_.stop) && at_ == text_.size();
  }

  bool word(Token t) {
    if (at_ >= text_.size() || text_[at_] != t) return false;
    return ++at_, true;
  }
  bool word(std::string_view w) { return word(Vocabulary::get().token(w)); }
  template <class Words>
  bool of(const Words& words) {
    if (at_ >= text_.size() || std::ranges::find(words, text_[at_]) == std::ranges::end(words))
      return false;
    return ++at_, true;
  }
  std::optional<Noun> noun(int most, std::optional<Number> wanted = {}) {
    if (at_ >= text_.size()) return {};
    for (Number n : {kSingular, kPlural}) {
      if (wanted && n != *wanted) continue;
      const auto words = lex_.nouns[n].first(static_cast<size_t>(most));
      const auto found = std::ranges::find(words, text_[at_]);
      if (found == words.end()) continue;
      ++at_;
      return Noun{static_cast<int>(found - words.begin()), n};
    }
    return {};
  }
  // "the old boys"
  std::optional<Noun> phrase(int most, std::optional<Number> wanted = {}) {
    if (!word(lex_.the)) return {};
    of(lex_.adjectives);
    return noun(most, wanted);
  }
  std::optional<Noun> person() { return phrase(kPersonNouns); }
  bool object() { return phrase(kAllNouns).has_value(); }

  // "likes the trees", "sleeps at the mill"
  bool predicate(Number n) {
    if (of(lex_.transitive[n])) return object();
    if (!of(lex_.intransitive[n])) return false;
    return !word(lex_.at) || (word(lex_.the) && of(lex_.places));
  }

  // The boy (with the girls (at the trees)) runs; that likes the girls; that the girls like.
  bool plain() {
    const auto subject = person();
    if (!subject) return false;
    if (word(lex_.with)) {
      if (!person() || (word(lex_.at) && !person())) return false;
    } else if (word(lex_.that)) {
      if (of(lex_.transitive[subject->number])) {
        if (!person()) return false;
      } else {
        const auto inner = person();
        if (!inner || !of(lex_.transitive[inner->number])) return false;
      }
    }
    return predicate(subject->number);
  }

  bool reflexive() {
    const auto subject = person();
    if (!subject) return false;
    if (word(lex_.with) && !person()) return false;
    if (!of(lex_.transitive[subject->number])) return false;
    if (subject->number == kPlural) return word("themselves");
    return (subject->gender() != 1 && word("himself")) ||
           (subject->gender() != 0 && word("herself"));
  }

  bool polarity() {
    if (!word(lex_.no) || !noun(kPersonNouns, kSingular) || !word(lex_.ever)) return false;
    if (of(lex_.intransitive[kSingular])) return true;
    return of(lex_.transitive[kSingular]) && word("any") && noun(kAllNouns, kSingular);
  }

  // Mira likes her house; mira says that she likes the house.
  bool named() {
    if (at_ >= text_.size()) return false;
    const auto name = std::ranges::find(lex_.names, text_[at_]);
    if (name == lex_.names.end()) return false;
    ++at_;
    const bool female = name - lex_.names.begin() < kFemaleNames;
    if (word("says"))
      return word(lex_.that) && word(female ? "she" : "he") && of(lex_.transitive[kSingular]) &&
             object();
    if (!of(lex_.transitive[kSingular]) || !word(female ? "her" : "his")) return false;
    const auto owned = noun(kAllNouns);
    return owned && owned->which >= kFirstOwned;
  }

  bool dated() {
    const bool future = word("tomorrow");
    if ((!future && !word("yesterday")) || !person() || (future && !word("will"))) return false;
    if (of(future ? lex_.transitive[kPlural] : lex_.past_transitive)) return object();
    return of(future ? lex_.intransitive[kPlural] : lex_.past_intransitive);
  }

  bool determined() {
    for (std::string_view w : {"this", "every", "a"})
      if (word(w)) return noun(kPersonNouns, kSingular).has_value();
    for (std::string_view w : {"these", "those", "many"})
      if (word(w)) return noun(kPersonNouns, kPlural).has_value();
    return false;
  }
  bool determined_subject() {
    return determined() && word("will") && of(lex_.intransitive[kPlural]);
  }
  bool determined_object() {
    return phrase(kPersonNouns, kSingular) && of(lex_.transitive[kSingular]) && determined();
  }

  static constexpr int kAllNouns = 10, kFirstOwned = 7, kFemaleNames = 32;
  std::span<const Token> text_;
  const Lexicon& lex_;
  size_t at_ = 0;
};

}  // namespace

bool is_sentence(std::span<const Token> text) { return Reader(text).sentence(); }

}  // namespace lineage
