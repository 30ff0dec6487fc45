#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "lineage/base/error.h"
#include "lineage/comm/communicator.h"
#include "lineage/report/report.h"
#include "lineage/run/recipe_questions.h"
#include "lineage/stages/grow.h"

namespace lineage {

// A finished tree of a run: its nodes and its duration.
struct GrownTree {
  uint64_t seed = 0;
  std::vector<GrownNode> nodes;
  double seconds = 0;
};

struct RunOptions {
  GrowOptions grow;      // `tree` is set for each seed
  uint64_t seeds = 1;    // trees to grow, of the recipe's seed and those after it; the world stays
  bool evaluate = true;  // false: leave out the recipe's [evaluation]
  std::string command;   // shown in the report and the database
  // Called on rank 0 after each tree is grown, and after its evaluation.
  std::function<void(const GrownTree&)> grown = {};
  std::function<void(double seconds)> evaluated = {};
};

// Grows the recipe's trees one seed after another, evaluates their nodes by [evaluation], and
// records command and time in the tree for its report. Results of an earlier run are not computed
// again. Returns the report of the tree, on rank 0 alone. Anything in the recipe that would fail
// late is an Error before training starts; Interrupted when options.grow.interrupted() is true,
// with the state saved.
std::optional<Report> run_recipe(const Recipe&, const RunOptions&, Communicator&, Progress&);

// An estimate of run_recipe(); nothing is written. It times small steps here, which takes some
// seconds.
struct RunPlan {
  GrowPlan growth;
  std::optional<EvaluationPlan> evaluation;             // of each node; none: no evaluation
  double training_seconds = 0, evaluation_seconds = 0;  // of a seed
  int64_t free_memory_bytes = 0, free_disk_bytes = 0;
  std::optional<Error> problem;  // why it does not fit here; none: it fits
};
RunPlan plan_run(const Recipe&, const RunOptions&, int ranks);

}  // namespace lineage
