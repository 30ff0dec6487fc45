#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "lineage/base/progress.h"
#include "lineage/eval/database.h"
#include "lineage/eval/scenario.h"

namespace lineage {

using ScenarioList = std::vector<std::shared_ptr<const Scenario>>;

struct EvaluateOptions {
  int64_t n = 0;                           // items of each scenario; 0: its own number …
  int64_t tokens = 0;                      // … within so many tokens; 0: no limit
  int64_t dev = 64;                        // at most so many items choose the template
  uint64_t seed = 1;                       // of demonstrations and draws
  bool again = false;                      // also scenarios that the database has already
  std::function<bool()> interrupted = {};  // called between scenarios
};

// The number of a scenario's test items under these options, if it has so many.
int64_t items_asked(const Scenario&, const Tokenizer&, const EvaluateOptions&);

// Evaluates a node on every scenario, in their order, and writes the results. Scenarios that the
// database has already, by digest, are skipped; so a killed evaluation resumes where it was and
// ends with the same scores. A scenario with an unmet prerequisite is measured all the same and
// marked "not measurable here", with the reason. When all nodes are done, call derive_scores(). An
// Error where the model's numbers are not finite.
//
// Returns the digests of the scenarios measured now or before, in their order.
std::vector<std::string> evaluate(LanguageModel&, const NodeRecord&, const ScenarioList&, Database&,
                                  const EvaluateOptions& = {}, Progress& = silent());

// A digest of everything that determines a scenario's answers but the model.
std::string scenario_digest(const ScenarioSpec&, std::span<const Instance> items,
                            std::span<const Instance> dev, std::span<const Instance> pool,
                            uint64_t seed);

// A digest of the question set and its prompt, whatever the number of items and the seed.
std::string scenario_revision(const Scenario&);

}  // namespace lineage
