#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "lineage/base/config.h"
#include "lineage/data/conversations.h"
#include "lineage/data/preferences.h"
#include "lineage/data/source_config.h"
#include "lineage/nn/gpt_config.h"
#include "lineage/stages/demonstrations.h"
#include "lineage/stages/evaluation_config.h"
#include "lineage/stages/texts.h"
#include "lineage/text/pattern.h"
#include "lineage/train/training_loop.h"

namespace lineage {

enum class TokenizerKind : uint8_t { bpe, world };
constexpr std::array<std::string_view, 2> enum_names(TokenizerKind) { return {"bpe", "world"}; }

// The tokenizer of a tree: loaded from `path`, trained on the recipe's sources, or the words of the
// micro-world.
struct TokenizerConfig {
  TokenizerKind kind = TokenizerKind::bpe;
  std::string path;
  int64_t vocab = 4096;
  Pattern pattern = Pattern::cl100k;
  std::vector<std::string> sources;  // to train on; empty: all
  int64_t sample_bytes = int64_t{64} << 20;
};

template <class V>
void fields(V& v, TokenizerConfig& c) {
  v("kind", c.kind, "bpe, or world: the closed vocabulary of the micro-world");
  v("path", c.path, "a tokenizer's file or folder, as from Hugging Face or tiktoken; empty: train",
    kPaths);
  v("vocab", c.vocab, "tokens of a trained one, special tokens included", between(1, 1 << 24));
  v("pattern", c.pattern,
    "how a trained one splits text: as gpt2 (also r50k, p50k), cl100k (also Llama 3), qwen2, "
    "starcoder or bloom");
  v("sources", c.sources, "the sources to train on; empty: all");
  v("sample_bytes", c.sample_bytes, "train on at most so many bytes of each source",
    between(1, 1e15));
}

// One model to grow: parents + stage + the stage's own table, merged over the recipe's defaults.
struct RecipeNode {
  std::string name, stage;
  std::vector<std::string> parents;
  ConfigNode stage_table;  // [nodes.NAME.STAGE] over [STAGE]
  ConfigNode model_table;  // [nodes.NAME.model] over [model], of a node without parents
  bool has_model = false;  // there is a [nodes.NAME.model]
  GptConfig model;         // derived by the stage from the first parent's, or from model_table
  // Tokens of each text that the first parent and its first parents were pretrained on; text that
  // a stage mixes into demonstrations is not counted.
  std::map<std::string, double> pretraining;
  // A control: trained with the same budget but without the ingredient under test. Only the report
  // uses this. `control_of`: the node that it is compared with, if any.
  bool control = false;
  std::string control_of;
  std::string place;  // of the node, for messages
};

// A family tree: the TOML file that `lineage grow` takes. Nodes are in an order in which every
// parent comes before its children.
struct Recipe {
  std::filesystem::path file;
  std::string name;
  uint64_t seed = 1;
  TokenizerConfig tokenizer;
  WorldConfig world;
  std::map<std::string, CorpusConfig> corpora;
  std::map<std::string, SourceConfig> sources;
  std::map<std::string, ConversationsConfig> conversations;
  std::map<std::string, DemonstrationsConfig> demonstrations;
  std::map<std::string, DialogsConfig> dialogs;
  std::map<std::string, PreferencesConfig> preferences;
  RunConfig run;
  EvaluationConfig evaluation;
  std::vector<RecipeNode> nodes;
  std::string toml;                // as merged
  std::vector<std::string> notes;  // settings without effect, a line each

  const RecipeNode& node(std::string_view name) const;  // an Error with the nearest name
};

// Reads, merges `extends` and `preset` under the file, applies the `a.b=c` of `--set`, and checks
// everything that needs no data: keys, values, names, cycles. Relative paths start at the folder of
// their file, those of `sets` at the working folder; ~ is `home`, and an Error if that is empty.
Recipe load_recipe(const std::filesystem::path&, const std::vector<std::string>& sets = {},
                   const std::filesystem::path& home = {});
Recipe parse_recipe(std::string_view toml, const std::string& place,
                    const std::vector<std::string>& sets = {},
                    const std::filesystem::path& home = {});

// Every key of a recipe with its default and meaning, in Markdown.
std::string recipe_reference();

}  // namespace lineage
