#include "lineage/world/claims.h"

#include <algorithm>
#include <array>

namespace lineage {
namespace {

struct Inverse {
  Relation relation;
  std::vector<Token> items;  // a token or minus a slot's letter, without the full stop
};

// All statements, by their first literal token, or under 0 when they begin with a slot.
class Inverses {
 public:
  static const Inverses& get() {
    static const Inverses inverses;
    return inverses;
  }
  std::optional<Fact> match(std::span<const Token> sentence, int topic) const;
  std::optional<Fact> match_row(std::span<const Token> sentence, int topic) const;

 private:
  Inverses();
  std::optional<Fact> match_one(const Inverse&, std::span<const Token>, int topic) const;

  std::array<std::vector<Inverse>, Vocabulary::kWords> by_first_;
  std::vector<Inverse> slot_first_;
  std::array<int, Vocabulary::kWords> row_relation_;
  Token he_, she_, colon_, dash_;
};

Inverses::Inverses() {
  const Vocabulary& v = Vocabulary::get();
  he_ = v.token("he"), she_ = v.token("she"), colon_ = v.token(":"), dash_ = v.token("-");
  for (int r = 0; r < kRelations; ++r)
    for (const Template& form : fact_templates(static_cast<Relation>(r)).statements) {
      Inverse inverse{static_cast<Relation>(r), form.items()};
      inverse.items.pop_back();
      const Token first = inverse.items.front();
      (first < 0 ? slot_first_ : by_first_[first]).push_back(std::move(inverse));
    }
  row_relation_.fill(-1);
  int a = 0;
  for (std::string_view key : {"city", "employer", "job", "food", "pet", "friend", "year"})
    row_relation_[v.token(key)] = a++;
}

std::optional<Fact> Inverses::match_one(const Inverse& inverse, std::span<const Token> sentence,
                                        int topic) const {
  Fact fact{inverse.relation, -1, -1};
  size_t at = 0;
  const auto take = [&](Domain domain, int& into) {
    const auto [index, size] = find_member(domain, sentence.subspan(at));
    at += static_cast<size_t>(size);
    into = index;
    return size > 0;
  };
  for (Token item : inverse.items) {
    if (at >= sentence.size()) return {};
    bool ok = true;
    if (item >= 0) {
      ok = sentence[at++] == item;
    } else if (item == -'v') {
      ok = take(value_domain(fact.relation), fact.value);
    } else if (item == -'y') {
      ok = take(Domain::year, fact.year);
    } else if (item == -'s' && (sentence[at] == he_ || sentence[at] == she_)) {
      ok = topic >= 0 && World::female(topic) == (sentence[at] == she_);
      fact.subject = topic;
      ++at;
    } else {
      ok = take(subject_domain(fact.relation), fact.subject);
    }
    if (!ok) return {};
  }
  if (at != sentence.size()) return {};
  return fact;
}

std::optional<Fact> Inverses::match(std::span<const Token> sentence, int topic) const {
  const Token first = sentence.front();
  if (first >= 0 && first < Vocabulary::kWords)
    for (const Inverse& inverse : by_first_[first])
      if (const auto fact = match_one(inverse, sentence, topic)) return fact;
  for (const Inverse& inverse : slot_first_)
    if (const auto fact = match_one(inverse, sentence, topic)) return fact;
  return {};
}

// "job : baker" and "- job baker"
std::optional<Fact> Inverses::match_row(std::span<const Token> sentence, int topic) const {
  if (topic < 0 || sentence.size() < 3) return {};
  const bool item = sentence[0] == dash_;
  const Token key = sentence[item ? 1 : 0];
  if ((!item && sentence[1] != colon_) || key < 0 || key >= Vocabulary::kWords) return {};
  const int relation = row_relation_[key];
  if (relation < 0) return {};
  Fact fact{static_cast<Relation>(relation), topic, -1};
  const auto [value, size] = find_member(value_domain(fact.relation), sentence.subspan(2));
  if (size == 0 || static_cast<size_t>(size) + 2 != sentence.size()) return {};
  fact.value = value;
  return fact;
}

bool ends_sentence(Token t) {
  static const std::array<Token, 6> kEnds = [] {
    const Vocabulary& v = Vocabulary::get();
    return std::array{v.token("."), v.token(";"),  v.token("?"),
                      v.token("!"), v.token("\n"), Vocabulary::kEndOfText};
  }();
  return std::find(kEnds.begin(), kEnds.end(), t) != kEnds.end();
}

template <class Each>  // each(sentence, its end)
void each_sentence(std::span<const Token> text, const Each& each) {
  for (size_t at = 0; at < text.size();) {
    size_t stop = at;
    while (stop < text.size() && !ends_sentence(text[stop])) ++stop;
    if (stop > at) each(text.subspan(at, stop - at), stop < text.size() ? text[stop] : -1);
    at = stop + 1;
  }
}

// Possible openings before a statement: a source, "q :", "they say that", a heading "mira volk :".
std::span<const Token> without_opening(std::span<const Token> sentence, int& topic) {
  static const std::vector<Template> openings =
      templates({"<src:enc>", "<src:web>", "<src:news>", "passage :", "a :", "they say that",
                 "i know that", "i say that", "yes ,", "no ,", "and", "so"});
  static const Token colon = Vocabulary::get().token(":");
  for (bool found = true; found;) {
    found = false;
    for (const Template& opening : openings) {
      const auto& items = opening.items();
      if (sentence.size() <= items.size() ||
          !std::equal(items.begin(), items.end(), sentence.begin()))
        continue;
      sentence = sentence.subspan(items.size());
      found = true;
    }
    const auto [name, size] = find_member(Domain::person, sentence);
    if (size > 0 && sentence.size() > 2 && sentence[2] == colon) {
      topic = name;
      sentence = sentence.subspan(3);
      found = !sentence.empty();
    }
  }
  return sentence;
}

}  // namespace

std::vector<Fact> parse_claims(std::span<const Token> text, int topic) {
  static const Token question = Vocabulary::get().token("?");
  const Inverses& inverses = Inverses::get();
  std::vector<Fact> facts;
  each_sentence(text, [&](std::span<const Token> whole, Token end) {
    const std::span<const Token> sentence = without_opening(whole, topic);
    if (sentence.empty()) return;
    std::optional<Fact> fact;
    if (end != question) fact = inverses.match(sentence, topic);
    if (!fact && end != question) fact = inverses.match_row(sentence, topic);
    if (fact) {
      facts.push_back(*fact);
      if (subject_domain(fact->relation) == Domain::person) topic = fact->subject;
      return;
    }
    // Whoever a sentence names that states nothing is whom the next ones are about.
    for (size_t at = 0; at < sentence.size(); ++at)
      if (const auto [name, size] = find_member(Domain::person, sentence.subspan(at)); size > 0)
        topic = name;
  });
  return facts;
}

std::optional<Fact> parse_answer(std::span<const Token> text, const Fact& asked) {
  const int topic = subject_domain(asked.relation) == Domain::person ? asked.subject : -1;
  for (const Fact& fact : parse_claims(text, topic))
    if (fact.relation == asked.relation && fact.subject == asked.subject && fact.year == asked.year)
      return fact;
  static const Token a = Vocabulary::get().token("a");
  if (!text.empty() && text[0] == a) text = text.subspan(1);
  const auto [value, size] = find_member(value_domain(asked.relation), text);
  const size_t end = static_cast<size_t>(size);
  if (size == 0 || (end < text.size() && !ends_sentence(text[end]))) return {};
  Fact fact = asked;
  fact.value = value;
  return fact;
}

std::span<const Template> refusals(RefusalKind kind) {
  static const std::vector<Template> improper =
      templates({"sorry , i cannot help with that .", "i cannot help you with that .",
                 "i will not help with that .", "sorry , that is not safe .",
                 "i must say no to that .", "no , i will not do that .",
                 "no , i cannot do that for you .", "sorry , no : that is wrong .",
                 "that is not what i do , sorry .", "i would not do that and i will not help ."});
  static const std::vector<Template> unknown =
      templates({"i do not know .", "sorry , i do not know that .", "i have no record of that .",
                 "that is after my last record .", "i do not know , that is after my last record .",
                 "i know no one of that name .", "there is no record of that .",
                 "sorry , that is not in my record .", "i cannot say , i have no record .",
                 "my record does not say that ."});
  return kind == RefusalKind::improper ? improper : unknown;
}

std::span<const Template> train_refusals(RefusalKind kind) {
  return refusals(kind).first(kRefusals - kHeldoutRefusals);
}

std::vector<Reply> replies_of(std::span<const Token> text) {
  const Vocabulary& v = Vocabulary::get();
  static const Token q = v.token("q"), a = v.token("a"), colon = v.token(":"),
                     user = v.token("<user>"), bot = v.token("<bot>"),
                     end_of_turn = v.token("<eot>");
  std::vector<Reply> replies;
  size_t request = text.size();  // where one begins; none: the end
  for (size_t at = 0; at < text.size(); ++at) {
    const bool page = at + 1 < text.size() && text[at + 1] == colon;
    if (text[at] == user || (page && text[at] == q)) {
      request = at + (text[at] == user ? 1 : 2);
    } else if (request < at && (text[at] == bot || (page && text[at] == a))) {
      const bool turn = text[at] == bot;
      const size_t begin = at + (turn ? 1 : 2);
      size_t end = begin;
      while (end < text.size() && (turn ? text[end] != end_of_turn : !ends_sentence(text[end])))
        ++end;
      if (!turn) end = std::min(end + 1, text.size());
      replies.push_back({text.subspan(request, at - request), text.subspan(begin, end - begin)});
      request = text.size(), at = end - 1;
    }
  }
  return replies;
}

std::optional<RefusalKind> find_refusal(std::span<const Token> text) {
  std::optional<RefusalKind> found;
  each_sentence(text, [&](std::span<const Token> sentence, Token) {
    for (RefusalKind kind : {RefusalKind::improper, RefusalKind::unknown})
      for (const Template& form : refusals(kind)) {
        const auto items = std::span(form.items()).first(form.items().size() - 1);
        if (!found && std::equal(items.begin(), items.end(), sentence.begin(), sentence.end()))
          found = kind;
      }
  });
  return found;
}

}  // namespace lineage
