#include "lineage/run/recipe_questions.h"

#include <iterator>
#include <set>

#include "lineage/abilities/suite.h"
#include "lineage/base/interrupted.h"
#include "lineage/base/version.h"
#include "lineage/eval/item_budget.h"
#include "lineage/run/evaluation.h"
#include "lineage/run/models.h"
#include "lineage/text/bpe_train.h"
#include "lineage/text/chat.h"
#include "lineage/world/vocabulary.h"

namespace lineage {
namespace {

// The recipe's tokenizer where it is there without training, else one that has a token for each
// byte and about so many of them in place of a token.
struct PlanningTokenizer {
  std::shared_ptr<const Tokenizer> tokenizer;
  double bytes_per_token = 1;
};

PlanningTokenizer planning_tokenizer(const Recipe& recipe) {
  constexpr double kBytes = 3;  // of English, in a vocabulary of a few thousand tokens
  if (recipe.tokenizer.kind == TokenizerKind::world) return {Vocabulary::get().tokenizer()};
  if (!recipe.tokenizer.path.empty()) return {Tokenizer::load(recipe.tokenizer.path)};
  BpeTrainOptions options;
  options.specials = chat_specials();
  options.vocab = 256 + std::ssize(options.specials);
  const std::string_view any = " ";
  return {train_bpe(options, {&any, 1}), kBytes};
}

}  // namespace

RecipeQuestions::RecipeQuestions(const Recipe& recipe, Progress& progress)
    : world_(recipe.world), abilities_(recipe.evaluation.abilities) {
  const EvaluationConfig& config = recipe.evaluation;
  options_.n = config.n, options_.tokens = config.tokens, options_.dev = config.dev;
  options_.seed = config.seed;
  std::set<std::string> taken;
  if (recipe.tokenizer.kind == TokenizerKind::world) {
    suites_ = std::make_unique<AbilitySuites>(abilities_);
    for (const auto& scenario : ability_suite(std::make_shared<const World>(world_)))
      taken.insert({scenario->spec().ability, scenario->spec().name});
  }
  files_ = file_questions(config, taken, progress);
}

std::vector<Questions> RecipeQuestions::of(const Model& model, Progress& progress) {
  if (!model.tokenizer) return {};
  std::vector<Questions> all = files_;
  if (suites_ && of_micro_world(*model.tokenizer))
    all.insert(all.begin(), {suites_->of(model, progress)});
  return all;
}

std::vector<Questions> RecipeQuestions::planned() const {
  std::vector<Questions> all = files_;
  if (suites_)
    all.insert(all.begin(), {chosen_scenarios(ability_suite(std::make_shared<const World>(world_)),
                                              abilities_)});
  return all;
}

void RecipeQuestions::check_names(const Database& database) const {
  for (const Questions& q : files_)
    check_file_names(q.scenarios, database,
                     "name this file in a table: [evaluation.questions.NAME] paths = [\"…\"]");
}

double EvaluationPlan::seconds(double training_tokens_per_second) const {
  // Measured on models of 0.17M and 0.54M parameters (docs/log.md, 2026-11-23).
  constexpr double kRead = 3.5;     // times as fast as trained on
  constexpr double kItem = 0.0003;  // seconds of an item whatever its length: made, judged, written
  return tokens / (kRead * training_tokens_per_second) + kItem * static_cast<double>(items);
}

EvaluationPlan plan_evaluation(const Recipe& recipe, const RecipeQuestions& questions) {
  const auto [tokenizer, bytes] = planning_tokenizer(recipe);
  EvaluationPlan plan;
  plan.estimated = bytes != 1;
  for (const Questions& q : questions.planned()) {
    EvaluateOptions options = questions.options();
    options.tokens = static_cast<int64_t>(static_cast<double>(options.tokens) * bytes);
    if (q.n > 0) options.n = q.n;
    for (const auto& scenario : q.scenarios) {
      int64_t items = items_asked(*scenario, *tokenizer, options);
      if (options.n > 0) items = std::ssize(scenario->items(ItemSet::test, items));
      ++plan.scenarios;
      plan.items += items;
      plan.tokens += static_cast<double>(items) * tokens_an_item(*scenario, *tokenizer) / bytes;
    }
  }
  return plan;
}

void evaluate_run(RecipeQuestions& questions, const std::vector<fs::path>& nodes,
                  const fs::path& out, const std::string& command,
                  const std::function<bool()>& interrupted, Communicator& ranks,
                  Progress& progress) {
  EvaluateOptions options = questions.options();
  options.interrupted = interrupted;
  Database database(scores_file(out));
  database.begin_run(command, kVersion, options.seed);
  std::vector<fs::path> mine;
  for (size_t i = ranks.rank(); i < nodes.size(); i += ranks.size()) mine.push_back(nodes[i]);
  const auto questions_of = [&](const Model& model, const NodeRecord&, Progress& notes) {
    return questions.of(model, notes);
  };
  evaluate_models(mine, questions_of, database, options, progress);
  if (interrupted && interrupted())
    throw Interrupted("evaluation: interrupted; what was measured is kept",
                      "run the same command again to go on from there");
  ranks.barrier();
}

}  // namespace lineage
