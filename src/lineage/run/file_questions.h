#pragma once

#include <set>
#include <string>
#include <vector>

#include "lineage/base/progress.h"
#include "lineage/eval/database.h"
#include "lineage/eval/evaluate.h"
#include "lineage/stages/evaluation_config.h"

namespace lineage {

// Scenarios to evaluate a model on. `n`: items of each; 0: by EvaluateOptions.
struct Questions {
  ScenarioList scenarios;
  int64_t n = 0;
};

// The questions of a recipe's evaluation.files and evaluation.questions; all files are read. An
// Error for a file that is missing or cannot be read, a pattern that matches none, and two question
// sets of one name, or one of a `taken` name. Notes name lines and keys that are left out.
std::vector<Questions> file_questions(const EvaluationConfig&, const std::set<std::string>& taken,
                                      Progress&);

// An Error if the database has scores of another file under the name of one of these scenarios: the
// two would be one question set. `help` is the hint on naming the file otherwise.
void check_file_names(const ScenarioList&, const Database&, const std::string& help);

}  // namespace lineage
