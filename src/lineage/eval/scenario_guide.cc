#include "lineage/eval/scenario_guide.h"

#include <algorithm>
#include <map>

#include "lineage/eval/derived.h"
#include "lineage/eval/prompt.h"
#include "lineage/eval/scenarios/probe_scenario.h"
#include "lineage/world/vocabulary.h"

namespace lineage {
namespace {

using Guides = std::map<std::string, ScenarioGuide, std::less<>>;

Guides suite_guides() {
  Guides guides;
  for (const ProbeSet& set : suite_probes()) {
    if (!set.about.empty()) guides[set.name] = {set.about, set.name};
    for (const Measure& m : probe_measures(set))
      if (!m.about.empty()) guides[m.name] = {m.about, set.name};
  }
  for (const DerivedScenario& d : derived_scenarios())
    if (!d.about.empty()) guides[d.name] = {d.about, d.items};
  return guides;
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

std::string prompt_text(const Instance& item, const Prompting& prompting,
                        Prompting::Template form) {
  constexpr int64_t kWhole = 1 << 20;  // no part of an example is cut
  const Tokenizer& tokenizer = *Vocabulary::get().tokenizer();
  return tokenizer.decode(render(item, {}, prompting, form, tokenizer, kWhole).context);
}

}  // namespace

const ScenarioGuide* scenario_guide(std::string_view name) {
  static const Guides guides = suite_guides();
  const auto at = guides.find(name);
  return at == guides.end() ? nullptr : &at->second;
}

std::optional<ExampleItem> example_item(const std::shared_ptr<const World>& world,
                                        std::string_view name) {
  const auto sets = suite_probes();
  const auto set = std::ranges::find(sets, name, &ProbeSet::name);
  if (set == sets.end()) return {};
  const auto scenario = probe_scenario(world, *set);
  const ScenarioSpec& spec = scenario->spec();
  const Instance item = scenario->items(ItemSet::test, 1)[0];
  const bool chooses = spec.prompting.method == Prompting::Method::choose;
  const auto correct = static_cast<size_t>(item.correct);
  ExampleItem example{.id = item.id, .question = item.question.text};
  for (const Prompting::Template form : spec.templates)
    (form == Prompting::Template::chat ? example.chat : example.prompt) =
        item.contexts.empty() ? prompt_text(item, spec.prompting, form) : "";
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
