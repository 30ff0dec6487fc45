#include <cassert>
#include <stdexcept>

#include "lineage/world/problems/generators.h"

namespace lineage {
namespace {

using enum Relation;

// "the friend of", as in the statements of the corpus.
std::string_view relation_noun(Relation relation) {
  switch (relation) {
    case birth_city:
      return "the home of";
    case employer:
      return "the employer of";
    case job:
      return "the job of";
    case food:
      return "the food of";
    case pet:
      return "the pet of";
    case friend_of:
      return "the friend of";
    case birth_year:
      return "the year of";
    case country:
      return "the country of";
    case headquarters:
      return "the home city of the company";
    default:
      throw std::logic_error("hop: no noun for this relation");
  }
}

Phrase value_name(Relation relation, int value) {
  return domain_words(value_domain(relation), value);
}

const Person& known_person(const World& world, Draw& draw) {
  const auto t128 = world.persons(Tier::t128), t400 = world.persons(Tier::t400);
  const size_t i = static_cast<size_t>(draw.below(static_cast<int>(t128.size() + t400.size())));
  return i < t128.size() ? t128[i] : t400[i - t128.size()];
}

// A tenth of the steps from a person is for tests only, and so is every path with such a step: else
// the chain of a longer path would hold that of a shorter one, at its beginning or its end. Tests
// of three steps leave out those of which training may have two in a row, from another person on or
// to another thing.
uint64_t step_key(int person, Relation relation, bool questioned) {
  return item_key("hop", {person, static_cast<int64_t>(relation), questioned});
}

}  // namespace

std::vector<HopPath> hop_paths(const World& world, int steps) {
  static const std::array<std::vector<HopPath>, 3> all = {{
      {{{birth_city}}, {{employer}}, {{job}}, {{food}}, {{pet}}, {{friend_of}}},
      {{{birth_city, country}},
       {{employer, headquarters}},
       {{friend_of, birth_city}},
       {{friend_of, employer}},
       {{friend_of, job}},
       {{friend_of, food}},
       {{friend_of, pet}}},
      {{{employer, headquarters, country}},
       {{friend_of, birth_city, country}},
       {{friend_of, employer, headquarters}},
       {{friend_of, friend_of, job}},
       {{friend_of, friend_of, pet}}},
  }};
  assert(1 <= steps && steps <= 3);
  std::vector<HopPath> out;
  for (const HopPath& path : all[steps - 1]) {
    bool known = true;
    for (Relation r : path.relations)
      known = known && (static_cast<int>(r) >= kAttributes ||
                        static_cast<int>(r) < world.config().attributes);
    if (known) out.push_back(path);
  }
  return out;
}

Problem draw_hop(const World& world, const ProblemSpec& spec, Draw& draw) {
  const std::vector<HopPath> paths = hop_paths(world, spec.steps);
  if (paths.empty()) throw std::logic_error("hop: this world's attributes allow no such path");
  const HopPath& path = draw.pick(paths);
  const Person& start = known_person(world, draw);

  Problem problem;
  problem.spec = spec;
  bool questioned = start.questioned;
  TokenText asked("what is");
  for (auto r = path.relations.rbegin(); r != path.relations.rend(); ++r)
    asked.text(relation_noun(*r));
  problem.question = asked.person(start.name).text("?").take();
  int subject = start.name;
  Phrase subject_name = domain_words(Domain::person, subject);
  bool has_test_step = false, after_trained_step = false;
  for (Relation relation : path.relations) {
    const bool of_person = subject_domain(relation) == Domain::person;
    bool trained = !of_person || world.find_person(subject)->questioned;
    if (of_person) {
      const uint64_t key = step_key(subject, relation, true);
      if (!has_test_step) problem.key = key;
      has_test_step = has_test_step || is_test_key(key);
      trained = trained && !is_test_key(key);
    }
    const int value = world.value(relation, subject);
    const Phrase named = value_name(relation, value);
    problem.chain.push_back(TokenText(relation_noun(relation))
                                .words(subject_name)
                                .text("is")
                                .words(named)
                                .text(".")
                                .take());
    if (relation == friend_of) {
      questioned = questioned && world.find_person(value)->questioned;
      trained = trained && world.find_person(value)->questioned;
    }
    problem.partly_trained = problem.partly_trained || (after_trained_step && trained);
    after_trained_step = of_person && trained;
    subject = value;
    subject_name = named;
  }
  problem.answer = TokenText().words(subject_name).take();
  problem.cluster = "person " + std::to_string(start.name);
  if (!has_test_step) problem.key = step_key(start.name, path.relations[0], questioned);
  // Persons of the H-half are never in tuning data, anywhere in the chain.
  problem.test_only = has_test_step || !questioned;
  problem.partly_trained = problem.partly_trained && problem.test_only;
  return problem;
}

}  // namespace lineage
