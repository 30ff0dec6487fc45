#include "lineage/abilities/scenario_guide.h"

#include <algorithm>
#include <map>

#include "lineage/abilities/suite.h"
#include "lineage/eval/prompt.h"
#include "lineage/world/vocabulary.h"

namespace lineage {
namespace {

using Guides = std::map<std::string, ScenarioGuide, std::less<>>;

Guides suite_guides() {
  Guides guides;
  const auto add = [&](const std::string& row, const Explanation& about, const std::string& items) {
    if (!about.empty()) guides[row] = {about, items};
  };
  for (const AbilityDefinition& a : abilities()) {
    for (const WorldScenario& s : a.scenarios) {
      add(s.spec.name, s.spec.about, s.spec.name);
      for (const AggregateMetric& m : s.spec.aggregates) add(m.name, m.about, s.spec.name);
    }
    for (const DerivedScore& d : a.derived) add(d.name, d.about, d.items);
  }
  return guides;
}

const WorldScenario* scenario_called(std::string_view name) {
  for (const AbilityDefinition& a : abilities())
    for (const WorldScenario& s : a.scenarios)
      if (s.spec.name == name) return &s;
  return nullptr;
}

// A context is prefixed to its choice: "a wren can" + "fly .".
std::vector<std::string> full_choices(const Instance& item) {
  std::vector<std::string> choices;
  for (const Part& context : item.contexts)
    choices.push_back(context.text + " " + item.answers[0].text);
  if (item.contexts.empty())
    for (const Part& answer : item.answers) choices.push_back(answer.text);
  return choices;
}

std::string prompt_text(const Instance& item, const PromptSpec& prompt_spec,
                        PromptSpec::Template form) {
  constexpr int64_t kWhole = 1 << 20;  // no part of an example is cut
  const Tokenizer& tokenizer = *Vocabulary::get().tokenizer();
  return tokenizer.decode(render(item, {}, prompt_spec, form, tokenizer, kWhole).context);
}

}  // namespace

const ScenarioGuide* scenario_guide(std::string_view name) {
  static const Guides guides = suite_guides();
  const auto at = guides.find(name);
  return at == guides.end() ? nullptr : &at->second;
}

std::optional<ExampleItem> example_item(const std::shared_ptr<const World>& world,
                                        std::string_view name) {
  const WorldScenario* found = scenario_called(name);
  if (!found) return {};
  const auto scenario = world_scenario(world, *found);
  const ScenarioSpec& spec = scenario->spec();
  const Instance item = scenario->items(ItemSet::test, 1)[0];
  const bool chooses = spec.prompt.method == PromptSpec::Method::choose;
  const auto correct = static_cast<size_t>(item.correct);
  ExampleItem example{.id = item.id, .question = item.question.text};
  for (const PromptSpec::Template form : spec.templates)
    (form == PromptSpec::Template::chat ? example.chat : example.prompt) =
        item.contexts.empty() ? prompt_text(item, spec.prompt, form) : "";
  if (chooses) {
    constexpr size_t kMostShown = 8;
    std::vector<std::string> choices = full_choices(item);
    example.choice_count = std::ssize(choices);
    example.answer = choices[correct];
    if (choices.size() <= kMostShown) example.choices = std::move(choices);
  } else {
    example.answer = item.answers[0].text;
  }
  example.chain = item.chain.text;
  return example;
}

}  // namespace lineage
