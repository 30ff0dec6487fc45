#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "lineage/eval/scenario.h"

namespace lineage {

// The public formats of questions (docs/formats.md, "Questions from files"). A file's layout is
// found by its first bytes; each record of JSON by its keys, and records of one file have one
// format.
enum class ItemFormat : uint8_t {
  choices,       // {"query", "choices", "gold"}
  schema,        // {"context_options", "continuation", "gold"}: Winograd
  hellaswag,     // {"ctx" or "ctx_a" and "ctx_b", "endings", "label"}
  piqa,          // {"goal", "sol1", "sol2", "label"}
  winogrande,    // {"sentence", "option1", "option2", "answer"}
  copa,          // {"premise", "choice1", "choice2", "question", "label"}
  race,          // {"article", "question", "options", "answer"}
  arc,           // {"question", "choices": {"text", "label"}, "answerKey"}
  mmlu,          // {"question", "choices", "answer"}: asked with letters
  boolq,         // {"passage", "question", "answer": true or false}
  passage,       // {"context" or "passage", "question", "answer" or "answers"}: SQuAD
  continuation,  // {"context", "continuation" or "completion"}: LAMBADA, GPT-3's arithmetic
  last_word,     // {"text"}: LAMBADA, the last word is asked for
  answers,       // {"context", "answer", "aliases"}: TriviaQA
  worked,        // {"question", "answer": "steps #### number"}: GSM8K
  tasks,         // one object {"examples": [{"input", "target"}]}: BIG-Bench Hard
  lines          // six lines an item: HellaSwag's context, right place, four endings
};
std::string_view item_format_name(ItemFormat);

enum class Malformed : bool { error, skip };

struct ItemFileOptions {
  Malformed malformed = Malformed::error;
  // Keys that are no part of a question, beyond those that benchmarks are known to carry along.
  std::vector<std::string> leave_out = {};
};

struct ItemFile {
  ItemFormat format = ItemFormat::choices;
  std::vector<Instance> items;        // ids are the numbers of their lines (of tasks: of examples)
  std::vector<std::string> skipped;   // "file:line: what was wrong", one each
  std::vector<std::string> left_out;  // keys that no question uses, sorted
};

// Reads a file, plain or packed by gzip or zstd: JSON lines, a JSON array, a BIG-Bench Hard task or
// HellaSwag's six lines. An Error names file and line; with `skip`, only when no item is left. A
// key that the format does not use is an Error, too, if it may hold a part of the question (text, a
// list or an object), unless it is known to hold none (an id, a subject, a licence) or is in
// `leave_out`.
ItemFile read_items(const std::filesystem::path&, const ItemFileOptions& = {});

}  // namespace lineage
