#include "lineage/world/probes/choices.h"

#include <algorithm>

#include "lineage/world/probes/text_probes.h"

namespace lineage {

void set_value_choices(ProbeItem& item, const World& world, const Fact& fact, Draw& draw) {
  const Domain domain = value_domain(fact.relation);
  std::vector<int> values;
  if (domain == Domain::person) {
    values = {fact.value};
    while (values.size() < 16) {
      const int name = draw.pick(world.persons()).name;
      if (std::find(values.begin(), values.end(), name) == values.end()) values.push_back(name);
    }
    draw.shuffle(values);
  } else {
    for (int i = 0; i < domain_size(domain); ++i) values.push_back(i);
  }
  item.answers.clear();
  for (int value : values) {
    const Words words = domain_words(domain, value);
    if (value == fact.value) item.correct = static_cast<int>(item.answers.size());
    item.answers.emplace_back(words.begin(), words.end());
  }
}

void set_token_choices(ProbeItem& item, std::span<const Token> choices, Token correct) {
  item.answers.clear();
  for (Token choice : choices) {
    if (choice == correct) item.correct = static_cast<int>(item.answers.size());
    item.answers.push_back({choice});
  }
}

const Person& random_person(const World& world, Tier tier, bool questioned, Draw& draw) {
  const auto persons = world.persons(tier);
  const size_t pair = static_cast<size_t>(draw.below(static_cast<int>(persons.size() / 2)));
  const Person& person = persons[2 * pair + (questioned ? 0 : 1)];
  return person;
}

std::string_view tier_name(Tier tier) {
  constexpr std::array<std::string_view, 6> kNames = {"t1", "t2", "t8", "t32", "t128", "t400"};
  return kNames[static_cast<size_t>(tier)];
}

ProbeSet written_set(std::string name, std::string title, int64_t n, int64_t max_tokens,
                     std::function<ProbeItem(const World&, uint64_t)> item) {
  ProbeSet s;
  s.ability = name.substr(0, 3);
  s.name = std::move(name);
  s.title = std::move(title);
  s.n = n;
  s.max_tokens = max_tokens;
  s.item = std::move(item);
  return s;
}

std::vector<ProbeSet> text_probes() {
  std::vector<ProbeSet> all;
  for (auto probes : {grammar_probes, story_probes, knowledge_probes, commonsense_probes,
                      binding_probes, context_probes, function_probes, register_probes, box_probes,
                      opinion_probes, propriety_probes, abstention_probes, belief_probes,
                      retrieval_probes, language_b_probes, next_token_probes})
    for (ProbeSet& set : probes()) all.push_back(std::move(set));
  return all;
}

}  // namespace lineage
