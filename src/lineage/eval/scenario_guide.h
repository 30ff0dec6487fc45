#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lineage/world/facts.h"
#include "lineage/world/probes/explanation.h"

namespace lineage {

// What the suite says of a row of results: a scenario, a measure or a derived score.
struct ScenarioGuide {
  Explanation about;
  std::string items;  // the scenario whose items it is measured on; empty: of several
};
// Null for a row that stands below another one, and for what is not the suite's.
const ScenarioGuide* scenario_guide(std::string_view name);

// One item of a scenario, for people to read.
struct ExampleItem {
  std::string id = {}, question = {};  // as in the database
  std::string prompt = {}, chat = {};  // what a model reads, as plain text and as a conversation,
                                       // without what it writes; empty: is not asked so
  std::vector<std::string> choices = {};  // in full; empty where they are many or the model writes
  int64_t choice_count = 0;               // 0: the model writes the answer
  std::string chain = {}, answer = {};    // right: the worked solution before it, the reference
};
// The first test item in this world; none where the suite has no such scenario.
std::optional<ExampleItem> example_item(const std::shared_ptr<const World>&,
                                        std::string_view scenario);

}  // namespace lineage
