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

// A tree of a run that is done: its nodes and how long it took.
struct GrownTree {
  uint64_t seed = 0;
  std::vector<GrownNode> nodes;
  double seconds = 0;
};

struct RunOptions {
  GrowOptions grow;      // `tree` is set for each seed
  uint64_t seeds = 1;    // trees to grow, of the recipe's seed and those after it; the world stays
  bool evaluate = true;  // false: leave out the recipe's [evaluation]
  std::string command;   // as the report and the database show it
  // Called on rank 0 after each tree is grown, and after its evaluation.
  std::function<void(const GrownTree&)> grown = {};
  std::function<void(double seconds)> evaluated = {};
};

// Grows the recipe's trees one seed after another, measures their nodes as [evaluation] says, and
// records command and time in the tree for its report. What an earlier run has grown or measured is
// not done again. Returns the report of the tree, on rank 0 alone. Whatever in the recipe would
// fail late is an Error before anything is trained; Interrupted when options.grow.interrupted() is
// true, with the state saved.
std::optional<Report> run_recipe(const Recipe&, const RunOptions&, Communicator&, Progress&);

// What run_recipe() would do, with nothing written. It times small steps here, which takes some
// seconds.
struct RunPlan {
  GrowPlan growth;
  std::optional<EvaluationPlan> evaluation;             // of each node; none: nothing is measured
  double training_seconds = 0, evaluation_seconds = 0;  // of a seed
  int64_t free_memory_bytes = 0, free_disk_bytes = 0;
  std::optional<Error> problem;  // why it has no room here; none: it has
};
RunPlan plan_run(const Recipe&, const RunOptions&, int ranks);

}  // namespace lineage
