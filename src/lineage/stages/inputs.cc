#include <set>

#include "lineage/checkpoint/model.h"
#include "lineage/data/conversations.h"
#include "lineage/data/preferences.h"
#include "lineage/data/source.h"
#include "lineage/stages/grow.h"

namespace lineage {
namespace {

void check_tokenizer_files(const Recipe& recipe, const std::vector<const RecipeNode*>& nodes) {
  const TokenizerConfig& config = recipe.tokenizer;
  if (config.kind == TokenizerKind::world || config.path.empty()) return;
  const auto tokenizer = Tokenizer::load(config.path);
  for (const RecipeNode* node : nodes)
    if (node->model.vocab != 0) check_vocab(*tokenizer, node->model, node->place, kVocabHelp);
}

void read_first_document(const SourceConfig& config, const std::string& name) {
  const auto source = open_source(config, name);
  RawDocument document;
  if (source->read(document)) source->refine(document);
}

bool is_small(const RecordSetConfig& config, const std::string& name) {
  constexpr int64_t kSmall = 4 << 20;  // bytes
  int64_t bytes = 0;
  for (const InputFile& f : list_files(config, name).files) bytes += f.size;
  return bytes <= kSmall;
}

// Reads a small set whole; one of prompts needs no answers.
void check_conversations(const Recipe& recipe, const std::string& name, bool wants_answer) {
  SourceRecord ignored;
  if (const auto set = recipe.conversations.find(name); set != recipe.conversations.end())
    if (is_small(set->second, name)) read_conversations(name, set->second, ignored, wants_answer);
}

void check_preferences(const Recipe& recipe, const std::string& name) {
  SourceRecord ignored;
  if (const auto set = recipe.preferences.find(name); set != recipe.preferences.end())
    if (is_small(set->second, name)) read_preferences(name, set->second, ignored);
}

}  // namespace

void check_inputs(const Recipe& recipe, const std::vector<const RecipeNode*>& nodes) {
  std::set<std::string> used, prompts;
  for (const RecipeNode* n : nodes) {
    const StageReads reads = stage_of(*n).reads(*n, recipe);
    for (const std::string& s : reads.names()) used.insert(s);
    prompts.insert(reads.prompts.begin(), reads.prompts.end());
  }
  check_tokenizer_files(recipe, nodes);
  for (const std::string& name : used) {
    if (const auto source = recipe.sources.find(name); source != recipe.sources.end())
      read_first_document(source->second, name);
    check_conversations(recipe, name, /*wants_answer=*/true);
    check_preferences(recipe, name);
  }
  for (const std::string& name : prompts) check_conversations(recipe, name, /*wants_answer=*/false);
}

}  // namespace lineage
