#include <fmt/format.h>

#include "lineage/base/error.h"
#include "lineage/cli/commands.h"
#include "lineage/cli/options.h"
#include "lineage/eval/audit/audit.h"
#include "lineage/stages/diet.h"
#include "lineage/stages/recipe.h"
#include "lineage/world/instructions/registry.h"
#include "lineage/world/mpy/corpus/code_corpus.h"
#include "lineage/world/text_corpus.h"

namespace lineage::cli {
namespace {

struct WorldAuditOptions {
  std::string recipe;
  std::vector<std::string> sets;
  int64_t n = 1'000'000;
  int threads = 0;
  bool json = false;
};

AuditSource corpus_source(const std::string& name, const CorpusConfig& config,
                          const std::shared_ptr<const World>& world) {
  if (config.kind == CorpusKind::text) {
    const auto corpus = std::make_shared<const TextCorpus>(*world, config.tokens);
    return {name, AuditSource::Kind::text, corpus->documents(),
            [world, corpus](int64_t i) { return corpus->document(i); }};
  }
  const auto corpus =
      std::make_shared<const CodeCorpus>(config.code, world->config().seed, config.tokens);
  const bool words = config.code.rung == Rung::procedure;
  return {name, words ? AuditSource::Kind::text : AuditSource::Kind::code, corpus->documents(),
          [corpus](int64_t i) { return corpus->document(i); }};
}

// Those held out to choose a model by are read as well.
AuditSource demonstration_source(const std::string& name, const DemonstrationsConfig& config,
                                 const std::shared_ptr<const World>& world) {
  const auto all = std::make_shared<const Instructions>(*world);
  const auto mixture = std::make_shared<const InstructionMixture>(*all, config.instructions);
  const auto at = [world, all, mixture](int64_t i) { return (*mixture)(static_cast<uint64_t>(i)); };
  return {name, AuditSource::Kind::demonstrations, config.instructions.examples + config.heldout,
          [at](int64_t i) { return to_document(at(i)); }, [at](int64_t i) { return at(i).key; }};
}

std::vector<AuditSource> sources_of(const Recipe& recipe,
                                    const std::shared_ptr<const World>& world) {
  std::vector<AuditSource> sources;
  for (const auto& [name, corpus] : recipe.corpora)
    sources.push_back(corpus_source(name, corpus, world));
  for (const auto& [name, set] : recipe.demonstrations)
    sources.push_back(demonstration_source(name, set, world));
  require(!sources.empty(), recipe.file.string(),
          ": no [corpora.NAME] and no [demonstrations.NAME]; wanted some of the micro-world's to "
          "audit");
  return sources;
}

std::vector<NodeDiet> diets_of(const Recipe& recipe, const AuditReport& report) {
  std::map<std::string, int64_t> sizes;
  for (const SourceCount& s : report.sources) sizes[s.name] = s.tokens;
  std::vector<NodeDiet> diets;
  for (ReadTokens& r : read_tokens(recipe, sizes))
    diets.push_back({std::move(r.node), std::move(r.parent), std::move(r.own), std::move(r.total)});
  return diets;
}

void run(const WorldAuditOptions& o) {
  set_threads(o.threads);
  const Recipe recipe = load_recipe(o.recipe, o.sets, home_folder());
  const auto world = std::make_shared<const World>(recipe.world);
  const std::vector<AuditSource> sources = sources_of(recipe, world);
  const auto progress = terminal_progress();
  for (const auto& [name, files] : recipe.sources)
    progress->note("not audited: source " + name + ", from files");
  for (const auto& [name, files] : recipe.conversations)
    progress->note("not audited: conversations " + name + ", from files");
  const AuditReport report = audit(*world, audit_probes(world, o.n), sources, *progress);
  const std::vector<NodeDiet> diets = diets_of(recipe, report);
  fmt::print("{}{}", o.json ? audit_json(report, diets) : audit_text(report, diets),
             o.json ? "\n" : "");
  std::fflush(stdout);
  if (!report.clean())
    throw Error(report.first_leak(),
                "keep it out of the corpus, or state in eval/audit/allowed.cc why it may be there");
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
