#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "lineage/base/progress.h"
#include "lineage/eval/scenario.h"
#include "lineage/eval/scenarios/item_file.h"
#include "lineage/eval/scenarios/program_runner.h"

namespace lineage {

struct FileScenarioOptions {
  int shots = 0;
  bool chain = false;  // chain of thought: worked files, or tasks with `chain_prompt`
  // Worked examples before the question; of a folder the text with the file's name, as BIG-Bench
  // Hard has one for each task.
  std::filesystem::path chain_prompt = {};
  std::filesystem::path preamble = {};  // a text before every question and its demonstrations
  // Demonstrations are the first of this file, or folder, in its order; all questions of the others
  // are asked. Empty: of the questions' own file.
  std::filesystem::path examples = {};
  int samples = 1;  // of a chain; above 1 they vote
  PromptSpec::Vote vote = PromptSpec::Vote::majority;
  ItemFileOptions items = {};
  std::string name = {};  // of the scenario, if there is one file; empty: from the file's name
  // Makes what runs the programs of a benchmark; called where a file asks for programs alone. Null:
  // such a file is refused.
  std::function<ProgramRunner()> program_runner = {};
  std::string group = {};  // prefix of several names: "bbh" of "bbh/word_sorting"; the name of one
};

// The file itself, or the files of a folder that hold questions (*.json, *.jsonl, *.csv, packed or
// not), by name; an Error if it has none.
std::vector<std::filesystem::path> question_files(const std::filesystem::path&);

// Questions of files, and of the files of folders, as scenarios for any model with a tokenizer.
// Items are put into a fixed random order; a tenth (64 at most) are examples, a fifth (200 at most)
// dev, the rest test.
//
// Each file is an ability of its own. A scenario has its file's name without endings; "test" and
// its like with the folder before it ("gsm8k/test"), and files that would share a name with as much
// of their paths as separates them. Options add a suffix: ".k5" (five demonstrations), ".cot",
// ".vote"; so no file's name may end so. Tables of one folder that are subjects of a benchmark
// (MMLU) are one scenario, named like the folder. An Error, too, if a file has fewer demonstrations
// than are wanted.
//
// Notes name lines and keys that are left out.
std::vector<std::shared_ptr<const Scenario>> file_scenarios(
    const std::vector<std::filesystem::path>&, const FileScenarioOptions& = {},
    Progress& = silent());

// The tasks of one benchmark that has a score of all: the files of a folder of BIG-Bench Hard.
struct QuestionGroup {
  std::string name, ability;           // "bbh.cot", "bbh"
  std::vector<std::string> scenarios;  // their names, two at least
};
std::vector<QuestionGroup> question_groups(const std::vector<std::shared_ptr<const Scenario>>&);

// The metric of a row that is the mean of a group's tasks.
MetricInfo mean_of_tasks();

// The meaning of a row of such questions, or of a group, by its metric.
Explanation file_explanation(const std::string& metric, bool chooses);

}  // namespace lineage
