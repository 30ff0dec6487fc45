#include <fmt/format.h>

#include "lineage/base/digest.h"
#include "lineage/base/error.h"
#include "lineage/base/file.h"
#include "lineage/data/source.h"
#include "lineage/data/tokenise.h"
#include "lineage/stages/grow.h"
#include "lineage/text/bpe_train.h"
#include "lineage/text/chat.h"
#include "lineage/world/vocabulary.h"

namespace lineage {
namespace {

std::vector<std::string> source_names(const Recipe& recipe) {
  if (!recipe.tokenizer.sources.empty()) return recipe.tokenizer.sources;
  std::vector<std::string> names;
  for (const auto& [name, source] : recipe.sources) names.push_back(name);
  return names;
}

const SourceConfig& source_of(const Recipe& recipe, const std::string& name) {
  const auto it = recipe.sources.find(name);
  require(it != recipe.sources.end(), recipe.name, ": tokenizer.sources names ", name,
          "; no such source");
  return it->second;
}

// A digest of all that determines a trained tokenizer, as far as known without reading text.
std::string training_key(const Recipe& recipe) {
  Digest digest;
  digest.field("lineage tokenizer 2").field(to_toml(recipe.tokenizer));
  for (const std::string& name : source_names(recipe)) {
    SourceConfig source = source_of(recipe, name);
    digest.field(name).field(to_toml(source));
    for (const InputFile& f : list_files(source, name).files)
      digest.field(f.path.string()).field(fmt::format("{} {}", f.size, f.modified));
  }
  return digest.hex();
}

std::shared_ptr<const Tokenizer> train(const Recipe& recipe, Progress& progress) {
  const TokenizerConfig& config = recipe.tokenizer;
  BpeTrainOptions options;
  options.vocab = config.vocab;
  options.pattern = config.pattern;
  options.specials = chat_specials();
  BpeTrainer trainer(options);
  for (const std::string& name : source_names(recipe)) {
    const auto source = open_source(source_of(recipe, name), name);
    int64_t bytes = 0;
    SourceRecord seen;
    for (RawDocument d; bytes < config.sample_bytes && source->read(d); d = {}) {
      source->refine(d);
      if (!d.dropped.empty()) {
        ++seen.dropped[std::string(d.dropped)];
        continue;
      }
      bytes += static_cast<int64_t>(d.text.size());
      trainer.add(d.text);
    }
    if (bytes == 0)
      throw no_document_left(name, source_of(recipe, name), source->files().size(), seen);
  }
  return trainer.train(progress);
}

}  // namespace

std::shared_ptr<const Tokenizer> recipe_tokenizer(const Recipe& recipe,
                                                  const std::filesystem::path& folder,
                                                  Progress& progress,
                                                  std::function<bool()> interrupted) {
  const TokenizerConfig& config = recipe.tokenizer;
  if (config.kind == TokenizerKind::world) return Vocabulary::get().tokenizer();
  if (!config.path.empty()) return Tokenizer::load(config.path);
  const std::string key = training_key(recipe).substr(0, 16);
  const auto file = folder / (key + ".json");
  std::shared_ptr<const Tokenizer> tokenizer;
  if (!std::filesystem::exists(file)) {
    const FolderLock lock(folder, LockWait{"tokenizer", progress, std::move(interrupted)},
                          "." + key + ".lock");
    if (!std::filesystem::exists(file)) {  // not made while this one waited
      progress.note(fmt::format("tokenizer: training {} tokens", config.vocab));
      tokenizer = train(recipe, progress);
      tokenizer->save(file);
    }
  }
  if (!tokenizer) tokenizer = Tokenizer::load(file);
  if (tokenizer->vocab() < config.vocab)
    progress.note(
        fmt::format("tokenizer: {} tokens instead of {}: no pair of tokens is left in "
                    "its text that comes twice",
                    tokenizer->vocab(), config.vocab));
  return tokenizer;
}

}  // namespace lineage
