#include "lineage/run/evaluation.h"

#include <fmt/format.h>

#include <iterator>
#include <mutex>
#include <set>

#include "lineage/base/interrupted.h"
#include "lineage/base/parallel.h"
#include "lineage/base/side_by_side.h"
#include "lineage/base/version.h"
#include "lineage/eval/derived.h"
#include "lineage/eval/item_budget.h"
#include "lineage/eval/scenarios/probe_scenario.h"
#include "lineage/infer/engine.h"
#include "lineage/text/bpe_train.h"
#include "lineage/text/chat.h"
#include "lineage/world/vocabulary.h"

namespace lineage {

std::vector<MeasuredScenario> evaluate_models(const std::vector<fs::path>& folders,
                                              const QuestionsOf& questions_of, Database& database,
                                              const EvaluateOptions& options, Progress& progress) {
  SideBySide side_by_side(std::vector<Piece>(folders.size()), num_threads());
  JointProgress joint(progress, fmt::format("evaluating {} models", folders.size()),
                      std::vector<double>(folders.size(), 1));
  std::mutex one_at_a_time;
  std::vector<std::vector<MeasuredScenario>> measured(folders.size());
  side_by_side.run([&](size_t i) {
    EvaluateOptions own_options = options;
    own_options.interrupted = [&] {
      return side_by_side.pause(i) || (options.interrupted && options.interrupted());
    };
    if (own_options.interrupted()) return;
    Database own(database.path());
    own.join_run(database);
    Model model = load_model(folders[i]);
    const NodeRecord node = node_record(model, folders[i]);
    const auto part = joint.piece(i, node.name);
    const std::vector<Questions> questions = [&] {
      const std::scoped_lock lock(one_at_a_time);
      return questions_of(model, node, *part);
    }();
    if (questions.empty()) return;
    const auto language = language_model(*model.gpt, *model.tokenizer);
    for (const Questions& q : questions) {
      own_options.n = q.n > 0 ? q.n : options.n;
      for (std::string& digest : evaluate(*language, node, q.scenarios, own, own_options, *part))
        measured[i].push_back({node.key, std::move(digest)});
    }
  });
  derive_scores(database);  // from what all of them have written
  std::vector<MeasuredScenario> all;
  for (auto& of_model : measured) all.insert(all.end(), of_model.begin(), of_model.end());
  return all;
}

NodeRecord node_record(const Model& model, const fs::path& folder) {
  const Manifest& m = model.manifest;
  NodeRecord r;
  r.key = m.identity.empty() ? m.weights : m.identity;
  r.name = m.node.empty() ? fs::canonical(folder).filename().string() : m.node;
  r.stage = m.stage, r.weights = m.weights, r.folder = folder.string();
  r.parents = m.parents;
  r.seed = m.seed, r.tokens = m.tokens;
  r.parameters = model.parameters->values().numel();
  return r;
}

std::optional<Error> why_not_measurable(const Model& model, const NodeRecord& node,
                                        bool micro_world) {
  if (!model.tokenizer)
    return Error(node.folder + ": has no tokenizer; wanted one to read the questions with",
                 "put the tokenizer.json that it was trained with into its folder");
  if (micro_world && !of_micro_world(*model.tokenizer))
    return Error(node.folder +
                     ": reads other words than the micro-world's, whose abilities "
                     "are asked; wanted questions in files",
                 "name them with --file, see docs/formats.md");
  return {};
}

std::map<std::string, int64_t> larger_measurements(const std::vector<MeasuredScenario>& measured,
                                                   const Database& database) {
  std::map<std::string, int64_t> larger;
  for (const MeasuredScenario& m : measured)
    if (const int64_t n = database.items_of_larger(m.node, m.digest); n > 0)
      for (const ScoreRow& r : database.scores_of(m.node, m.digest))
        if (r.cell.empty() && r.n <= n) {
          larger[r.scenario] = std::max(larger[r.scenario], n);
          break;
        }
  return larger;
}

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
      const int64_t wanted = items_asked(*scenario, *tokenizer, options);
      const int64_t items = std::ssize(scenario->items(ItemSet::test, wanted));
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
  Database database(out / "scores.sqlite");
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
