#include "lineage/run/recipe_run.h"

#include "lineage/base/clock.h"
#include "lineage/base/version.h"
#include "lineage/checkpoint/manifest.h"
#include "lineage/report/growth_record.h"
#include "lineage/run/models.h"
#include "lineage/stages/preflight.h"
#include "lineage/train/machine.h"

namespace lineage {
namespace {

// The questions of a run, their files read and their names free; none: nothing is measured.
std::optional<RecipeQuestions> questions_of(const Recipe& recipe, const RunOptions& options,
                                            Progress& progress) {
  if (!options.evaluate || !recipe.evaluation.enabled) return {};
  std::optional<RecipeQuestions> questions(std::in_place, recipe, progress);
  if (questions->empty()) return {};
  if (const fs::path scores = scores_file(options.grow.out); fs::exists(scores))
    questions->check_names(Database(scores, Database::Access::read));
  return questions;
}

fs::path tree_folder(const Recipe& recipe, const RunOptions& options) {
  return options.grow.out / "trees" / recipe.name;
}

std::map<std::string, std::string> controls_of(const Recipe& recipe) {
  std::map<std::string, std::string> controls;
  for (const RecipeNode& n : recipe.nodes)
    if (n.control) controls[n.name] = n.control_of;
  return controls;
}

// Records facts that the report has no other source for.
void record_growth(const Recipe& recipe, const RunOptions& options, const std::string& started,
                   double seconds) {
  add_growth_run(tree_folder(recipe, options), recipe.toml, controls_of(recipe),
                 {options.command, describe_machine(), kVersion, started, seconds});
}

}  // namespace

std::optional<Report> run_recipe(const Recipe& recipe, const RunOptions& options,
                                 Communicator& ranks, Progress& progress) {
  auto questions = questions_of(recipe, options, ranks.rank() == 0 ? progress : silent());
  const std::string started = utc_now();
  const bool rank0 = ranks.rank() == 0;
  for (uint64_t k = 0; k < options.seeds; ++k) {
    const auto start = Clock::now();
    Recipe own = recipe;  // another model of the same world
    own.seed = recipe.seed + k;
    GrowOptions grow_options = options.grow;
    grow_options.tree = tree_of_seed(recipe, own.seed);
    grow_options.begins = [&](const std::map<std::string, int64_t>& steps) {
      begin_growth(tree_folder(recipe, options), recipe.toml, controls_of(recipe), steps);
      if (options.grow.begins) options.grow.begins(steps);
    };
    GrownTree tree{own.seed, grow(own, grow_options, ranks, progress), 0};
    tree.seconds = seconds_since(start);
    if (rank0 && options.grown) options.grown(tree);
    if (questions) {
      const auto grown = Clock::now();
      std::vector<fs::path> folders;
      for (const GrownNode& n : tree.nodes)
        if (!own.node(n.name).model.scalar_head) folders.push_back(n.folder);  // no reward models
      evaluate_run(*questions, folders, options.grow.out, options.command, options.grow.interrupted,
                   ranks, progress);
      if (rank0 && options.evaluated) options.evaluated(seconds_since(grown));
    }
    if (rank0) record_growth(recipe, options, started, seconds_since(start));
  }
  if (!rank0) return {};
  return gather_report(tree_folder(recipe, options));
}

RunPlan plan_run(const Recipe& recipe, const RunOptions& options, int ranks) {
  const auto questions = questions_of(recipe, options, silent());
  RunPlan plan;
  plan.growth = plan_growth(recipe, options.grow, ranks);
  if (questions) plan.evaluation = plan_evaluation(recipe, *questions);
  std::vector<NodeToGrow> nodes;
  for (const PlannedNode& n : plan.growth.nodes) {
    plan.training_seconds += n.seconds;
    if (plan.evaluation && !n.node->model.scalar_head)
      plan.evaluation_seconds += plan.evaluation->seconds(n.tokens_per_s);
    nodes.push_back({n.node->place, n.plan, {}});
  }
  plan.free_memory_bytes = available_memory();
  plan.free_disk_bytes = free_disk(options.grow.out);
  try {
    check_resources(nodes, options.grow.out, ranks);
  } catch (const Error& e) {
    plan.problem = e;
  }
  return plan;
}

}  // namespace lineage
