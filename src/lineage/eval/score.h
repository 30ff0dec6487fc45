#pragma once

#include <span>
#include <string>
#include <vector>

#include "lineage/eval/scenario.h"

namespace lineage {

// The score of a model that does not read the question.
struct Chance {
  double uniform = 0;   // a choice at random, or the items' baseline where that is more
  double majority = 0;  // the answer (or place among the choices) most frequent in the dev items
  double shuffled = 0;  // these predictions against other items' answers: the model's own prior
  double value() const { return uniform > majority ? uniform : majority; }
};

struct Score {
  std::string cell;  // empty: all, each cell weighing the same
  Estimate estimate, log_likelihood;
  Chance chance;
  double format = 0;                          // mean of Prediction::format
  int64_t n = 0, skipped = 0, truncated = 0;  // skipped items did not fit the model's context
};

// The score of all items first, then of each cell where there are several. There is one prediction
// for each item. If nothing fits, n is 0 and the numbers are meaningless.
std::vector<Score> score(const ScenarioSpec&, std::span<const Instance> items,
                         std::span<const Prediction>, std::span<const Instance> dev);

// The scores of an aggregate metric, likewise; none if it is undefined over all items.
std::vector<Score> score(const AggregateMetric&, std::span<const Instance> items,
                         std::span<const Prediction>);

Chance measure_chance(const ScenarioSpec&, std::span<const Instance> items,
                      std::span<const Prediction>, std::span<const Instance> dev);

// Names numbered 0, 1, … by first occurrence; an empty cluster is one of its own.
std::vector<uint32_t> cluster_ids(std::span<const Instance>);
std::vector<uint32_t> cell_ids(std::span<const Instance>);

}  // namespace lineage
