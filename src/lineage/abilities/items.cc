#include "lineage/abilities/items.h"

#include <algorithm>

#include "lineage/base/enum_index.h"

namespace lineage {

void set_value_choices(Instance& item, const World& world, const Fact& fact, Draw& draw) {
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
    const Phrase words = domain_words(domain, value);
    if (value == fact.value) item.correct = static_cast<int>(item.answers.size());
    item.answers.push_back(Tokens(words.begin(), words.end()));
  }
}

void set_token_choices(Instance& item, std::span<const Token> choices, Token correct) {
  item.answers.clear();
  for (Token choice : choices) {
    if (choice == correct) item.correct = static_cast<int>(item.answers.size());
    item.answers.push_back(Tokens{choice});
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
  return kNames[enum_index(tier)];
}

Tokens open_text(DocumentWriter& document) {
  Tokens tokens = document.finish().tokens;
  tokens.pop_back();
  return tokens;
}

WorldScenario choice_scenario(std::string name, std::string title, int64_t n, ItemFunction item) {
  WorldScenario s;
  s.spec.name = std::move(name), s.spec.title = std::move(title), s.spec.n = n;
  s.spec.prompt.method = PromptSpec::Method::choose;
  s.spec.metric = metrics::choice_accuracy();
  s.spec.templates = {PromptSpec::Template::raw, PromptSpec::Template::chat};
  s.item = std::move(item);
  return s;
}

WorldScenario written_scenario(std::string name, std::string title, int64_t n, int64_t max_tokens,
                               ItemFunction item) {
  WorldScenario s = choice_scenario(std::move(name), std::move(title), n, std::move(item));
  s.spec.prompt.method = PromptSpec::Method::generate;
  s.spec.prompt.sampling = greedy(max_tokens);
  s.spec.metric = metrics::graded();
  return s;
}

ItemMetric world_answer_match() {
  const auto plain = [](std::string answer) {
    while (!answer.empty() && (answer.back() == '.' || answer.back() == ' ')) answer.pop_back();
    return answer;
  };
  return {{.name = "exact match"}, [plain](const Instance& item, const Prediction& p) {
            const std::string given = plain(p.answer);
            const bool right = std::ranges::any_of(
                item.answers, [&](const Part& a) { return plain(a.text) == given; });
            return right && !given.empty() ? 1.0 : 0.0;
          }};
}

void ask_for_chain(WorldScenario& s) { s.spec.prompt.reasoning = PromptSpec::Reasoning::chain; }

WorldScenario below(std::string parent_row, WorldScenario s) {
  s.spec.parent_row = std::move(parent_row);
  return s;
}

}  // namespace lineage
