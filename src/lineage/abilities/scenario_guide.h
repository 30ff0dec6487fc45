#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lineage/eval/explanation.h"
#include "lineage/world/facts.h"

namespace lineage {

// The suite's explanation of a row of results: of a scenario, an aggregate metric or a derived
// score.
struct ScenarioGuide {
  Explanation about;
  std::string items;  // the scenario that it is measured on; empty: several
};
// Null for a row that is shown below another one, and for one outside the suite.
const ScenarioGuide* scenario_guide(std::string_view name);

// One item of a scenario, for people to read.
struct ExampleItem {
  std::string id = {}, question = {};     // as in the database
  std::string prompt = {}, chat = {};     // the model's input, as plain text and as a conversation,
                                          // up to its answer; empty: it has no such form
  std::vector<std::string> choices = {};  // in full; empty if they are many or the model writes
  int64_t choice_count = 0;               // 0: the model writes the answer
  std::string chain = {}, answer = {};    // the worked solution and the reference
};
// The first test item in this world; none where the suite has no such scenario.
std::optional<ExampleItem> example_item(const std::shared_ptr<const World>&,
                                        std::string_view scenario);

}  // namespace lineage
