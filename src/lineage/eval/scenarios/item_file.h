#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "lineage/eval/scenario.h"

namespace lineage {

// The public formats of questions. A file's is found by its first bytes; each line of JSON by its
// keys, and lines of one file have one format.
enum class ItemFormat : uint8_t {
  choices,       // {"query", "choices", "gold"}
  schema,        // {"context_options", "continuation", "gold"}: Winograd
  hellaswag,     // {"ctx" or "ctx_a" and "ctx_b", "endings", "label"}
  continuation,  // {"context", "continuation"}: LAMBADA
  last_word,     // {"text"}: LAMBADA, the last word is asked for
  answers,       // {"context", "answer", "aliases"}
  worked,        // {"question", "answer": "steps #### number"}: GSM8K
  tasks,         // one object {"examples": [{"input", "target"}]}: BIG-Bench Hard
  lines          // six lines an item: HellaSwag's context, right place, four endings
};
std::string_view item_format_name(ItemFormat);

enum class Malformed : bool { error, skip };

struct ItemFile {
  ItemFormat format = ItemFormat::choices;
  std::vector<Instance> items;       // ids are the numbers of their lines (of tasks: of examples)
  std::vector<std::string> skipped;  // "file:line: what was wrong", one each
};

// Reads a file, plain or packed by gzip or zstd. An Error names file and line; with `skip`, only
// when no item is left.
ItemFile read_items(const std::filesystem::path&, Malformed = Malformed::error);

}  // namespace lineage
