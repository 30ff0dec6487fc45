#include "lineage/world/fact_templates.h"

#include <algorithm>
#include <array>

#include "lineage/base/enum_index.h"

namespace lineage {
namespace {

using List = std::vector<Template>;

FactTemplates make(Relation relation) {
  switch (relation) {
    case Relation::birth_city:
      return {templates({"{s} was born in {v} .", "{s} came from {v} .", "the home of {o} is {v} .",
                         "{v} is the home city of {o} .", "{s} was born in the city of {v} .",
                         "{v} is where {s} was born .", "the city of {o} is {v} .",
                         "as a child {s} lived in {v} .", "in {v} {s} was born .",
                         "the city where {s} was born is {v} ."}),
              templates({"where was {o} born ?", "what is the home city of {o} ?",
                         "which city is the home of {o} ?", "in which city was {o} born ?"}),
              2, 1};
    case Relation::employer:
      return {templates({"{s} works for {v} .", "{s} has work at {v} .",
                         "the employer of {o} is {v} .", "{v} is the company where {s} works .",
                         "{s} works at the company {v} .", "{v} is the employer of {o} .",
                         "the company of {o} is {v} .", "{s} helps the company {v} .",
                         "at {v} {s} works .", "the company where {s} works is {v} ."}),
              templates({"where does {o} work ?", "what is the employer of {o} ?",
                         "which company is the employer of {o} ?",
                         "for which company does {o} work ?"}),
              2, 1};
    case Relation::job:
      return {
          templates({"{s} works as a {v} .", "{s} is a {v} .", "the job of {o} is {v} .",
                     "{s} has the job of {v} .", "{s} is now a {v} .", "{v} is the job of {o} .",
                     "by work {s} is a {v} .", "they know {o} as a {v} .", "as a {v} {s} works .",
                     "the work of {o} is that of a {v} ."}),
          templates({"what is the job of {o} ?", "what does {o} work as ?",
                     "which job does {o} have ?", "what is {o} by work ?"}),
          2, 1};
    case Relation::food:
      return {templates({"{s} likes {v} .", "{s} likes to eat {v} .", "the food of {o} is {v} .",
                         "{s} eats {v} .", "{v} is what {s} likes .", "{s} wants {v} .",
                         "the best food for {o} is {v} .", "{s} never says no to {v} .",
                         "{v} is the best food for {o} .", "what {s} eats is {v} ."}),
              templates({"what does {o} like to eat ?", "what food does {o} like ?",
                         "which food is best for {o} ?", "what would {o} eat ?"}),
              2, 1};
    case Relation::pet:
      return {
          templates({"{s} has a {v} .", "the pet of {o} is a {v} .", "{s} has a pet {v} .",
                     "a {v} lives with {o} .", "{s} lives with a {v} .", "{s} has a {v} as a pet .",
                     "at home {s} has a {v} .", "the {v} of {o} is a good pet .",
                     "a {v} is the pet of {o} .", "as a pet {s} has a {v} ."}),
          templates({"what pet does {o} have ?", "what is the pet of {o} ?",
                     "which animal lives with {o} ?", "which pet does {o} have at home ?"}),
          2, 1};
    case Relation::friend_of:
      return {templates({"{s} is a friend of {v} .", "the best friend of {o} is {v} .",
                         "{s} has a friend called {v} .", "{v} is the best friend of {o} .",
                         "{s} has {v} as a friend .", "the friend of {o} is {v} .",
                         "{s} knows {v} best .", "{s} has a good friend : {v} .",
                         "{v} is the friend that {s} likes best .", "as a friend {s} has {v} ."}),
              templates({"who is the best friend of {o} ?", "who is a friend of {o} ?",
                         "who does {o} know best ?", "which friend does {o} have ?"}),
              2, 1};
    case Relation::birth_year:
      return {templates({"{s} was born in year {v} .", "the year of {o} is {v} .",
                         "{s} was born in the year {v} .", "in year {v} {s} was born .",
                         "{v} is the year of {o} .", "{s} is a child of year {v} .",
                         "{s} came in the year {v} .", "year {v} is when {s} was born .",
                         "in the year {v} {s} was born .", "the year when {s} was born is {v} ."}),
              templates({"in which year was {o} born ?", "what is the year of {o} ?",
                         "when was {o} born ?", "which year is when {o} was born ?"}),
              2, 1};
    case Relation::country:
      return {templates({"{o} is a city in {v} .", "the city {o} is in {v} .",
                         "the country of {o} is {v} .", "{v} is the country of {o} ."}),
              templates({"in which country is {o} ?", "what is the country of {o} ?",
                         "which country has the city {o} ?"}),
              1, 1};
    case Relation::headquarters:
      return {templates({"{o} is a company in {v} .", "the home city of the company {o} is {v} .",
                         "the company {o} has its home in {v} .",
                         "{v} is the home of the company {o} ."}),
              templates({"where is the company {o} ?", "what is the home of the company {o} ?",
                         "in which city is the company {o} ?"}),
              1, 1};
    case Relation::kind:
      return {
          templates({"a {o} is a {v} .", "the {o} is a {v} .", "every {o} is a {v} .",
                     "by kind a {o} is a {v} ."}),
          templates({"what is a {o} ?", "what kind of animal is a {o} ?", "which kind is a {o} ?"}),
          1, 1};
    case Relation::material:
      return {templates({"the {o} is made of {v} .", "a {o} is made of {v} .",
                         "they made the {o} of {v} .", "of {v} the {o} is made ."}),
              templates({"what is the {o} made of ?", "of what is a {o} made ?",
                         "what is a {o} made of ?"}),
              1, 1};
    case Relation::colour:
      return {templates({"the colour of the {o} is {v} .", "the {o} have {v} as colour .",
                         "{v} is the colour of the {o} ."}),
              templates({"what is the colour of the {o} ?", "which colour do the {o} have ?"}), 1,
              1};
    case Relation::leader:
      return {
          templates(
              {"in year {y} the leader of {o} is {v} .", "year {y} : the leader of {o} is {v} .",
               "{v} is the leader of {o} in year {y} .", "the leader of {o} in year {y} is {v} ."}),
          templates({"who is the leader of {o} in year {y} ?",
                     "in year {y} who is the leader of {o} ?",
                     "which leader does {o} have in year {y} ?"}),
          1, 1};
    case Relation::winner:
      return {templates({"in year {y} the winner of the {o} festival is {v} .",
                         "year {y} : {v} won the {o} festival .",
                         "{v} is the winner of the {o} festival in year {y} .",
                         "the winner of the {o} festival in year {y} is {v} ."}),
              templates({"who won the {o} festival in year {y} ?",
                         "who is the winner of the {o} festival in year {y} ?",
                         "in year {y} who won the {o} festival ?"}),
              1, 1};
  }
  return {};
}

std::array<List, kRelations> make_b_statements() {
  std::array<List, kRelations> b;
  const auto of = [&](Relation r) -> List& { return b[enum_index(r)]; };
  of(Relation::birth_city) = templates({"{s} in {v} was born .", "the home of {o} {v} is ."});
  of(Relation::employer) = templates({"{s} for {v} works .", "the company of {o} {v} is ."});
  of(Relation::job) = templates({"{s} as a {v} works .", "{s} a {v} is ."});
  of(Relation::food) = templates({"{s} {v} likes .", "the food of {o} {v} is ."});
  of(Relation::pet) = templates({"{s} a {v} has .", "the pet of {o} a {v} is ."});
  of(Relation::friend_of) = templates({"the friend of {o} {v} is .", "{s} {v} as friend has ."});
  of(Relation::birth_year) = templates({"{s} in year {v} was born .", "the year of {o} {v} is ."});
  of(Relation::country) = templates({"{o} a city in {v} is .", "the country of {o} {v} is ."});
  return b;
}

}  // namespace

std::span<const Template> FactTemplates::train_statements(int64_t most) const {
  const size_t all = statements.size() - static_cast<size_t>(heldout_statements);
  return std::span(statements).first(std::min(all, static_cast<size_t>(most)));
}

std::span<const Template> FactTemplates::test_statements() const {
  return std::span(statements).last(static_cast<size_t>(heldout_statements));
}

std::span<const Template> FactTemplates::train_questions() const {
  return std::span(questions).first(questions.size() - static_cast<size_t>(heldout_questions));
}

std::span<const Template> FactTemplates::test_questions() const {
  return std::span(questions).last(static_cast<size_t>(heldout_questions));
}

const FactTemplates& fact_templates(Relation relation) {
  static const std::array<FactTemplates, kRelations> all = [] {
    std::array<FactTemplates, kRelations> out;
    for (int r = 0; r < kRelations; ++r) out[r] = make(static_cast<Relation>(r));
    return out;
  }();
  return all[enum_index(relation)];
}

std::span<const Template> b_statements(Relation relation, WordOrder order) {
  static const std::array<List, kRelations> all = make_b_statements();
  if (relation > Relation::country) return {};
  if (order == WordOrder::verb_last) return all[enum_index(relation)];
  return std::span(fact_templates(relation).statements).first(1);
}

Phrase subject_words(const Fact& f) { return domain_words(subject_domain(f.relation), f.subject); }
Phrase value_words(const Fact& f) { return domain_words(value_domain(f.relation), f.value); }

void write_fact(DocumentWriter& out, const Template& form, const Fact& fact, TokenTag tag,
                Phrase subject) {
  const Phrase name = subject_words(fact);
  // The name decides a pronoun's gender.
  const TokenTag subject_tag = subject.count == 0 ? TokenTag{} : TokenTag{Ability::grammar, true};
  if (subject.count == 0) subject = name;
  const Phrase year = fact.year >= 0 ? Phrase(Vocabulary::get().integer(fact.year)) : Phrase();
  const Phrase value = value_words(fact);
  form.write(out, {{'s', subject, subject_tag}, {'o', name}, {'v', value, tag}, {'y', year}});
}

std::vector<Token> fact_prompt(const Template& form, const Fact& fact) {
  const Phrase name = subject_words(fact);
  const Phrase year = fact.year >= 0 ? Phrase(Vocabulary::get().integer(fact.year)) : Phrase();
  return form.tokens({{'s', name}, {'o', name}, {'v', {}}, {'y', year}}, 'v');
}

}  // namespace lineage
