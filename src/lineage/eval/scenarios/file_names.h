#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace lineage {

// The names of some files' scenarios, see file_scenarios(). No two names are equal.
std::vector<std::string> file_scenario_names(const std::vector<std::filesystem::path>&);

// An Error for a name that ends like an option's suffix: ".k5", ".cot", ".vote".
void check_scenario_name(const std::string&);

// The file's name with its folder's, "gsm8k/test.jsonl".
std::string file_title(const std::filesystem::path&);

}  // namespace lineage
