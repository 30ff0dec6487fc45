#include "lineage/cli/evaluation.h"

#include <algorithm>
#include <set>

#include "lineage/base/config.h"
#include "lineage/base/error.h"
#include "lineage/base/interrupted.h"
#include "lineage/base/version.h"
#include "lineage/cli/commands.h"
#include "lineage/eval/item_budget.h"
#include "lineage/eval/remembered_scenario.h"
#include "lineage/eval/scenarios/probe_scenario.h"
#include "lineage/world/vocabulary.h"

namespace lineage::cli {

namespace fs = std::filesystem;

namespace {

// What a scenario may be asked for by: its ability, its name, and its measures' likewise.
std::set<std::string> names_of(const ScenarioSpec& spec) {
  std::set<std::string> names = {spec.ability, spec.name};
  for (const Measure& m : spec.measures)
    names.insert(m.name), names.insert(m.name.substr(0, m.name.find('.')));
  return names;
}

}  // namespace

AbilitySuites::AbilitySuites(std::vector<std::string> only) : only_(std::move(only)) {
  // The default world's has the same names: what is not among them is told now.
  chosen_scenarios(ability_suite(std::make_shared<const World>(WorldConfig{})), only_);
}

const ScenarioList& AbilitySuites::of(const Model& model, Progress& progress) {
  const std::string& world = model.manifest.world;
  if (world.empty())
    progress.note((model.manifest.node.empty() ? "the model" : model.manifest.node) +
                  ": its manifest names no world; it is asked about the default one");
  const auto [at, fresh] = suites_.try_emplace(world);
  if (fresh) {
    const auto config = read_config<WorldConfig>(ConfigNode::parse(world, "world of the manifest"));
    for (auto& scenario :
         chosen_scenarios(ability_suite(std::make_shared<const World>(config)), only_))
      at->second.push_back(std::make_shared<RememberedScenario>(std::move(scenario)));
  }
  return at->second;
}

bool of_micro_world(const Tokenizer& tokenizer) {
  return tokenizer.digest() == Vocabulary::get().tokenizer()->digest();
}

ScenarioList chosen_scenarios(ScenarioList all, const std::vector<std::string>& only) {
  if (only.empty()) return all;
  std::set<std::string> names;
  for (const auto& s : all) names.merge(names_of(s->spec()));
  for (const std::string& name : only) {
    if (names.contains(name)) continue;
    const std::string near = nearest_name(name, std::vector(names.begin(), names.end()));
    throw Error("eval: no ability or scenario is called " + name +
                    "; wanted one as A01, or a scenario's name as A12.hop.chain",
                near.empty() ? "" : "did you mean " + near + "?");
  }
  std::erase_if(all, [&](const auto& s) {
    const auto own = names_of(s->spec());
    return std::ranges::none_of(only, [&](const std::string& name) { return own.contains(name); });
  });
  return all;
}

namespace {

EvaluateOptions options_of(const EvaluationConfig& config) {
  EvaluateOptions options;
  options.n = config.n, options.tokens = config.tokens, options.dev = config.dev;
  options.seed = config.seed;
  return options;
}

}  // namespace

EvaluationPlan plan_evaluation(const Recipe& recipe) {
  EvaluationPlan plan;
  const Tokenizer& tokenizer = *Vocabulary::get().tokenizer();
  const EvaluateOptions options = options_of(recipe.evaluation);
  for (const auto& scenario :
       chosen_scenarios(ability_suite(std::make_shared<const World>(recipe.world)),
                        recipe.evaluation.abilities)) {
    const int64_t items = items_asked(*scenario, tokenizer, options);
    ++plan.scenarios;
    plan.items += items;
    plan.tokens += static_cast<double>(items) * tokens_an_item(*scenario, tokenizer);
  }
  return plan;
}

double evaluation_seconds(const EvaluationPlan& plan, double training_tokens_per_second) {
  // Measured on models of 0.17M and 0.54M parameters (docs/log.md, 2026-11-23).
  constexpr double kRead = 3.5;     // times as fast as trained on
  constexpr double kItem = 0.0003;  // seconds of an item whatever its length: made, judged, written
  return plan.tokens / (kRead * training_tokens_per_second) +
         kItem * static_cast<double>(plan.items);
}

void evaluate_grown(const EvaluationConfig& config, AbilitySuites& suites,
                    const std::vector<GrownNode>& nodes, const fs::path& out,
                    const std::string& command, Communicator& ranks, Progress& progress) {
  EvaluateOptions options = options_of(config);
  options.interrupted = interrupted;
  Database database(out / "scores.sqlite");
  database.begin_run(command, kVersion, config.seed);
  std::vector<fs::path> mine;
  for (size_t i = static_cast<size_t>(ranks.rank()); i < nodes.size();
       i += static_cast<size_t>(ranks.size()))
    mine.push_back(nodes[i].folder);
  const auto questions = [&](const Model& model, const NodeRecord&, Progress& notes) {
    const bool known = model.tokenizer && of_micro_world(*model.tokenizer);
    return known ? suites.of(model, notes) : ScenarioList{};
  };
  evaluate_models(mine, questions, database, options, progress);
  if (interrupted())
    throw Interrupted("evaluation: interrupted; what was measured is kept",
                      "run the same command again to go on from there");
  ranks.barrier();
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

}  // namespace lineage::cli
