#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace lineage {

// What `grow` knows of itself and no checkpoint does: OUT/trees/RECIPE/growth.json, written at its
// end. A run that was cut and taken up again adds its seconds to those before.
struct GrowthRecord {
  std::string command, machine, recipe;  // recipe: TOML as merged
  double seconds = 0;
};

void add_growth_record(const std::filesystem::path& tree, const GrowthRecord&);
// None where there is no such file or it cannot be read: a report does without.
std::optional<GrowthRecord> read_growth_record(const std::filesystem::path& tree);

// "AMD EPYC 7R13, 2 cores, 24 GiB".
std::string describe_machine();

}  // namespace lineage
