#include <algorithm>
#include <array>
#include <set>

#include "lineage/world/fact_templates.h"
#include "lineage/world/instructions/statements.h"
#include "lineage/world/instructions/task.h"
#include "lineage/world/problems/chain.h"

namespace lineage {
namespace {

using enum Relation;

Fact fact_of(const TaskInput& in, Relation relation, int subject) {
  return {relation, subject, in.world.value(relation, subject)};
}

Tokens tokens_of(const Phrase& w) { return Tokens(w.begin(), w.end()); }

uint64_t fact_key(std::string_view what, const Fact& f, int extra = 0) {
  return item_key(what, {static_cast<int64_t>(f.relation), f.subject, extra});
}

// A leader whom everybody knows, of a year on the use's side.
Fact core_leader(const TaskInput& in) {
  const int odd = in.use == ItemUse::test ? 1 : 0;
  Fact f{leader, in.draw.below(in.world.core_countries()), -1,
         World::kFirstCoreYear + odd + 2 * in.draw.below(5)};
  f.value = in.world.value(leader, f.subject, f.year);
  return f;
}

// A person's attributes, then the country of a city, the home of a company and a leader.
Fact some_fact(const TaskInput& in) {
  const int attributes = told_attributes(in.world);
  if (in.parameter < attributes)
    return fact_of(in, static_cast<Relation>(in.parameter), known_person(in).name);
  if (in.parameter == attributes + 2) return core_leader(in);
  const Relation r = in.parameter == attributes ? country : headquarters;
  return fact_of(in, r, in.draw.below(domain_size(subject_domain(r))));
}

std::optional<Task> fact(const TaskInput& in) {
  const Fact f = some_fact(in);
  const auto questions = fact_templates(f.relation).train_questions();
  Task task{.request = questions[static_cast<size_t>(in.phrase) % questions.size()].tokens(
                {{'o', subject_words(f)},
                 {'y', f.year < 0 ? Phrase{} : domain_words(Domain::year, f.year)}}),
            .payload = {},
            .answer = {tokens_of(value_words(f))}};
  task.record.facts = {f};
  task.key = fact_key("fact", f, std::max(0, f.year));
  return task;
}

std::optional<Task> inverse(const TaskInput& in) {
  constexpr std::array<std::array<std::string_view, 2>, 5> kAsk = {
      {{"who was born in", "who came from"},
       {"who works for", "who works at"},
       {"who is a", "who works as a"},
       {"who likes", "who likes to eat"},
       {"who has a", "who lives with a"}}};
  const auto relation = static_cast<Relation>(in.parameter);
  const Fact f = fact_of(in, relation, known_person(in).name);
  Task task{
      .request = TokenText(kAsk[in.parameter][in.phrase]).words(value_words(f)).text("?").take(),
      .payload = {},
      .answer = {tokens_of(subject_words(f))}};
  const World* world = &in.world;
  task.accept = [world, f](std::span<const Token> content) {
    const auto [name, n] = find_member(Domain::person, content);
    return n > 0 && static_cast<size_t>(n) == content.size() &&
                   world->value(f.relation, name) == f.value
               ? 1.0
               : 0.0;
  };
  task.record.facts = {f};
  // The same question may have many answers, so the value alone decides; there are few values, so
  // that a tenth of them is counted off.
  const uint64_t key = item_key("inverse", {in.parameter, f.value}) / 16 * 10;
  task.key = key + (f.value % 10 == 3 ? 0 : 1);
  return task;
}

std::optional<Task> hops(const TaskInput& in) {
  const ProblemVariant& v = problem_variants(Family::hops).at(in.parameter);
  const ProblemSpec spec{ProblemFamily::hop, v.steps, v.level};
  return problem_task(make_problem(in.world, spec, in.use, in.draw), v.chain, in.phrase);
}

std::optional<Task> compare(const TaskInput& in) {
  // Same job, food, pet, city or employer? Half of the time it is.
  constexpr std::array<Relation, 5> kOf = {job, food, pet, birth_city, employer};
  constexpr std::array<std::string_view, 5> kNoun = {"job", "food", "pet", "home", "employer"};
  const Relation r = kOf[in.parameter];
  const Person &a = known_person(in), &b = known_person(in);
  const bool same = in.world.value(r, a.name) == in.world.value(r, b.name);
  if (a.name == b.name || same != in.draw.chance(0.5)) return std::nullopt;
  const std::string_view noun = kNoun[in.parameter];
  TokenText ask(in.phrase == 0 ? "do" : "compare : have");
  ask.person(a.name).text("and").person(b.name);
  if (in.phrase == 0) ask.text("have");
  Task task{.request = ask.text("the same").text(noun).text("?").take(),
            .payload = {},
            .answer = {words_to_tokens(same ? "yes" : "no")}};
  task.record.facts = {fact_of(in, r, a.name), fact_of(in, r, b.name)};
  task.key = item_key("compare", {static_cast<int64_t>(r), a.name, b.name});
  return task;
}

std::optional<Task> true_false(const TaskInput& in) {
  const Fact f = fact_of(in, static_cast<Relation>(in.parameter), known_person(in).name);
  Fact said = f;
  const bool is_true = in.draw.chance(0.5);
  if (!is_true)  // the value of another person, so that values are as frequent
    said.value = in.world.value(f.relation, known_person(in).name);
  if ((said.value == f.value) != is_true) return std::nullopt;
  Task task{.request = words_to_tokens(in.phrase == 0 ? "true or false" : "is this true or false"),
            .payload = statement(said, in.draw.below(4)),
            .answer = {words_to_tokens(is_true ? "true" : "false")}};
  task.record.facts = {f};
  task.key = item_key("true_false", {in.parameter, f.subject, said.value});
  return task;
}

std::optional<Task> biography(const TaskInput& in) {
  const int n = in.parameter + 1;  // facts wanted
  const Person& person = known_person(in);
  std::vector<int> attributes = in.draw.distinct(n, told_attributes(in.world));
  TokenText answer;
  Task task;
  for (int i = 0; i < told_attributes(in.world); ++i)
    task.record.facts.push_back(fact_of(in, static_cast<Relation>(i), person.name));
  for (size_t i = 0; i < attributes.size(); ++i) {
    const Phrase he(word_token(World::female(person.name) ? "she" : "he"));
    answer.add(statement(task.record.facts[attributes[i]], 0, i == 0 ? Phrase{} : he));
  }
  if (in.phrase == 0)
    task.request = TokenText("write").number(n).text("fact about").person(person.name).take();
  else
    task.request = TokenText("write a page about")
                       .person(person.name)
                       .text("with")
                       .number(n)
                       .text("fact")
                       .take();
  task.answer = {answer.take()};
  const std::set<Fact> gold(task.record.facts.begin(), task.record.facts.end());
  task.accept = [gold, n](std::span<const Token> content) {
    const ReadClaims claims = read_claims(content);
    int right = 0, wrong = claims.other_sentences;
    for (const Fact& f : claims.facts) (gold.count(f) ? right : wrong) += 1;
    const double share = static_cast<double>(right - wrong) / n;
    return right > n ? std::max(0.0, share - 0.5) : std::clamp(share, 0.0, 1.0);
  };
  task.key = item_key("biography", {n, person.name});
  return task;
}

std::optional<Task> cloze(const TaskInput& in) {
  const Fact f = fact_of(in, static_cast<Relation>(in.parameter), known_person(in).name);
  const auto statements = fact_templates(f.relation).train_statements();
  const Template& form = in.draw.pick(statements);
  if (!form.ends_with('v')) return std::nullopt;
  Task task{.request = words_to_tokens(in.phrase == 0 ? "complete" : "complete the sentence"),
            .payload = fact_prompt(form, f),
            .answer = {tokens_of(value_words(f))}};
  task.record.facts = {f};
  task.key =
      item_key("cloze", {static_cast<int64_t>(f.relation), f.subject, &form - statements.data()});
  return task;
}

int told_plus_three(const World& world) { return told_attributes(world) + 3; }
int inverse_parameters(const World& world) { return std::min(5, told_attributes(world)); }
int most_hops(const World& world) {
  return static_cast<int>(std::ranges::count_if(
      problem_variants(Family::hops),
      [&](const ProblemVariant& v) { return !hop_paths(world, v.steps).empty(); }));
}
int few_facts(const World& world) { return std::min(4, told_attributes(world)); }

}  // namespace

int told_attributes(const World& world) {
  return static_cast<int>(std::min<int64_t>(world.config().attributes, 6));
}

const Person& known_person(const TaskInput& in) {
  for (;;) {
    if (in.unknown_share > 0 && in.draw.chance(in.unknown_share)) {
      const Person& p = in.draw.pick(in.world.persons(Tier::t1));
      if (p.questioned) return p;
      continue;
    }
    const auto t128 = in.world.persons(Tier::t128), t400 = in.world.persons(Tier::t400);
    const size_t i =
        static_cast<size_t>(in.draw.below(static_cast<int>(t128.size() + t400.size())));
    const Person& p = i < t128.size() ? t128[i] : t400[i - t128.size()];
    // Tests ask about the H-half only: question pages have every question about the others.
    if (p.questioned == (in.use == ItemUse::training)) return p;
  }
}

std::vector<FamilyEntry> knowledge_families() {
  const auto known = Ability::world_knowledge;
  return {
      {{Family::fact, "F11", "fact", known, false, false, true, 2}, &told_plus_three, &fact},
      {{Family::inverse_fact, "F12", "inverse_fact", known, false, false, true},
       &inverse_parameters,
       &inverse},
      {{Family::hops, "F13", "hops", Ability::chain_of_thought, false, false, false, 3},
       &most_hops,
       &hops},
      {{Family::compare, "F14", "compare", Ability::unseen_instruction, true, false, true},
       &inverse_parameters,
       &compare},
      {{Family::true_false, "F15", "true_false", known, false, false, true},
       &told_attributes,
       &true_false},
      {{Family::biography, "F16", "biography", Ability::informativeness}, &few_facts, &biography},
      {{Family::cloze, "F17", "cloze", known, false, false, true}, &told_attributes, &cloze}};
}

}  // namespace lineage
