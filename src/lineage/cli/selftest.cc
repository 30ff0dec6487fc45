#include <fmt/format.h>

#include <map>
#include <string>
#include <vector>

#include "lineage/base/error.h"
#include "lineage/cli/commands.h"
#include "lineage/cli/cpython.h"
#include "lineage/cli/options.h"
#include "lineage/cli/random_program.h"
#include "lineage/sandbox/sandbox.h"
#include "lineage/world/minipy/corpus/code_corpus.h"
#include "lineage/world/minipy/words.h"

namespace lineage::cli {
namespace {

struct SelftestOptions {
  bool cpython = false, sandbox = false;
  int64_t programs = 5000;
  uint64_t seed = 1;
  int64_t show = 3;
  std::string python = "python3";
};

// Whether CPython can end the same way: not by a limit or a gap of our own.
bool comparable(minipy::Outcome outcome) {
  return outcome < minipy::Outcome::syntax_error && outcome != minipy::Outcome::recursion_error;
}

struct ProgramRuns {
  std::vector<std::string> programs;
  std::vector<minipy::RunResult> results;
  int64_t passed_over = 0;  // they met one of our limits
};

// A program of the code corpus, as source; sessions and fixes of bugs are more than one program.
std::string corpus_program(const CodeCorpus& corpus, int64_t index) {
  const Document d = corpus.document(index % corpus.documents());
  if (d.type == DocumentType::repl || d.type == DocumentType::bugfix) return {};
  const std::span<const Token> words(d.tokens.data() + 1, d.tokens.size() - 2);
  return minipy::source(minipy::read_words(words).items);
}

// Half of the corpus, half wider.
ProgramRuns sample(const SelftestOptions& o) {
  const CodeCorpus corpus({}, o.seed, 200 * o.programs + 10000);
  minipy::RunOptions options;
  options.limits.steps = 20000;
  ProgramRuns s;
  for (int64_t i = 0; static_cast<int64_t>(s.programs.size()) < o.programs; ++i) {
    std::string program = i % 2 ? corpus_program(corpus, i) : minipy::random_program(o.seed, i);
    if (program.empty()) continue;
    minipy::RunResult result = minipy::run_source(program, options);
    // Recursion without end is meant in some programs; CPython has the same class for it.
    const bool endless = result.outcome == minipy::Outcome::recursion_error;
    if (!comparable(result.outcome) && !endless) {
      require(result.outcome != minipy::Outcome::syntax_error, "selftest: program ", i, " of seed ",
              o.seed, " does not parse: ", result.message, "\n", program);
      ++s.passed_over;
      continue;
    }
    s.programs.push_back(std::move(program));
    s.results.push_back(std::move(result));
  }
  return s;
}

// The built-in interpreter against CPython on random programs: their outputs and exceptions.
void cpython(const SelftestOptions& o) {
  const ProgramRuns s = sample(o);
  const std::vector<PythonRun> python = run_cpython(o.python, s.programs);
  std::map<std::string_view, int64_t> outcomes;
  int64_t differ = 0;
  for (size_t i = 0; i < s.programs.size(); ++i) {
    const minipy::RunResult& ours = s.results[i];
    const std::string_view name = minipy::outcome_name(ours.outcome);
    ++outcomes[name.empty() ? "clean" : name];
    if (ours.output == python[i].output && name == python[i].exception) continue;
    if (++differ <= o.show)
      fmt::print("--- program\n{}--- minipy ({}: {})\n{}--- CPython ({})\n{}\n", s.programs[i],
                 name, ours.message, ours.output, python[i].exception, python[i].output);
  }
  fmt::print("{} programs against {}: {} differ; {} passed over at a limit of minipy\n",
             s.programs.size(), python_version(o.python), differ, s.passed_over);
  for (const auto& [name, n] : outcomes) fmt::print("  {:<20} {:>6}\n", name, n);
  if (differ > 0)
    throw Error(fmt::format("selftest: minipy and CPython differ on {} of {} programs; wanted none",
                            differ, s.programs.size()));
}

// Whether programs that models write can be run here. Making a sandbox tries its walls.
void sandbox() {
  const Sandbox made;
  const ProgramRun run = made.run("import sys\nprint(*sys.version_info[:3], sep='.')\n");
  if (run.ending != Ending::passed)
    throw Error(
        fmt::format("selftest: the sandbox's walls hold, and a program that prints Python's "
                    "version {}: {}; wanted it to pass",
                    ending_name(run.ending), run.error_tail));
  fmt::print("the sandbox works: {} runs Python {} ({}) without network, files or rights\n",
             made.tools().bwrap.string(), run.output.substr(0, run.output.find('\n')),
             made.tools().python.string());
}

}  // namespace

void add_selftest(CLI::App& app) {
  auto o = std::make_shared<SelftestOptions>();
  CLI::App* c = app.add_subcommand("selftest", "Check this build against independent programs");
  c->group("Look and check");
  c->add_flag("--cpython", o->cpython, "run random minipy programs here and in CPython");
  c->add_flag("--sandbox", o->sandbox, "see whether programs that models write can be run here");
  add_number(c, "--programs", o->programs, between(1, kManyTokens), "how many");
  add_seed(c, "--seed", o->seed, "of the programs");
  add_number(c, "--show", o->show, between(0, kManyTokens), "differences to print");
  add_path(c, "--python", o->python, "the CPython to run");
  c->footer("Examples:\n  lineage selftest --cpython --programs 500\n  lineage selftest --sandbox");
  c->callback([o, c] {
    if (!o->cpython && !o->sandbox)
      throw UsageError("selftest: no check is chosen; wanted --cpython or --sandbox");
    for (const char* option : {"--programs", "--seed", "--show", "--python"})
      if (!o->cpython && c->count(option) > 0)
        throw UsageError(fmt::format("selftest: {} without --cpython; wanted both", option));
    if (o->cpython) cpython(*o);
    if (o->sandbox) sandbox();
  });
}

}  // namespace lineage::cli
