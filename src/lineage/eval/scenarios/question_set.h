#pragma once

#include <filesystem>
#include <vector>

#include "lineage/base/progress.h"
#include "lineage/eval/scenarios/item_file.h"

namespace lineage {

// The questions of one scenario: a file, or the files of one folder whose names are their subjects
// (MMLU's tables).
struct QuestionSet {
  std::vector<std::filesystem::path> files;
  ItemFile content;

  // The file, or the folder of several.
  std::filesystem::path path() const;
};

// In the order of the files. Notes name lines and keys that are left out.
std::vector<QuestionSet> question_sets(const std::vector<std::filesystem::path>& files,
                                       const ItemFileOptions&, Progress&);

// Gives each item its demonstrations: the first `shots` of another file, or of a folder's files,
// that have the item's subject, in their order. Returns the file's items. An Error if it has too
// few, another format, or is one of the set's own files.
std::vector<Instance> add_demonstrations(QuestionSet&, const std::filesystem::path& examples,
                                         int shots, PromptSpec::Method, const ItemFileOptions&);

}  // namespace lineage
