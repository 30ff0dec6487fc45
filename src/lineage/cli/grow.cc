#include "lineage/stages/grow.h"

#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "lineage/base/error.h"
#include "lineage/base/folder.h"
#include "lineage/base/interrupted.h"
#include "lineage/base/version.h"
#include "lineage/checkpoint/checkpoint.h"
#include "lineage/cli/command_line.h"
#include "lineage/cli/commands.h"
#include "lineage/cli/evaluation.h"
#include "lineage/cli/options.h"
#include "lineage/comm/communicator.h"
#include "lineage/kernels/kernels.h"
#include "lineage/stages/room.h"
#include "lineage/trace/growth_record.h"
#include "lineage/train/machine.h"

namespace lineage::cli {
namespace {

struct GrowCommand {
  std::string recipe;
  GrowOptions grow;
  std::vector<std::string> sets;
  std::string out = "runs";
  uint64_t seeds = 1;
  int threads = 0;
  bool dry_run = false, json = false, check_kernels = false, keys = false, no_eval = false;
};

std::string duration(double seconds) {
  const int64_t s = static_cast<int64_t>(seconds + 0.5);
  if (s < 60) return fmt::format("{} s", s);
  if (s < 3600) return fmt::format("{} min {:02} s", s / 60, s % 60);
  constexpr int64_t kDay = 86400, kYear = 365 * kDay;
  if (s < 3 * kDay) return fmt::format("{} h {:02} min", s / 3600, s / 60 % 60);
  if (s < 3 * kYear) return fmt::format("{} days", s / kDay);
  return fmt::format("{} years", s / kYear);
}

// Whether the nodes are asked anything once they are grown.
bool evaluates(const GrowCommand& o, const Recipe& recipe) {
  return recipe.tokenizer.kind == TokenizerKind::world && recipe.evaluation.enabled && !o.no_eval;
}

// All that --dry-run tells.
struct DryRun {
  GrowPlan plan;
  std::optional<EvaluationPlan> evaluation;
  double training_seconds = 0, evaluation_seconds = 0;  // of a seed
  std::string problem;                                  // why it does not fit; empty: it does
};

DryRun plan_run(const GrowCommand& o, const Recipe& recipe, int ranks) {
  DryRun run{plan_growth(recipe, o.grow, ranks), {}, 0, 0, {}};
  for (const PlannedNode& n : run.plan.nodes) run.training_seconds += n.seconds;
  if (evaluates(o, recipe)) {
    run.evaluation = plan_evaluation(recipe);
    for (const PlannedNode& n : run.plan.nodes)
      run.evaluation_seconds += evaluation_seconds(*run.evaluation, n.tokens_per_s);
  }
  return run;
}

void print_plan(const GrowCommand& o, const Recipe& recipe, const DryRun& run) {
  fmt::print("{}: {} nodes; this machine multiplies matrices at {:.0f} GFLOP/s\n\n", recipe.name,
             run.plan.nodes.size(), run.plan.peak_gflops);
  fmt::print("{:24} {:10} {:>12} {:>14} {:>8} {:>9} {:>10} {:>10}  {}\n", "node", "stage",
             "parameters", "tokens", "steps", "PFLOP", "memory", "disk", "time here");
  for (const PlannedNode& n : run.plan.nodes)
    fmt::print("{:24} {:10} {:>12} {:>14} {:>8} {:>9.3f} {:>10} {:>10}  {}\n", n.node->name,
               n.node->stage, n.plan.parameters,
               (n.plan.estimated ? "~" : "") + std::to_string(n.plan.tokens), n.plan.steps,
               n.plan.flops * 1e-15, size_text(n.plan.memory_bytes), size_text(n.plan.disk_bytes),
               duration(n.seconds));
  fmt::print("\ntraining, with what is measured on the way: {}\n", duration(run.training_seconds));
  if (run.evaluation)
    fmt::print("evaluation: {} items of {} question sets a node, {} nodes: {}\n",
               run.evaluation->items, run.evaluation->scenarios, run.plan.nodes.size(),
               duration(run.evaluation_seconds));
  const double all = run.training_seconds + run.evaluation_seconds;
  if (o.seeds > 1)
    fmt::print("all of a seed: {}; {} seeds: {}", duration(all), o.seeds,
               duration(all * static_cast<double>(o.seeds)));
  else
    fmt::print("all: {}", duration(all));
  fmt::print("; what is grown and measured already is skipped\n");
  fmt::print("free here: {} of memory, {} of disk in {}\n", size_text(available_memory()),
             size_text(free_disk(o.out)), o.out);
}

nlohmann::json plan_json(const GrowCommand& o, const Recipe& recipe, const DryRun& run) {
  nlohmann::json nodes = nlohmann::json::array();
  for (const PlannedNode& n : run.plan.nodes)
    nodes.push_back({{"node", n.node->name},
                     {"stage", n.node->stage},
                     {"parents", n.node->parents},
                     {"parameters", n.plan.parameters},
                     {"tokens", n.plan.tokens},
                     {"tokens_estimated", n.plan.estimated},
                     {"steps", n.plan.steps},
                     {"flops", n.plan.flops},
                     {"memory_bytes", n.plan.memory_bytes},
                     {"disk_bytes", n.plan.disk_bytes},
                     {"tokens_per_s", n.tokens_per_s},
                     {"seconds", n.seconds}});
  nlohmann::json json = {
      {"recipe", recipe.name},
      {"seeds", o.seeds},
      {"nodes", nodes},
      {"peak_gflops", run.plan.peak_gflops},
      {"training_seconds", run.training_seconds},
      {"evaluation_seconds", run.evaluation_seconds},
      {"seconds", (run.training_seconds + run.evaluation_seconds) * static_cast<double>(o.seeds)},
      {"free_memory_bytes", available_memory()},
      {"free_disk_bytes", free_disk(o.out)},
      {"fits", run.problem.empty()},
      {"problem", run.problem}};
  if (run.evaluation)
    json["evaluation"] = {{"items", run.evaluation->items}, {"sets", run.evaluation->scenarios}};
  return json;
}

// The plan, and an Error after it when this machine has no room for it.
void dry_run(const GrowCommand& o, const Recipe& recipe, int ranks) {
  fmt::print(stderr,
             "plan: measuring this machine for a few seconds; nothing is trained or written\n");
  DryRun run = plan_run(o, recipe, ranks);
  std::vector<NodeToGrow> nodes;
  for (const PlannedNode& n : run.plan.nodes) nodes.push_back({n.node->place, n.plan, {}});
  std::optional<Error> problem;
  try {
    check_room(nodes, o.out, ranks);
  } catch (const Error& e) {
    problem = e;
    run.problem = e.what();
  }
  if (o.json)
    fmt::print("{}\n", plan_json(o, recipe, run).dump(2));
  else
    print_plan(o, recipe, run);
  std::fflush(stdout);
  if (problem) throw *problem;
}

// `seed` is told where there are several; 0: there is one.
void print_grown(const std::vector<GrownNode>& nodes, uint64_t seed, double seconds) {
  fmt::print("\n{}grown in {}:\n", seed ? fmt::format("seed {} ", seed) : "", duration(seconds));
  for (const GrownNode& n : nodes) {
    const Checkpoint checkpoint = Checkpoint::open(n.folder);
    fmt::print("  {:20} {}  {}", n.name, checkpoint.manifest().weights.substr(0, 12),
               n.folder.string());
    for (const auto& [source, record] : checkpoint.manifest().datasets)
      if (record.contains("heldout_bits_per_byte"))
        fmt::print("  {} {:.3f} bits/byte", source,
                   record.at("heldout_bits_per_byte").get<double>());
    fmt::print("\n");
  }
}

// For the report, which cannot know it otherwise.
void record_growth(const GrowCommand& o, const Recipe& recipe, const std::string& started,
                   double seconds) {
  std::map<std::string, std::string> controls;
  for (const RecipeNode& n : recipe.nodes)
    if (n.control) controls[n.name] = n.control_of;
  add_growth_run(fs::path(o.out) / "trees" / recipe.name, recipe.toml, controls,
                 {command_as_typed(), describe_machine(), kVersion, started, seconds});
}

Recipe read_recipe(const GrowCommand& o) {
  if (o.recipe != "-") return load_recipe(o.recipe, o.sets, home_folder());
  const std::string toml(std::istreambuf_iterator<char>(std::cin), {});
  return parse_recipe(toml, "stdin", o.sets, home_folder());
}

fs::path page_place(const GrowCommand& o, const Recipe& recipe) {
  return fs::path(o.out) / (recipe.name + ".html");
}

void run(GrowCommand o) {
  if (o.keys) {
    fmt::print("{}", recipe_reference());
    return;
  }
  if (o.recipe.empty())
    throw UsageError("grow: RECIPE is missing", "RECIPE is a TOML file; recipes/ has some");
  if (o.json && !o.dry_run)
    throw UsageError("grow: --json without --dry-run; wanted both",
                     "of what is grown, `lineage report RUN --json` tells");
  set_threads(o.threads);
  const Recipe recipe = read_recipe(o);
  o.grow.out = o.out;
  if (const fs::path page = page_place(o, recipe); fs::exists(page)) check_report_place(page);
  o.grow.interrupted = interrupted;
  const auto ranks = mpi();
  if (ranks->rank() == 0)
    for (const std::string& note : recipe.notes) fmt::print(stderr, "{}\n", note);
  try {
    if (o.dry_run) {
      if (ranks->rank() == 0) dry_run(o, recipe, ranks->size());
      return;
    }
    std::unique_ptr<Kernels> checking;
    std::unique_ptr<UseKernels> use;
    if (o.check_kernels) {
      constexpr double kTolerance = 1e-6;  // normalised mean squared error
      checking = checked(cpu_kernels(), reference_kernels(), kTolerance);
      use = std::make_unique<UseKernels>(*checking);
    }
    catch_interrupts();
    const auto terminal = terminal_progress();
    Progress& progress = ranks->rank() == 0 ? *terminal : silent();
    const std::string started = utc_now();
    const auto start = std::chrono::steady_clock::now();
    const auto took = [&] {
      return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    };
    std::unique_ptr<AbilitySuites> suites;
    if (evaluates(o, recipe)) suites = std::make_unique<AbilitySuites>(recipe.evaluation.abilities);
    for (uint64_t k = 0; k < o.seeds; ++k) {
      const double before = took();
      Recipe own = recipe;  // another model of the same world
      own.seed = recipe.seed + k;
      o.grow.tree = tree_of_seed(recipe, own.seed);
      const auto nodes = grow(own, o.grow, *ranks, progress);
      if (ranks->rank() == 0) print_grown(nodes, o.seeds > 1 ? own.seed : 0, took() - before);
      if (suites) {
        const double grown = took();
        evaluate_grown(own.evaluation, *suites, nodes, o.out, command_as_typed(), *ranks, progress);
        if (ranks->rank() == 0) fmt::print("\nevaluated in {}\n", duration(took() - grown));
      }
      if (ranks->rank() != 0) continue;
      record_growth(o, recipe, started, took() - before);
    }
    if (ranks->rank() == 0)
      write_report(fs::path(o.out) / "trees" / recipe.name, page_place(o, recipe));
  } catch (const Interrupted&) {
    throw;  // all ranks are, and each ends by itself
  } catch (const std::exception& e) {
    if (ranks->size() > 1) {  // the others would wait for this rank in vain
      const auto* error = dynamic_cast<const Error*>(&e);
      const std::string hint = error ? error->hint() : "";
      fmt::print(stderr, "error: rank {}: {}\n{}{}\n", ranks->rank(), e.what(),
                 hint.empty() ? "" : "help:  ", hint);
      ranks->abandon();
    }
    throw;
  }
}

}  // namespace

void add_grow(CLI::App& app) {
  auto o = std::make_shared<GrowCommand>();
  CLI::App* c = app.add_subcommand("grow", "Grow the models of a recipe, or go on with them");
  c->group("Grow and measure");
  const std::string what = "What is grown", how = "Where and how", look = "Look without growing";
  add_path(c, "RECIPE", o->recipe, "a TOML file, - for standard input; recipes/ has some");
  add_sets(c, o->sets)->group(what);
  add_names(c, "--node", o->grow.nodes, "NAME", "only this node and its ancestors; may be repeated")
      ->group(what);
  add_number(c, "--seeds", o->seeds, between(1, 1'000'000),
             "grow so many trees, of the recipe's seed and those after it; the world stays")
      ->group(what);
  c->add_flag("--no-eval", o->no_eval, "leave out what the recipe's [evaluation] asks the nodes")
      ->group(what);
  add_path(c, "-o,--out", o->out, "the run folder")->group(how);
  o->grow.at_once = 0;
  add_number(c, "-j,--jobs", o->grow.at_once, between(0, kMaxThreads),
             "nodes that may grow side by side, sharing the threads; 0: as many as threads")
      ->group(how);
  add_threads(c, o->threads)->group(how);
  c->add_flag("--check-kernels", o->check_kernels,
              "run every kernel beside its reference and stop at a difference (slow)")
      ->group(how);
  c->add_flag("--dry-run", o->dry_run,
              "print the plan: tokens, FLOPs, memory, questions, time on this machine; exit status "
              "1 when it does not fit")
      ->group(look);
  c->add_flag("--json", o->json, "with --dry-run: the plan as one JSON object, times in seconds")
      ->group(look);
  c->add_flag("--keys", o->keys, "print every key of a recipe, its default and meaning")
      ->group(look);
  c->footer(
      "Examples:\n"
      "  lineage grow recipes/gpt35-nano.toml --dry-run\n"
      "  lineage grow recipes/gpt35-nano.toml --out runs --node davinci --set seed=7\n\n"
      "SIGINT, SIGTERM, SIGHUP and SIGUSR1 save the state; the exit status then is 75, and the "
      "same\n"
      "command goes on from there.");
  c->callback([o] { run(*o); });
}

}  // namespace lineage::cli
