#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lineage/base/error.h"
#include "lineage/base/progress.h"
#include "lineage/checkpoint/model.h"
#include "lineage/comm/communicator.h"
#include "lineage/eval/evaluate.h"
#include "lineage/run/file_questions.h"
#include "lineage/run/suites.h"
#include "lineage/stages/recipe.h"

namespace lineage {

// The questions for a model, none to leave it alone. Called for one model at a time.
using QuestionsOf =
    std::function<std::vector<Questions>(const Model&, const NodeRecord&, Progress&)>;

// A measurement in the database: the node's key and the scenario's digest.
struct MeasuredScenario {
  std::string node, digest;
};

// Measures the models of some folders into the database, several side by side with a share of the
// threads each: a small model gains little from a second thread (docs/log.md, 2026-11-23). The
// scores do not depend on how many. Returns what the database has now of these questions, measured
// before or just now. The first exception of any ends all and is rethrown; when
// options.interrupted() is true it returns early with what is done.
std::vector<MeasuredScenario> evaluate_models(const std::vector<std::filesystem::path>& folders,
                                              const QuestionsOf&, Database&, const EvaluateOptions&,
                                              Progress&);

// A model as the database of scores knows it.
NodeRecord node_record(const Model&, const std::filesystem::path& folder);

// Why a model cannot be measured by questions of the micro-world (`micro_world`) or by those of
// files; none: it can.
std::optional<Error> why_not_measurable(const Model&, const NodeRecord&, bool micro_world);

// The scenarios of which reports go on to show an earlier measurement with more items, and with how
// many.
std::map<std::string, int64_t> larger_measurements(const std::vector<MeasuredScenario>&,
                                                   const Database&);

// What a recipe's [evaluation] measures its nodes by: files, and where its tokenizer has the
// micro-world's words that world's suite.
class RecipeQuestions {
 public:
  // Reads all files. An Error for a name that no suite has, and see file_questions().
  RecipeQuestions(const Recipe&, Progress&);

  bool empty() const { return !suites_ && files_.empty(); }
  // The suite for a model of the micro-world's words, and the files for every one.
  std::vector<Questions> of(const Model&, Progress&);
  // The same for the recipe's nodes, before any of them is trained.
  std::vector<Questions> planned() const;
  // An Error where a database has scores of other files under the names of these.
  void check_names(const Database&) const;
  const EvaluateOptions& options() const { return options_; }

 private:
  WorldConfig world_;
  std::vector<std::string> abilities_;
  EvaluateOptions options_;
  std::unique_ptr<AbilitySuites> suites_;
  std::vector<Questions> files_;
};

// How much each node will be asked, by the items' own number; further ones choose the templates.
struct EvaluationPlan {
  int64_t scenarios = 0, items = 0;
  double tokens = 0;       // read; those written count as the tokens that are read in the same time
  bool estimated = false;  // the tokenizer is not trained yet: items and tokens are about so many
  // Seconds for a model that is trained on so many tokens a second.
  double seconds(double training_tokens_per_second) const;
};
EvaluationPlan plan_evaluation(const Recipe&, const RecipeQuestions&);

// Measures the models of a grown tree by the recipe's questions, into OUT/scores.sqlite; each rank
// takes its share of them. What is measured is not measured again. Throws Interrupted when
// interrupted() is true; what was measured is kept.
void evaluate_run(RecipeQuestions&, const std::vector<std::filesystem::path>& nodes,
                  const std::filesystem::path& out, const std::string& command,
                  const std::function<bool()>& interrupted, Communicator&, Progress&);

}  // namespace lineage
