#include "lineage/run/recipe_audit.h"

#include "lineage/base/error.h"
#include "lineage/stages/tokens_seen.h"
#include "lineage/world/dialogs/dialog.h"
#include "lineage/world/instructions/registry.h"
#include "lineage/world/minipy/corpus/code_corpus.h"
#include "lineage/world/text_corpus.h"

namespace lineage {
namespace {

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
  const auto at = [world, all, mixture, trained = config.instructions.examples](int64_t i) {
    const auto index = static_cast<uint64_t>(i);
    return i < trained ? mixture->training(index) : (*mixture)(index);
  };
  return {name, AuditSource::Kind::demonstrations, config.instructions.examples + config.heldout,
          [at](int64_t i) { return to_document(at(i)); }, [at](int64_t i) { return at(i).key; }};
}

AuditSource dialog_source(const std::string& name, const DialogsConfig& config,
                          const std::shared_ptr<const World>& world) {
  const auto at = [world](int64_t i) {
    return make_dialog(*world, "dialogs", static_cast<uint64_t>(i));
  };
  return {name, AuditSource::Kind::demonstrations, config.examples + config.heldout,
          [at](int64_t i) { return to_document(at(i)); }, [at](int64_t i) { return at(i).key; }};
}

}  // namespace

std::vector<AuditSource> audit_sources(const Recipe& recipe) {
  const auto world = std::make_shared<const World>(recipe.world);
  std::vector<AuditSource> sources;
  for (const auto& [name, corpus] : recipe.corpora)
    sources.push_back(corpus_source(name, corpus, world));
  for (const auto& [name, set] : recipe.demonstrations)
    sources.push_back(demonstration_source(name, set, world));
  for (const auto& [name, set] : recipe.dialogs) sources.push_back(dialog_source(name, set, world));
  require(!sources.empty(), recipe.file.string(),
          ": no [corpora.NAME], [demonstrations.NAME] or [dialogs.NAME]; wanted some of the "
          "micro-world's to audit");
  return sources;
}

RecipeAudit audit_recipe(const Recipe& recipe, int64_t n, Progress& progress) {
  const std::vector<AuditSource> sources = audit_sources(recipe);
  for (const auto& [name, files] : recipe.sources)
    progress.note("not audited: source " + name + ", from files");
  for (const auto& [name, files] : recipe.conversations)
    progress.note("not audited: conversations " + name + ", from files");
  for (const auto& [name, files] : recipe.preferences)
    progress.note("not audited: preferences " + name + ", from files");
  const auto world = std::make_shared<const World>(recipe.world);
  RecipeAudit result{audit(*world, audit_probes(world, n), sources, progress), {}};
  std::map<std::string, int64_t> sizes;
  for (const SourceCount& s : result.report.sources) sizes[s.name] = s.tokens;
  result.seen = tokens_seen(recipe, sizes);
  return result;
}

}  // namespace lineage
