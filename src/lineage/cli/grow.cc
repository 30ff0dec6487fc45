#include <fmt/format.h>

#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "lineage/base/error.h"
#include "lineage/base/interrupted.h"
#include "lineage/checkpoint/checkpoint.h"
#include "lineage/cli/command_line.h"
#include "lineage/cli/commands.h"
#include "lineage/cli/options.h"
#include "lineage/comm/communicator.h"
#include "lineage/kernels/kernels.h"
#include "lineage/run/models.h"
#include "lineage/run/recipe_run.h"
#include "lineage/stages/preflight.h"

namespace lineage::cli {
namespace {

struct GrowCommand {
  std::string recipe;
  RunOptions run;
  std::vector<std::string> sets;
  std::string out = "runs";
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

void print_plan(const GrowCommand& o, const Recipe& recipe, const RunPlan& plan) {
  fmt::print("{}: {} nodes; this machine multiplies matrices at {:.0f} GFLOP/s\n\n", recipe.name,
             plan.growth.nodes.size(), plan.growth.peak_gflops);
  fmt::print("{:24} {:10} {:>12} {:>14} {:>8} {:>9} {:>10} {:>10}  {}\n", "node", "stage",
             "parameters", "tokens", "steps", "PFLOP", "memory", "disk", "time here");
  for (const PlannedNode& n : plan.growth.nodes)
    fmt::print("{:24} {:10} {:>12} {:>14} {:>8} {:>9.3f} {:>10} {:>10}  {}\n", n.node->name,
               n.node->stage, n.plan.parameters,
               (n.plan.estimated ? "~" : "") + std::to_string(n.plan.tokens), n.plan.steps,
               n.plan.flops * 1e-15, size_text(n.plan.memory_bytes), size_text(n.plan.disk_bytes),
               duration(n.seconds));
  fmt::print("\ntraining, with what is measured on the way: {}\n", duration(plan.training_seconds));
  if (plan.evaluation)
    fmt::print("evaluation: {}{} items of {} question sets a node, {} nodes: {}\n",
               plan.evaluation->estimated ? "about " : "", plan.evaluation->items,
               plan.evaluation->scenarios, plan.growth.nodes.size(),
               duration(plan.evaluation_seconds));
  const double all = plan.training_seconds + plan.evaluation_seconds;
  if (o.run.seeds > 1)
    fmt::print("all of a seed: {}; {} seeds: {}", duration(all), o.run.seeds,
               duration(all * static_cast<double>(o.run.seeds)));
  else
    fmt::print("all: {}", duration(all));
  fmt::print("; what is grown and measured already is skipped\n");
  fmt::print("free here: {} of memory, {} of disk in {}\n", size_text(plan.free_memory_bytes),
             size_text(plan.free_disk_bytes), o.out);
}

nlohmann::json plan_json(const GrowCommand& o, const Recipe& recipe, const RunPlan& plan) {
  nlohmann::json nodes = nlohmann::json::array();
  for (const PlannedNode& n : plan.growth.nodes)
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
  nlohmann::json json = {{"recipe", recipe.name},
                         {"seeds", o.run.seeds},
                         {"nodes", nodes},
                         {"peak_gflops", plan.growth.peak_gflops},
                         {"training_seconds", plan.training_seconds},
                         {"evaluation_seconds", plan.evaluation_seconds},
                         {"seconds", (plan.training_seconds + plan.evaluation_seconds) *
                                         static_cast<double>(o.run.seeds)},
                         {"free_memory_bytes", plan.free_memory_bytes},
                         {"free_disk_bytes", plan.free_disk_bytes},
                         {"fits", !plan.problem},
                         {"problem", plan.problem ? plan.problem->what() : ""}};
  if (plan.evaluation)
    json["evaluation"] = {{"items", plan.evaluation->items},
                          {"sets", plan.evaluation->scenarios},
                          {"estimated", plan.evaluation->estimated}};
  return json;
}

// Prints the plan; throws after it when this machine has no room for it.
void dry_run(const GrowCommand& o, const Recipe& recipe, int ranks) {
  fmt::print(stderr,
             "plan: measuring this machine for a few seconds; nothing is trained or written\n");
  const RunPlan plan = plan_run(recipe, o.run, ranks);
  if (o.json)
    fmt::print("{}\n", plan_json(o, recipe, plan).dump(2));
  else
    print_plan(o, recipe, plan);
  std::fflush(stdout);
  if (plan.problem) throw *plan.problem;
}

// Says the tree's seed when the run has several.
void print_grown(const GrownTree& tree, bool several) {
  fmt::print("\n{}grown in {}:\n", several ? fmt::format("seed {} ", tree.seed) : "",
             duration(tree.seconds));
  for (const GrownNode& n : tree.nodes) {
    const Checkpoint checkpoint = Checkpoint::open(n.folder);
    fmt::print("  {:20} {}  {}", n.name, short_digest(checkpoint.manifest().weights),
               n.folder.string());
    for (const auto& [source, record] : checkpoint.manifest().datasets)
      if (record.contains("heldout_bits_per_byte"))
        fmt::print("  {} {:.3f} bits/byte", source,
                   record.at("heldout_bits_per_byte").get<double>());
    fmt::print("\n");
  }
}

Recipe read_recipe(const GrowCommand& o) {
  if (o.recipe != "-") return load_recipe(o.recipe, o.sets, home_folder());
  const std::string toml(std::istreambuf_iterator<char>(std::cin), {});
  return parse_recipe(toml, "stdin", o.sets, home_folder());
}

// Ends the other ranks, which would wait for this one forever; prints the error that they cannot
// see.
void abandon(Communicator& ranks, const std::exception& e) {
  const auto* error = dynamic_cast<const Error*>(&e);
  const std::string hint = error ? error->hint() : "";
  fmt::print(stderr, "error: rank {}: {}\n{}{}\n", ranks.rank(), e.what(),
             hint.empty() ? "" : "help:  ", hint);
  ranks.abandon();
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
                     "`lineage report RUN --json` describes a grown tree");
  set_threads(o.threads);
  const Recipe recipe = read_recipe(o);
  const fs::path page = fs::path(o.out) / (recipe.name + ".html");
  if (fs::exists(page)) check_report_place(page);
  o.run.grow.out = o.out;
  o.run.grow.interrupted = interrupted;
  o.run.evaluate = !o.no_eval;
  o.run.command = command_as_typed();
  o.run.grown = [&](const GrownTree& tree) { print_grown(tree, o.run.seeds > 1); };
  o.run.evaluated = [](double seconds) { fmt::print("\nevaluated in {}\n", duration(seconds)); };
  const auto ranks = mpi();
  const bool rank0 = ranks->rank() == 0;
  if (rank0)
    for (const std::string& note : recipe.notes) fmt::print(stderr, "{}\n", note);
  try {
    if (o.dry_run) {
      if (rank0) dry_run(o, recipe, ranks->size());
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
    const auto report = run_recipe(recipe, o.run, *ranks, rank0 ? *terminal : silent());
    if (report) write_page(*report, page);
  } catch (const Interrupted&) {
    throw;  // all ranks are, and each ends by itself
  } catch (const std::exception& e) {
    if (ranks->size() > 1) abandon(*ranks, e);
    throw;
  }
}

}  // namespace

void add_grow(CLI::App& app) {
  auto o = std::make_shared<GrowCommand>();
  CLI::App* c = app.add_subcommand("grow", "Grow the models of a recipe, or go on with them");
  c->group("Grow and measure");
  const std::string what = "What to grow", how = "Where and how", look = "Look without growing";
  add_path(c, "RECIPE", o->recipe, "a TOML file, - for standard input; recipes/ has some");
  add_sets(c, o->sets)->group(what);
  add_names(c, "--node", o->run.grow.nodes, "NAME",
            "only this node and its ancestors; may be repeated")
      ->group(what);
  add_number(c, "--seeds", o->run.seeds, between(1, 1'000'000),
             "grow so many trees, of the recipe's seed and those after it; the world stays")
      ->group(what);
  c->add_flag("--no-eval", o->no_eval,
              "do not evaluate the nodes, whatever the recipe's [evaluation] says")
      ->group(what);
  add_path(c, "-o,--out", o->out, "the run folder")->group(how);
  o->run.grow.at_once = 0;
  add_number(c, "-j,--jobs", o->run.grow.at_once, between(0, kMaxThreads),
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
