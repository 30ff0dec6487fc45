#include <fmt/format.h>

#include "lineage/base/error.h"
#include "lineage/cli/commands.h"
#include "lineage/cli/options.h"
#include "lineage/run/recipe_audit.h"

namespace lineage::cli {
namespace {

struct WorldAuditOptions {
  std::string recipe;
  std::vector<std::string> sets;
  int64_t n = 1'000'000;
  int threads = 0;
  bool json = false;
};

void run(const WorldAuditOptions& o) {
  set_threads(o.threads);
  const Recipe recipe = load_recipe(o.recipe, o.sets, home_folder());
  const auto [report, seen] = audit_recipe(recipe, o.n, *terminal_progress());
  fmt::print("{}{}", o.json ? audit_json(report, seen) : audit_text(report, seen),
             o.json ? "\n" : "");
  std::fflush(stdout);
  if (!report.clean())
    throw Error(report.first_leak(),
                "keep it out of the corpus, or state in its ability's file (abilities/) why it may "
                "be there");
}

}  // namespace

void add_world_audit(CLI::App& world) {
  auto o = std::make_shared<WorldAuditOptions>();
  CLI::App* c = world.add_subcommand(
      "audit", "Count what a recipe's corpora teach, and look for test items in them");
  add_path(c, "RECIPE", o->recipe, "a recipe with corpora of the micro-world")->required();
  add_sets(c, o->sets);
  add_number(c, "-n,--n", o->n, between(1, kManyTokens),
             "test items a probe at most; default: all that it asks")
      ->default_str("");
  add_threads(c, o->threads);
  c->add_flag("--json", o->json, "everything as JSON");
  c->footer("Example:\n  lineage world audit recipes/gpt35-nano.toml -n 1000");
  c->callback([o] { run(*o); });
}

}  // namespace lineage::cli
