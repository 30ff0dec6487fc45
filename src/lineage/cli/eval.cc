#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <tuple>

#include "lineage/base/error.h"
#include "lineage/base/interrupted.h"
#include "lineage/base/version.h"
#include "lineage/cli/command_line.h"
#include "lineage/cli/commands.h"
#include "lineage/cli/options.h"
#include "lineage/eval/scenarios/file_scenario.h"
#include "lineage/run/evaluation.h"
#include "lineage/run/models.h"
#include "lineage/run/program_sandbox.h"
#include "lineage/run/suites.h"
#include "lineage/stages/evaluation_config.h"

namespace lineage::cli {
namespace {

struct EvalOptions {
  std::string target, db;
  std::vector<std::string> abilities, files;
  FileScenarioOptions file;
  bool skip_malformed = false, complexity = false, json = false, cells = false;
  std::string chain_prompt, preamble, examples;
  EvaluateOptions evaluate;
  int threads = 0;
};

std::vector<fs::path> models_of(const fs::path& target) {
  const auto models = find_models(target);
  if (models.empty())
    throw Error(target.string() + ": holds no model; wanted a checkpoint's folder or a run's",
                "lineage grow RECIPE --out " + target.string());
  return Checkpoint::exists(target) ? std::vector<fs::path>{target} : distinct_folders(models);
}

ScenarioList questions_of(const EvalOptions& o, Progress& progress) {
  if (o.files.empty()) {
    require(o.file.name.empty(), "--name ", o.file.name, ": no file is named; wanted --file FILE");
    return {};
  }
  return chosen_scenarios(file_scenarios({o.files.begin(), o.files.end()}, o.file, progress),
                          o.abilities);
}

// Models of one name, as of several seeds or trees, are distinguished like their folders.
void tell_apart(std::vector<ScoreRow>& rows) {
  constexpr size_t kDigits = 12;
  std::map<std::string, std::set<std::string>> keys;
  for (const ScoreRow& r : rows) keys[r.node_name].insert(r.node);
  for (ScoreRow& r : rows)
    if (keys[r.node_name].size() > 1) r.node_name += "-" + r.node.substr(0, kDigits);
}

// The rows that are printed without --cells: rows of their own, those whose parent row was not
// measured, and those named with --ability.
std::vector<ScoreRow> main_rows(const std::vector<ScoreRow>& rows,
                                const std::vector<std::string>& named) {
  std::set<std::pair<std::string, std::string>> measured;
  for (const ScoreRow& r : rows) measured.insert({r.node, r.scenario});
  std::vector<ScoreRow> result;
  for (const ScoreRow& r : rows)
    if (r.cell.empty() && (r.parent_row.empty() || !measured.contains({r.node, r.parent_row}) ||
                           std::ranges::find(named, r.scenario) != named.end()))
      result.push_back(r);
  return result;
}

// "-" where there is none.
std::string number(double value, int width = 0) {
  return std::isfinite(value) ? fmt::format("{:{}.3f}", value, width)
                              : fmt::format("{:>{}}", "-", width);
}

std::string interval(double low, double high) {
  if (!std::isfinite(low) || !std::isfinite(high)) return "-";
  return fmt::format("[{:.3f}, {:.3f}]", low, high);
}

void print_table(const std::vector<ScoreRow>& rows) {
  size_t node = 4, scenario = 8;
  for (const ScoreRow& r : rows) {
    node = std::max(node, r.node_name.size());
    scenario = std::max(scenario, r.scenario.size() + (r.cell.empty() ? 0 : r.cell.size() + 1));
  }
  fmt::print("{:{}}  {:{}}  {:>6}  {:>15}  {:>6}  {:>9}  {:>6}  {:>5}  {:>4}  {}\n", "node", node,
             "scenario", scenario, "score", "95 % interval", "chance", "nats/tok", "format", "n",
             "seed", "template");
  for (const ScoreRow& r : rows) {
    const std::string name = r.cell.empty() ? r.scenario : r.scenario + "/" + r.cell;
    if (r.n == 0) {
      fmt::print("{:{}}  {:{}}  {}\n", r.node_name, node, name, scenario, r.not_measurable);
      continue;
    }
    std::string notes;
    if (r.skipped) notes += fmt::format("  {} too long", r.skipped);
    if (r.truncated) notes += fmt::format("  {} cut to fit", r.truncated);
    if (!r.not_measurable.empty()) notes += "  " + r.not_measurable;
    fmt::print("{:{}}  {:{}}  {}  {:>15}  {}  {}  {}  {:5}  {:4}  {}{}\n", r.node_name, node, name,
               scenario, number(r.score, 6), interval(r.low, r.high), number(r.chance, 6),
               number(r.log_likelihood, 9), number(r.format, 6), r.n, r.seed, r.prompt_template,
               notes);
  }
}

nlohmann::json json_of(const ScoreRow& r) {
  nlohmann::json j = {{"node", r.node_name},
                      {"key", r.node},
                      {"ability", r.ability},
                      {"scenario", r.scenario},
                      {"cell", r.cell},
                      {"template", r.prompt_template},
                      {"n", r.n},
                      {"seed", r.seed},
                      {"skipped", r.skipped},
                      {"truncated", r.truncated},
                      {"not_measurable", r.not_measurable}};
  if (r.n > 0)
    j.update({{"score", r.score},
              {"low", r.low},
              {"high", r.high},
              {"chance", r.chance},
              {"shuffled", r.shuffled},
              {"nats_per_token", r.log_likelihood},
              {"format", r.format}});
  return j;
}

// A small try leaves larger measurements in their place.
void note_larger(const std::map<std::string, int64_t>& larger, Progress& progress) {
  if (larger.empty()) return;
  std::string names;
  int64_t most = 0;
  for (const auto& [name, n] : larger) {
    names += (names.empty() ? "" : ", ") + name;
    most = std::max(most, n);
  }
  progress.note(
      fmt::format("the database has measurements with more items (up to {}), which reports "
                  "go on to show: {}",
                  most, names));
}

void eval(EvalOptions o) {
  set_threads(o.threads);
  o.file.items.malformed = o.skip_malformed ? Malformed::skip : Malformed::error;
  o.file.chain_prompt = o.chain_prompt, o.file.preamble = o.preamble;
  o.file.examples = o.examples, o.file.program_runner = sandboxed_programs;
  if (o.complexity) o.file.vote = PromptSpec::Vote::complexity;
  const auto models = models_of(o.target);
  const auto progress = terminal_progress();
  const ScenarioList from_files = questions_of(o, *progress);
  const bool micro_world = o.files.empty();
  AbilitySuites suites(micro_world ? o.abilities : std::vector<std::string>());
  Database database(o.db.empty() ? scores_file(o.target) : fs::path(o.db));
  check_file_names(from_files, database, "name the questions of this file with --name");
  database.begin_run(command_as_typed(), kVersion, o.evaluate.seed);
  o.evaluate.interrupted = interrupted;
  std::vector<Error> left_out;
  const auto questions_of_model = [&](const Model& model, const NodeRecord& node, Progress& notes) {
    const auto why = why_not_measurable(model, node, micro_world);
    if (why) left_out.push_back(*why);
    return why ? std::vector<Questions>()
               : std::vector<Questions>{{micro_world ? suites.of(model, notes) : from_files}};
  };
  const auto measured =
      evaluate_models(models, questions_of_model, database, o.evaluate, *progress);
  if (interrupted())
    throw Interrupted("eval: interrupted; what was measured is kept in " + database.path().string(),
                      "the same command goes on from there");
  if (left_out.size() == models.size()) throw left_out[0];
  for (const Error& why : left_out) progress->note(std::string("left out: ") + why.what());
  note_larger(larger_measurements(measured, database), *progress);
  std::vector<ScoreRow> rows;
  for (const MeasuredScenario& m : measured)
    for (ScoreRow& r : database.scores_of(m.node, m.digest)) rows.push_back(std::move(r));
  tell_apart(rows);
  std::ranges::stable_sort(rows, {}, [](const ScoreRow& r) {
    return std::tie(r.ability, r.scenario, r.cell, r.node_name);
  });
  if (o.json) {
    nlohmann::json all = nlohmann::json::array();
    for (const ScoreRow& r : rows) all.push_back(json_of(r));
    fmt::print("{}\n", all.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
    return;
  }
  const auto shown = o.cells ? rows : main_rows(rows, o.abilities);
  print_table(shown);
  if (shown.size() < rows.size())
    fmt::print("{} further rows, of cells, conditions and measures: --cells\n",
               rows.size() - shown.size());
}

}  // namespace

void add_eval(CLI::App& app) {
  auto o = std::make_shared<EvalOptions>();
  o->evaluate.tokens = EvaluationConfig{}.tokens;
  CLI::App* c = app.add_subcommand("eval", "Measure what models can do, into a database of scores");
  c->group("Grow and measure");
  add_path(c, "MODEL", o->target, "a checkpoint's folder, or a run's: all of its nodes")
      ->required();
  add_names(c, "--ability", o->abilities, "NAME", "only these abilities or scenarios, A01,A08",
            ',');
  add_paths(c, "--file", o->files, "questions in a file or a folder of files; may be repeated");
  add_name(c, "--name", o->file.name, "NAME", "what a file's questions are called in the scores");
  add_names(c, "--leave-out", o->file.items.leave_out, "KEY",
            "keys of a file's records that are no part of its questions", ',');
  add_number(c, "-n,--n", o->evaluate.n, between(1, kManyTokens),
             "items a scenario; default: its own number, within --tokens")
      ->default_str("");
  add_number(c, "--tokens", o->evaluate.tokens, between(0, int64_t{1} << 50),
             "a scenario's prompts take about so many tokens; 0: its own number of items");
  add_seed(c, "--seed", o->evaluate.seed, "of demonstrations and draws");
  add_number(c, "--shots", o->file.shots, between(0, 10'000),
             "demonstrations before each question of a file");
  c->add_flag("--chain", o->file.chain, "ask files for a chain of thought");
  add_path(
      c, "--examples", o->examples,
      "a file or folder whose first questions are the demonstrations; all of --file are asked");
  add_path(c, "--preamble", o->preamble, "a text before every question of a file");
  add_path(c, "--chain-prompt", o->chain_prompt,
           "a text with worked examples for --chain, or a folder with one for each file");
  add_number(c, "--samples", o->file.samples, between(1, 10'000),
             "chains a question, whose answers vote; or programs, for pass@k");
  c->add_flag("--complexity", o->complexity, "only the half of the chains with most steps votes");
  c->add_flag("--skip-malformed", o->skip_malformed, "leave out bad lines of files");
  c->add_flag("--again", o->evaluate.again, "measure also what the database has");
  add_path(c, "--db", o->db, "the database; default: scores.sqlite in the run's folder");
  add_threads(c, o->threads);
  c->add_flag("--cells", o->cells, "print every row: cells, conditions, measures");
  c->add_flag("--json", o->json, "all scores as JSON");
  c->callback([o] { catch_interrupts(), eval(*o); });
}

}  // namespace lineage::cli
