#pragma once

#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lineage/base/json.h"
#include "lineage/eval/scenario.h"

namespace lineage {

// A public format of questions (docs/benchmarks.md): how its records are
// recognised, read, prompted and answered. benchmark_formats.h names the rows.
struct FileFormat {
  using Keys = std::vector<std::string_view>;

  std::string_view name;
  // A record of the format has all keys of `needed` and one of `one_of`, if there are any, and
  // passes `fits`. `used` are the further keys that `parse` reads.
  Keys needed = {}, one_of = {}, used = {};
  bool (*fits)(const JsonObject&) = nullptr;
  // Ends the name of its scenario, where a record is asked in two ways.
  std::string_view suffix = {};
  // The item of one record, without id. `correct` is -1 if no choice is right, as in some records
  // of BIG-Bench Hard.
  Instance (*parse)(const JsonObject&) = nullptr;
  bool alternatives = false;  // several answers are accepted answers, not choices
  // The authors' or lm-evaluation-harness' way to compare choices and to prompt for a free answer;
  // null: compared exactly.
  PromptSpec::Normalise normalise = PromptSpec::Normalise::none;
  void (*ask)(PromptSpec&, std::span<const Instance>) = nullptr;
  ItemMetric (*metric)() = nullptr;  // null: right choices, or equal answers
  // The text before the demonstrations of a subject's questions.
  std::string (*preamble)(const std::string& subject) = nullptr;
  // Its files do not say their subject but in their names; those of a folder are one question set.
  bool files_are_subjects = false;
  bool files_are_tasks = false;  // a folder of them has a score of all
  // Looks at all items of a file together.
  void (*finish)(std::vector<Instance>&) = nullptr;
  const FileFormat* also = nullptr;  // the second way to ask its records
};

std::span<const FileFormat> file_formats();
// The one whose records are six lines of text, HellaSwag's: context, right place, four endings.
const FileFormat& six_lines_format();

// The format that uses the most of a record's keys. An Error if none fits, or two equally well; it
// names the benchmark if its records are known but unsupported.
const FileFormat& format_of(const JsonObject&);

// Whether a format fits, or the benchmark is known.
bool has_format(const JsonObject&);

// Keys of the record that the format does not use go to `left_out`; an Error for one that may hold
// a part of the question and is not in `allowed`.
void check_keys(const JsonObject&, const FileFormat&, const std::vector<std::string>& allowed,
                std::set<std::string>& left_out);

}  // namespace lineage
