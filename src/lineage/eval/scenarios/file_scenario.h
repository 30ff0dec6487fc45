#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "lineage/eval/scenario.h"
#include "lineage/eval/scenarios/item_file.h"

namespace lineage {

struct FileScenarioOptions {
  int shots = 0;
  bool chain = false;  // chain of thought: worked files, or tasks with `chain_prompt`
  // Worked examples to stand before the question, as BIG-Bench Hard has them for each task.
  std::filesystem::path chain_prompt = {};
  int samples = 1;  // of a chain; above 1 they vote
  Prompting::Vote vote = Prompting::Vote::majority;
  Malformed malformed = Malformed::error;
};

// Questions of a file as a scenario, for any model with a tokenizer. Items are put into a fixed
// order by chance; a tenth (64 at most) are examples, a fifth (200 at most) dev, the rest test.
std::shared_ptr<const Scenario> file_scenario(const std::filesystem::path&,
                                              const FileScenarioOptions& = {});

// One for each file of a folder (*.json, *.jsonl, packed or not), by name; of a file, itself.
std::vector<std::shared_ptr<const Scenario>> file_scenarios(const std::filesystem::path&,
                                                            const FileScenarioOptions& = {});

}  // namespace lineage
