#include "lineage/run/prune.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "lineage/base/enum_index.h"
#include "lineage/cli/commands.h"
#include "lineage/cli/options.h"
#include "lineage/stages/preflight.h"

namespace lineage::cli {
namespace {

struct PruneOptions {
  std::string run;
  bool yes = false, json = false;
};

std::string_view name_of(Unnamed kind) { return enum_names(kind)[enum_index(kind)]; }

void print_json(const PruneReport& report, bool removed) {
  nlohmann::json things = nlohmann::json::array();
  for (const UnnamedThing& t : report.things)
    things.push_back({{"kind", name_of(t.kind)},
                      {"path", t.path.string()},
                      {"bytes", t.bytes},
                      {"about", t.about},
                      {"stays", t.stays}});
  const nlohmann::json all = {
      {"things", things}, {"bytes", report.bytes()}, {"removed", removed}, {"notes", report.notes}};
  fmt::print("{}\n", all.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
}

void print_table(const PruneReport& report, bool removed) {
  size_t width = 0;
  for (const UnnamedThing& t : report.things) width = std::max(width, t.path.string().size());
  for (const UnnamedThing& t : report.things)
    fmt::print("{:9}  {:{}}  {:>9}  {}{}{}\n", name_of(t.kind), t.path.string(), width,
               size_text(t.bytes), t.about, !t.about.empty() && !t.stays.empty() ? "; " : "",
               t.stays.empty() ? "" : "stays: " + t.stays);
  for (const std::string& note : report.notes) fmt::print("{}\n", note);
  if (report.bytes() == 0)
    fmt::print("nothing {} removed\n", removed ? "was" : "can be");
  else
    fmt::print("{} in all; {}\n", size_text(report.bytes()),
               removed ? "removed" : "--yes removes it");
}

void run(const PruneOptions& o) {
  const PruneReport report = o.yes ? prune(o.run) : list_unnamed(o.run);
  o.json ? print_json(report, o.yes) : print_table(report, o.yes);
}

}  // namespace

void add_prune(CLI::App& app) {
  auto o = std::make_shared<PruneOptions>();
  CLI::App* c = app.add_subcommand("prune", "List or remove what no tree of a run names any more");
  c->group("Grow and measure");
  add_path(c, "RUN", o->run, "a run folder")->required();
  c->add_flag("--yes", o->yes, "remove it; without, nothing is changed");
  c->add_flag("--json", o->json, "the list as one JSON object, sizes in bytes");
  c->footer(
      "Nodes, training states, tokenised data, tokenizers and scores that no link below RUN/trees\n"
      "leads to. A tree of which nothing is needed any more goes with its folder of links first:\n"
      "  rm -r runs/trees/RECIPE && lineage prune runs");
  c->callback([o] { run(*o); });
}

}  // namespace lineage::cli
