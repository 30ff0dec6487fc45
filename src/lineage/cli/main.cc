#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <system_error>

#include "lineage/base/error.h"
#include "lineage/base/interrupted.h"
#include "lineage/base/parallel.h"
#include "lineage/base/system_error.h"
#include "lineage/base/version.h"
#include "lineage/cli/command_line.h"
#include "lineage/cli/commands.h"
#include "lineage/cli/options.h"

namespace lineage::cli {
namespace {

int fail(const std::string& what, const std::string& hint, int status) {
  print_error(what, hint, ::isatty(STDERR_FILENO));
  return status;
}

// Standard output is a command's result: failing to write it is a failure.
int flush_output(int status) {
  errno = 0;
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return status;
  const std::string said = errno != 0 ? std::strerror(errno) : "a part of it is lost";
  return fail("standard output: cannot write: " + said,
              "check where it goes: the disk's space, or the program that reads it", kErrorStatus);
}

void add_commands(CLI::App& app) {
  add_grow(app);
  add_eval(app);
  add_report(app);
  add_prune(app);
  add_chat(app);
  add_complete(app);
  add_score(app);
  add_serve(app);
  add_info(app);
  add_import(app);
  add_export(app);
  add_world(app);
  add_bench(app);
  add_selftest(app);
}

int run(int argc, char** argv) {
  CLI::App app("Lineage grows the GPT-3.5 family tree and shows which stage gave each ability.",
               "lineage");
  app.set_version_flag("--version", std::string("lineage ") + kVersion);
  add_commands(app);  // before the flags that they would inherit
  app.set_help_all_flag("--help-all", "Help of every command");
  app.footer(
      "lineage COMMAND --help lists a command's options. A first tree:\n"
      "  lineage grow recipes/gpt35-nano.toml --dry-run\n"
      "  lineage grow recipes/gpt35-nano.toml --out runs\n"
      "  lineage report runs\n"
      "Exit status: 0; 1 for errors; 2 for a command line that is not understood; 75 when a run "
      "was\n"
      "interrupted and has saved its state: the same command goes on from there.");
  set_command_as_typed(quoted_command({argv + 1, argv + argc}));
  std::vector<std::string> arguments = arrange(app, {argv + 1, argv + argc});
  std::ranges::reverse(arguments);  // as CLI11 takes them
  try {
    app.parse(std::move(arguments));
  } catch (const CLI::Success& e) {  // help or version
    return flush_output(app.exit(e));
  } catch (const CLI::ParseError& e) {
    throw UsageError(e.what(), "lineage --help");
  }
  return flush_output(0);
}

}  // namespace
}  // namespace lineage::cli

int main(int argc, char** argv) {
  using namespace lineage::cli;
  lineage::flush_denormals_to_zero();
  std::signal(SIGXFSZ, SIG_IGN);  // beyond `ulimit -f` a write fails like one on a full disk
  try {
    return run(argc, argv);
  } catch (const UsageError& e) {
    return fail(e.what(), e.hint(), kUsageStatus);
  } catch (const lineage::Interrupted& e) {
    return fail(e.what(), e.hint(), kInterruptedStatus);
  } catch (const lineage::Error& e) {
    return fail(e.what(), e.hint(), kErrorStatus);
  } catch (const std::bad_alloc&) {
    return fail("memory: the system has no more", "use a smaller batch, context or model",
                kErrorStatus);
  } catch (const std::system_error& e) {
    if (std::ferror(stdout) != 0) return flush_output(kErrorStatus);
    const lineage::Error error = lineage::system_error(e);
    return fail(error.what(), error.hint(), kErrorStatus);
  } catch (const std::exception& e) {
    return fail(e.what(), "this is a bug in Lineage; please report it with the command",
                kErrorStatus);
  }
}
