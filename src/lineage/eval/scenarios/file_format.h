#pragma once

#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lineage/base/json.h"
#include "lineage/eval/scenario.h"

namespace lineage {

// A public format of questions (docs/formats.md, "Questions from files"): how its records are
// recognised, read, prompted and answered. file_formats.cc has a row for each.
struct FileFormat {
  using Keys = std::vector<std::string_view>;

  std::string_view name;
  // A record of the format has all keys of `needed` and one of `one_of`, if there are any, and
  // passes `fits`. `used` are the further keys that `parse` reads.
  Keys needed = {}, one_of = {}, used = {};
  bool (*fits)(const JsonObject&) = nullptr;
  // The item of one record, without id. `correct` is -1 if no choice is right, as in some records
  // of BIG-Bench Hard.
  Instance (*parse)(const JsonObject&) = nullptr;
  bool alternatives = false;  // several answers are accepted answers, not choices
  // The authors' or lm-evaluation-harness' way to compare choices and to prompt for a free answer;
  // null: compared exactly.
  PromptSpec::Normalise normalise = PromptSpec::Normalise::none;
  void (*ask)(PromptSpec&, std::span<const Instance>) = nullptr;
  // Looks at all items of a file together.
  void (*finish)(std::vector<Instance>&) = nullptr;
};

std::span<const FileFormat> file_formats();
// The one whose records are six lines of text, HellaSwag's: context, right place, four endings.
const FileFormat& six_lines_format();

// The format that uses the most of a record's keys. An Error if none fits, or two equally well; it
// names the benchmark if its records are known but unsupported.
const FileFormat& format_of(const JsonObject&);

// Keys of the record that the format does not use go to `left_out`; an Error for one that may hold
// a part of the question and is not in `allowed`.
void check_keys(const JsonObject&, const FileFormat&, const std::vector<std::string>& allowed,
                std::set<std::string>& left_out);

}  // namespace lineage
