#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "lineage/base/progress.h"
#include "lineage/comm/communicator.h"
#include "lineage/run/file_questions.h"
#include "lineage/run/suites.h"
#include "lineage/stages/recipe.h"

namespace lineage {

// The questions of a recipe's [evaluation]: files, and if its tokenizer has the micro-world's
// words, that world's suite.
class RecipeQuestions {
 public:
  // Reads all files. Errors: a name that no suite has, and those of file_questions().
  RecipeQuestions(const Recipe&, Progress&);

  bool empty() const { return !suites_ && files_.empty(); }
  // The suite if the model has the micro-world's words, and the files.
  std::vector<Questions> of(const Model&, Progress&);
  // The same for the recipe's nodes, before any of them is trained.
  std::vector<Questions> planned() const;
  // An Error if a database has scores of other files under the names of these.
  void check_names(const Database&) const;
  const EvaluateOptions& options() const { return options_; }

 private:
  WorldConfig world_;
  std::vector<std::string> abilities_;
  EvaluateOptions options_;
  std::unique_ptr<AbilitySuites> suites_;
  std::vector<Questions> files_;
};

// The questions for each node of a recipe: test items alone, without those that choose templates.
struct EvaluationPlan {
  int64_t scenarios = 0, items = 0;
  double tokens = 0;       // read; a written one counts as those read in the same time
  bool estimated = false;  // the tokenizer is not trained yet, so items and tokens are guesses
  // For one node, whose model trains on so many tokens a second.
  double seconds(double training_tokens_per_second) const;
};
EvaluationPlan plan_evaluation(const Recipe&, const RecipeQuestions&);

// Measures the models of a grown tree by the recipe's questions, into OUT/scores.sqlite; each rank
// takes its share of them. Earlier measurements are not repeated. Throws Interrupted when
// interrupted() is true; what was measured is kept.
void evaluate_run(RecipeQuestions&, const std::vector<std::filesystem::path>& nodes,
                  const std::filesystem::path& out, const std::string& command,
                  const std::function<bool()>& interrupted, Communicator&, Progress&);

}  // namespace lineage
