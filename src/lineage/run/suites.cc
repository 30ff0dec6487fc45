#include "lineage/run/suites.h"

#include <algorithm>
#include <set>

#include "lineage/abilities/suite.h"
#include "lineage/base/config.h"
#include "lineage/base/error.h"
#include "lineage/eval/cached_scenario.h"
#include "lineage/world/vocabulary.h"

namespace lineage {
namespace {

// The names that choose a scenario: its ability, its own, and those of its aggregate metrics.
std::set<std::string> names_of(const ScenarioSpec& spec) {
  std::set<std::string> names = {spec.ability, spec.name};
  for (const AggregateMetric& m : spec.aggregates) names.insert(m.name), names.insert(m.ability);
  return names;
}

}  // namespace

AbilitySuites::AbilitySuites(std::vector<std::string> only) : only_(std::move(only)) {
  // All worlds' suites have the same names, so the default one reveals a wrong name now.
  chosen_scenarios(ability_suite(std::make_shared<const World>(WorldConfig{})), only_);
}

const ScenarioList& AbilitySuites::of(const Model& model, Progress& progress) {
  const std::string& world = model.manifest.world;
  if (world.empty())
    progress.note((model.manifest.node.empty() ? "the model" : model.manifest.node) +
                  ": its manifest names no world; it is asked about the default one");
  if (const auto made = suites_.find(world); made != suites_.end()) return made->second;
  const auto config = read_config<WorldConfig>(ConfigNode::parse(world, "world of the manifest"));
  ScenarioList suite;
  for (auto& scenario :
       chosen_scenarios(ability_suite(std::make_shared<const World>(config)), only_))
    suite.push_back(std::make_shared<CachedScenario>(std::move(scenario)));
  return suites_[world] = std::move(suite);
}

bool of_micro_world(const Tokenizer& tokenizer) {
  return tokenizer.digest() == Vocabulary::get().tokenizer()->digest();
}

ScenarioList chosen_scenarios(ScenarioList all, const std::vector<std::string>& only) {
  if (only.empty()) return all;
  std::set<std::string> names;
  for (const auto& s : all) names.merge(names_of(s->spec()));
  for (const std::string& name : only) {
    if (names.contains(name)) continue;
    const std::string near = nearest_name(name, std::vector(names.begin(), names.end()));
    throw Error("eval: no ability or scenario is called " + name +
                    "; wanted one as A01, or a scenario's name as A12.hop.chain",
                near.empty() ? "" : "did you mean " + near + "?");
  }
  std::erase_if(all, [&](const auto& s) {
    const auto own = names_of(s->spec());
    return std::ranges::none_of(only, [&](const std::string& name) { return own.contains(name); });
  });
  return all;
}

}  // namespace lineage
