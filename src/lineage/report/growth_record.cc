#include "lineage/report/growth_record.h"

#include <fmt/format.h>
#include <unistd.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "lineage/base/error.h"
#include "lineage/base/file.h"

namespace lineage {

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(GrowthRun, command, machine, code, started, seconds)

namespace {

constexpr const char* kFile = "growth.json";

std::string processor() {
  std::ifstream cpuinfo("/proc/cpuinfo");
  for (std::string line; std::getline(cpuinfo, line);)
    if (line.starts_with("model name"))
      if (const size_t colon = line.find(": "); colon != std::string::npos)
        return line.substr(colon + 2);
  return "unknown processor";
}

void write_growth_record(const std::filesystem::path& tree, const GrowthRecord& record) {
  const nlohmann::json json = {{"recipe", record.recipe},
                               {"controls", record.controls},
                               {"steps", record.steps},
                               {"runs", record.runs}};
  write_file_atomic(tree / kFile,
                    json.dump(1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

}  // namespace

void begin_growth(const std::filesystem::path& tree, const std::string& recipe,
                  const std::map<std::string, std::string>& controls,
                  const std::map<std::string, int64_t>& steps) {
  const FolderLock lock(tree, LockWait{kFile, silent()});
  auto record = read_growth_record(tree).value_or(GrowthRecord{});
  record.recipe = recipe, record.controls = controls;
  for (const auto& [node, n] : steps) record.steps[node] = n;
  write_growth_record(tree, record);
}

void add_growth_run(const std::filesystem::path& tree, const std::string& recipe,
                    const std::map<std::string, std::string>& controls, const GrowthRun& run) {
  // Read, changed and written by one process at a time.
  const FolderLock lock(tree, LockWait{kFile, silent()});
  auto record = read_growth_record(tree).value_or(GrowthRecord{});
  auto& runs = record.runs;
  if (!runs.empty() && runs.back().command == run.command && runs.back().machine == run.machine &&
      runs.back().code == run.code)
    runs.back().seconds += run.seconds;
  else
    runs.push_back(run);
  record.recipe = recipe, record.controls = controls;
  write_growth_record(tree, record);
}

std::optional<GrowthRecord> read_growth_record(const std::filesystem::path& tree) {
  if (!std::filesystem::exists(tree / kFile)) return std::nullopt;
  const auto json = nlohmann::json::parse(read_file(tree / kFile), nullptr, false);
  try {
    return GrowthRecord{json.at("recipe"), json.at("controls"),
                        json.value("steps", std::map<std::string, int64_t>()), json.at("runs")};
  } catch (const nlohmann::json::exception&) {
    return std::nullopt;
  }
}

std::string describe_machine() {
  constexpr double kGiB = 1 << 30;
  const double memory =
      static_cast<double>(sysconf(_SC_PHYS_PAGES)) * static_cast<double>(sysconf(_SC_PAGE_SIZE));
  const int64_t cores = sysconf(_SC_NPROCESSORS_ONLN);
  return fmt::format("{}, {} core{}, {:.0f} GiB", processor(), cores, cores == 1 ? "" : "s",
                     memory / kGiB);
}

}  // namespace lineage
