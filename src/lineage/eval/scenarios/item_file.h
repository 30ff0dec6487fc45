#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "lineage/eval/scenarios/file_format.h"

namespace lineage {

enum class Malformed : bool { error, skip };

struct ItemFileOptions {
  Malformed malformed = Malformed::error;
  // Keys that are no part of a question, beyond the known ones of benchmarks.
  std::vector<std::string> leave_out = {};
  // The format to read all records as, the second one of a file's own; null: by the first record.
  const FileFormat* as = nullptr;
};

struct ItemFile {
  const FileFormat* format = nullptr;
  std::vector<Instance> items;        // ids: the numbers of their lines, entries or examples
  std::vector<std::string> skipped;   // "file:line: the fault", one for each
  std::vector<std::string> left_out;  // keys that no question uses, sorted
};

// Reads a file, plain or packed by gzip or zstd: JSON as JsonRecords reads it (lines, arrays,
// values over several lines), objects with a list of "examples" (BIG-Bench Hard) or "Data"
// (TriviaQA), a table of comma-separated values with the names of its columns in the first row or
// MMLU's six columns without names, or six lines of text an item (HellaSwag). The first record's
// keys decide the format of all. An Error names file and line; with `skip`, only when no item is
// left. A key that the format does not use is an Error, too, if it may hold a part of the question
// (text, a list or an object), unless it is known to hold none (an id, a subject, a licence) or is
// in `leave_out`.
ItemFile read_items(const std::filesystem::path&, const ItemFileOptions& = {});
// The same of a file's bytes; `name` is for errors.
ItemFile read_items_of(std::string_view bytes, const std::string& name,
                       const ItemFileOptions& = {});

}  // namespace lineage
