#include <fmt/color.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <exception>

#include "lineage/base/error.h"
#include "lineage/base/parallel.h"
#include "lineage/base/version.h"
#include "lineage/cli/commands.h"

namespace {

int fail(const std::string& what, const std::string& hint) {
  const bool color = ::isatty(STDERR_FILENO);
  const auto red = color ? fmt::emphasis::bold | fg(fmt::terminal_color::red) : fmt::text_style{};
  fmt::print(stderr, "{} {}\n", fmt::format(red, "error:"), what);
  if (!hint.empty()) fmt::print(stderr, "help:  {}\n", hint);
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Lineage grows the GPT-3.5 family tree and shows which stage gave each ability.",
               "lineage");
  app.set_version_flag("--version", std::string("lineage ") + lineage::kVersion);
  app.require_subcommand(1);
  app.set_help_all_flag("--help-all", "Help of every command");
  lineage::cli::add_grow(app);
  lineage::cli::add_complete(app);
  lineage::cli::add_score(app);
  lineage::cli::add_eval(app);
  lineage::cli::add_import(app);
  lineage::cli::add_export(app);
  lineage::cli::add_info(app);
  lineage::cli::add_report(app);
  lineage::cli::add_bench(app);
  lineage::cli::add_selftest(app);
  lineage::cli::add_world(app);
  lineage::flush_denormals_to_zero();
  std::signal(SIGXFSZ, SIG_IGN);  // beyond `ulimit -f` a write fails like one on a full disk
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e);
  } catch (const lineage::Error& e) {
    return fail(e.what(), e.hint());
  } catch (const std::bad_alloc&) {
    return fail("memory: the system has no more", "use a smaller batch, context or model");
  } catch (const std::exception& e) {
    return fail(e.what(), "this is a fault of Lineage itself; please report it with the command");
  }
  return 0;
}
