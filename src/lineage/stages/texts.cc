#include "lineage/stages/texts.h"

#include <fmt/format.h>

#include <memory>

#include "lineage/base/digest.h"
#include "lineage/base/error.h"
#include "lineage/data/files.h"
#include "lineage/stages/recipe.h"
#include "lineage/world/minipy/corpus/code_corpus.h"
#include "lineage/world/prepare_documents.h"
#include "lineage/world/text_corpus.h"
#include "lineage/world/vocabulary.h"

namespace lineage {
namespace {

// Raised when a generator changes its output, so that cached corpora are made again.
constexpr std::string_view kGeneration = "corpus 4";

// Held-out documents until there are so many tokens, of those that `document` makes.
int64_t documents_for(int64_t tokens, const std::function<Document(int64_t)>& document) {
  int64_t count = 0;
  for (int64_t have = 0; have < tokens; ++count) have += std::ssize(document(count).tokens);
  return count;
}

PreparedSource prepare_corpus(const std::string& name, const CorpusConfig& config,
                              const WorldConfig& world_config, const PrepareOptions& options,
                              Progress& progress) {
  Digest made_from;
  made_from.field(kGeneration)
      .field(to_toml(config))
      .field(to_toml(world_config))
      .field(Vocabulary::get().tokenizer()->digest());
  const std::string key = made_from.hex();
  const World world(world_config);
  GeneratedDocuments train, heldout;
  std::shared_ptr<const void> keeps_alive[2];
  if (config.kind == CorpusKind::text) {
    const auto corpus = std::make_shared<const TextCorpus>(world, config.tokens);
    train = {corpus->documents(), [corpus](int64_t i) { return corpus->document(i); }};
    heldout.document = [corpus](int64_t i) { return corpus->heldout(i); };
  } else {
    const auto corpus =
        std::make_shared<const CodeCorpus>(config.code, world_config.seed, config.tokens);
    // Another seed: other programs.
    const auto other = std::make_shared<const CodeCorpus>(
        config.code, Rng(world_config.seed).fold("code held out").key(), config.tokens);
    train = {corpus->documents(), [corpus](int64_t i) { return corpus->document(i); }};
    heldout.document = [other](int64_t i) { return other->document(i); };
  }
  heldout.count = documents_for(config.heldout_tokens, heldout.document);
  return prepare_documents(
      name, fmt::format("micro-world {}", config.kind == CorpusKind::text ? "text" : "code"), key,
      train, heldout, options, progress);
}

}  // namespace

std::vector<std::string> text_names(const Recipe& recipe) {
  std::vector<std::string> names;
  for (const auto& [name, source] : recipe.sources) names.push_back(name);
  for (const auto& [name, corpus] : recipe.corpora) names.push_back(name);
  return names;
}

std::map<std::string, double> chosen(const std::map<std::string, double>& all,
                                     const std::map<std::string, double>& mixture,
                                     const std::string& place, std::string_view what) {
  if (mixture.empty()) return all;
  std::vector<std::string> names;
  for (const auto& [name, weight] : all) names.push_back(name);
  for (const auto& [name, weight] : mixture) {
    if (!all.contains(name)) {
      const std::string near = nearest_name(name, names);
      throw Error(fmt::format("{} names {}; no such {}", place, name, what),
                  near.empty() ? "" : "did you mean " + near + "?");
    }
  }
  return mixture;
}

std::map<std::string, double> chosen_texts(const Recipe& recipe,
                                           const std::map<std::string, double>& mixture,
                                           const std::string& place) {
  std::map<std::string, double> all;
  for (const auto& [name, source] : recipe.sources) all[name] = source.weight;
  for (const auto& [name, corpus] : recipe.corpora) all[name] = corpus.weight;
  return chosen(all, mixture, place, "source");
}

void check_texts(const Recipe& recipe, const std::map<std::string, double>& texts,
                 const Tokenizer& tokenizer) {
  for (const auto& [name, weight] : texts) {
    if (const auto source = recipe.sources.find(name); source != recipe.sources.end())
      list_files(source->second, name);
    else if (tokenizer.digest() != Vocabulary::get().tokenizer()->digest())
      throw Error("corpora." + name + ": the tokenizer has other words than the micro-world",
                  "set tokenizer.kind = \"world\"");
  }
}

std::vector<PreparedSource> prepare_texts(const Recipe& recipe,
                                          const std::map<std::string, double>& texts,
                                          const Tokenizer& tokenizer, const PrepareOptions& options,
                                          Progress& progress) {
  check_texts(recipe, texts, tokenizer);
  std::vector<PreparedSource> prepared;
  for (const auto& [name, weight] : texts) {
    const auto source = recipe.sources.find(name);
    prepared.push_back(
        source != recipe.sources.end()
            ? prepare_source(name, source->second, tokenizer, options, progress)
            : prepare_corpus(name, recipe.corpora.at(name), recipe.world, options, progress));
    prepared.back().record.weight = weight;
  }
  return prepared;
}

}  // namespace lineage
