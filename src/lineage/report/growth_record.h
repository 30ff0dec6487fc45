#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace lineage {

// One run of `lineage grow` on a tree.
struct GrowthRun {
  std::string command, machine, code;  // code: version of the program
  std::string started;                 // UTC, ISO 8601
  double seconds = 0;
};

// Facts about a run that no checkpoint has: OUT/trees/RECIPE/growth.json.
struct GrowthRecord {
  std::string recipe;                           // TOML as merged
  std::map<std::string, std::string> controls;  // node -> the node it is compared with, or ""
  std::map<std::string, int64_t> steps;  // of nodes, as planned when a run began; may lack some
  std::vector<GrowthRun> runs;           // oldest first
};

// Replaces recipe and controls and adds the planned steps of nodes: written before the first node
// grows, so that whoever looks at the run meanwhile knows what it grows.
void begin_growth(const std::filesystem::path& tree, const std::string& recipe,
                  const std::map<std::string, std::string>& controls,
                  const std::map<std::string, int64_t>& steps);
// Replaces recipe and controls and adds the run; the same command again on the same machine, as
// after an interruption, adds its seconds only.
void add_growth_run(const std::filesystem::path& tree, const std::string& recipe,
                    const std::map<std::string, std::string>& controls, const GrowthRun&);
// None if there is no readable file: a report does without.
std::optional<GrowthRecord> read_growth_record(const std::filesystem::path& tree);

// "AMD EPYC 7R13, 2 cores, 24 GiB".
std::string describe_machine();

}  // namespace lineage
