#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "lineage/base/progress.h"
#include "lineage/checkpoint/model.h"
#include "lineage/comm/communicator.h"
#include "lineage/eval/evaluate.h"
#include "lineage/stages/evaluation_config.h"
#include "lineage/stages/grow.h"

namespace lineage::cli {

// The ability suites of the micro-worlds that models grew up in, their items made once for all.
class AbilitySuites {
 public:
  // `only`: abilities or names of scenarios; empty: all. An Error names the first that none has.
  explicit AbilitySuites(std::vector<std::string> only = {});
  // Of the world that the manifest names. One older than that grew up in the default one, most
  // likely; a note says so.
  const ScenarioList& of(const Model&, Progress&);

 private:
  std::vector<std::string> only_;
  std::map<std::string, ScenarioList> suites_;  // by the world's TOML
};

// Whether it has the micro-world's words.
bool of_micro_world(const Tokenizer&);

// Those of the list that have one of these abilities or names; all when none is named. An Error
// names the first that none has.
ScenarioList chosen_scenarios(ScenarioList, const std::vector<std::string>& only);

// The scenarios that a model is asked, none to leave it alone. Called for one model at a time.
using QuestionsOf = std::function<ScenarioList(const Model&, const NodeRecord&, Progress&)>;

// Measures the models of some folders into the database, several side by side with a share of the
// threads each: a small model gains little from a second thread (docs/log.md, 2026-11-23). What is
// measured does not depend on how many. The first exception of any ends all, and is rethrown.
// Returns what is measured now, by node and digest of the scenario.
struct AskedScenario {
  std::string node, digest;
};
std::vector<AskedScenario> evaluate_models(const std::vector<std::filesystem::path>& folders,
                                           const QuestionsOf&, Database&, const EvaluateOptions&,
                                           Progress&);

// What `grow` does once a tree is grown: puts the suite to its nodes as the recipe's [evaluation]
// says, into OUT/scores.sqlite; each rank takes its share of them. What is measured is not measured
// again, and nodes of other words than the micro-world's are left alone. An Error when interrupted.
void evaluate_grown(const EvaluationConfig&, AbilitySuites&, const std::vector<GrownNode>&,
                    const std::filesystem::path& out, const std::string& command, Communicator&,
                    Progress&);

// What `grow` will ask of each node, by the items' own number; templates are chosen on further
// ones. `tokens` are those read, and those written in the time that they take.
struct EvaluationPlan {
  int64_t scenarios = 0, items = 0;
  double tokens = 0;
};
EvaluationPlan plan_evaluation(const Recipe&);

// Seconds that an evaluation takes of a model of which so many tokens are trained on in a second.
double evaluation_seconds(const EvaluationPlan&, double training_tokens_per_second);

// A model as the database of scores knows it.
NodeRecord node_record(const Model&, const std::filesystem::path& folder);

}  // namespace lineage::cli
