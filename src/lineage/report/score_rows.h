#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "lineage/eval/database.h"
#include "lineage/eval/statistics.h"
#include "lineage/report/report.h"
#include "lineage/report/seeds.h"

namespace lineage {

// The current score in the database of a node, scenario and cell ("": all).
struct RecordedScore {
  std::string node, digest;  // the node's key; of the scenario
  std::string cell, not_measurable, prompting;
  int64_t n = 0;
  Interval score, log_likelihood;
  double chance = 0, format = 0;
};

// A scenario with its recorded scores; cells only of the current answers.
struct RecordedScenario {
  std::string name, ability, title, parent_row;  // see ScenarioSpec
  MetricInfo metric;
  std::vector<RecordedScore> scores;
};
// By name; digits are ordered as numbers (k2 before k16).
std::vector<RecordedScenario> recorded_scenarios(const Database&);
bool natural_less(const std::string&, const std::string&);

// The item scores of some nodes, by their keys.
std::map<std::string, ItemScores> recorded_items(const Database&, const std::string& digest,
                                                 const std::vector<std::string>& nodes);

// An answer of each of some nodes, item by item.
struct RecordedAnswer {
  std::string node, item, cell, output, prompt, wanted;
  double score = 0;
};
std::vector<RecordedAnswer> recorded_answers(const Database&, const std::string& digest,
                                             const std::vector<std::string>& nodes);

// An item of a scenario by its id, or the first one; none if it was never measured.
struct RecordedItem {
  std::string question = {};
  std::vector<std::string> answers = {};  // the choices, or those accepted, the reference first
  size_t correct = 0;                     // of the answers
  bool chooses = false;                   // between them
};
std::optional<RecordedItem> recorded_item(const Database&, const std::string& scenario,
                                          const std::string& id = {});

// Runs of `lineage eval` that measured any of some nodes.
std::vector<ReportRun> recorded_runs(const Database&, const std::vector<std::string>& nodes);

}  // namespace lineage
