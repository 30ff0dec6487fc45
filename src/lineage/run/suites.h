#pragma once

#include <map>
#include <string>
#include <vector>

#include "lineage/base/progress.h"
#include "lineage/checkpoint/model.h"
#include "lineage/eval/evaluate.h"

namespace lineage {

// The ability suites of the micro-worlds that models were trained on. A suite makes its items once
// for all models of its world, so keep one AbilitySuites for all models. Only one thread at a time
// may call of(); any may use the scenarios that it returns.
class AbilitySuites {
 public:
  // `only`: abilities (A05) or names of scenarios (A12.hop.chain); empty: all. An Error names the
  // first that no suite has, with the nearest one.
  explicit AbilitySuites(std::vector<std::string> only = {});

  // The suite of the world in the model's manifest. A manifest older than that entry means the
  // default world, most likely; a note says so. The list lives as long as this object.
  const ScenarioList& of(const Model&, Progress&);

 private:
  std::vector<std::string> only_;
  std::map<std::string, ScenarioList> suites_;  // by the world's TOML
};

// Whether the tokenizer has the micro-world's words, which its suite uses.
bool of_micro_world(const Tokenizer&);

// The scenarios that have one of these abilities or names, or an aggregate that has; all when none
// is given. An Error names the first that no scenario has, with the nearest one.
ScenarioList chosen_scenarios(ScenarioList, const std::vector<std::string>& only);

}  // namespace lineage
