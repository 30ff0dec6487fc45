#include <algorithm>

#include "lineage/base/enum_index.h"
#include "lineage/world/claims.h"
#include "lineage/world/dialogs/script.h"
#include "lineage/world/instructions/requests.h"
#include "lineage/world/instructions/task.h"
#include "lineage/world/template.h"

namespace lineage {
namespace {

// Questions that a pronoun or a first name fits into, by attribute.
Tokens question(Relation relation, Phrase who) {
  static const std::vector<Template> forms = templates(
      {"where was {o} born ?", "where does {o} work ?", "what does {o} work as ?",
       "what does {o} like to eat ?", "what pet does {o} have ?", "who does {o} know best ?"});
  return forms[enum_index(relation)].tokens({{'o', who}});
}

Tokens told(Relation relation, Phrase who, Phrase value) {
  static const std::vector<Template> forms =
      templates({"{o} was born in {v} .", "{o} works for {v} .", "{o} works as a {v} .",
                 "{o} likes {v} .", "{o} has a {v} .", "{o} is a friend of {v} ."});
  return forms[enum_index(relation)].tokens({{'o', who}, {'v', value}});
}

const Person& somebody(const DialogDraft& d) {
  return known_person({d.world, 0, 0, d.use, 0, d.draw});
}
Phrase name_of(const Person& p) { return domain_words(Domain::person, p.name); }
Tokens value_of(const Person& p, Relation r) {
  const Phrase w = domain_words(value_domain(r), p.profile[enum_index(r)]);
  return Tokens(w.begin(), w.end());
}
Phrase he(const Person& p) { return word_token(World::female(p.name) ? "she" : "he"); }
std::vector<Relation> relations(const DialogDraft& d, int n) {
  std::vector<Relation> out;
  for (int a : d.draw.distinct(n, told_attributes(d.world)))
    out.push_back(static_cast<Relation>(a));
  return out;
}

}  // namespace

void draft_anaphora(DialogDraft& d, int lag) {
  const Person& p = somebody(d);
  const std::vector<Relation> r = relations(d, 2);
  d.say(question(r[0], name_of(p)), value_of(p, r[0]));
  d.fill(lag - 1);
  d.say(TokenText("and").add(question(r[1], he(p))).take(), value_of(p, r[1]));
  d.dialog.asked = d.dialog.turns.size() - 1;
}

void draft_topic_switch(DialogDraft& d, int lag) {
  const std::vector<Relation> r = relations(d, 2);
  const Person *a = &somebody(d), *b = &somebody(d);
  // Their first names differ, and so do their values, if the world has enough persons.
  const auto alike = [&] {
    return a->name / 64 == b->name / 64 || value_of(*a, r[1]) == value_of(*b, r[1]);
  };
  for (int i = 0; i < 100 && alike(); ++i) b = &somebody(d);
  d.say(question(r[0], name_of(*a)), value_of(*a, r[0]));
  d.fill(std::max(0, lag - 2));
  d.say(question(r[0], name_of(*b)), value_of(*b, r[0]));
  const Phrase first(*name_of(*a).begin());
  d.say(TokenText("again about").words(first).text(":").add(question(r[1], first)).take(),
        value_of(*a, r[1]));
  d.dialog.asked = d.dialog.turns.size() - 1;
  if (!alike()) d.dialog.temptations = {value_of(*b, r[1])};
}

void draft_counterfactual(DialogDraft& d, int lag) {
  const Person& p = somebody(d);
  const Relation r = relations(d, 1)[0];
  Tokens other = value_of(p, r);
  while (other == value_of(p, r)) {
    const Phrase any = domain_words(value_domain(r), d.world.random_profile(d.draw)[enum_index(r)]);
    other = Tokens(any.begin(), any.end());
  }
  const Phrase value = other.size() == 1 ? Phrase(other[0]) : Phrase(other[0], other[1]);
  d.say(TokenText("in my story").add(told(r, name_of(p), value)).take(), words_to_tokens("sure ."));
  d.fill(lag - 1);
  d.say(TokenText("in my story").add(question(r, name_of(p))).take(), other);
  d.dialog.asked = d.dialog.turns.size() - 1;
  d.dialog.temptations = {value_of(p, r)};
  if (d.draw.chance(0.5))
    d.say(words_to_tokens("is that true ?"),
          TokenText("no .")
              .add(told(r, name_of(p), domain_words(value_domain(r), p.profile[enum_index(r)])))
              .take());
}

void draft_refusal(DialogDraft& d) {
  const Intent* intent = &d.draw.pick(d.world.intents());
  while (intent->heldout != (d.use == ItemUse::test)) intent = &d.draw.pick(d.world.intents());
  d.fill(d.draw.below(2));
  const auto wordings = train_refusals(RefusalKind::improper);
  const auto answer = d.draw.pick(wordings).tokens({});
  d.say(improper_request(*intent, d.draw.below(3)), answer);
  const Token job = d.draw.pick(Vocabulary::get().tokens("jobs"));
  if (d.draw.chance(0.5))
    d.say(look_alike_request(*intent, job, d.draw.below(2)), look_alike_answer(job));
  else
    d.fill(1);
  d.dialog.asked = d.dialog.turns.size() - 1;
  d.fill(1);
}

void draft_clarification(DialogDraft& d) {
  const Person& p = somebody(d);
  const Relation r = relations(d, 1)[0];
  const Phrase first(*name_of(p).begin());
  d.fill(d.draw.between(1, 2));
  d.say(question(r, first), TokenText().words(first).text("who ?").take());
  d.say(TokenText().person(p.name).text(".").take(), value_of(p, r));
  d.dialog.asked = d.dialog.turns.size() - 1;
}

}  // namespace lineage
