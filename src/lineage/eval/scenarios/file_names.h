#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace lineage {

// What the scenarios of some files are called, see file_scenarios(). No two names are equal.
std::vector<std::string> file_scenario_names(const std::vector<std::filesystem::path>&);

// An Error where a name ends as options end it: ".k5", ".cot", ".vote".
void check_scenario_name(const std::string&);

// The file with the folder that it lies in, "gsm8k/test.jsonl".
std::string file_title(const std::filesystem::path&);

}  // namespace lineage
