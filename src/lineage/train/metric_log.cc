#include "lineage/train/metric_log.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

#include "lineage/base/error.h"
#include "lineage/base/file.h"

namespace lineage {

MetricLog::MetricLog(std::filesystem::path path, int64_t resumed_step) : path_(std::move(path)) {
  std::string kept;
  if (std::ifstream old(path_); old)
    for (std::string line; std::getline(old, line);) {
      const auto json = nlohmann::json::parse(line, nullptr, false);
      // A line cut by a kill does not parse; its step comes again.
      if (json.is_object() && json.value("step", int64_t{0}) <= resumed_step) kept += line + "\n";
    }
  write_file_atomic(path_, kept);
  out_.open(path_, std::ios::app);
  if (!out_) throw Error(path_.string() + ": cannot append to the metrics");
}

void MetricLog::write(const std::string& json_object) {
  if (!out_.is_open()) return;
  errno = 0;
  out_ << json_object << '\n' << std::flush;
  if (!out_)
    throw Error(fmt::format("{}: cannot write {} bytes: {}", path_.string(), json_object.size() + 1,
                            std::strerror(errno ? errno : EIO)),
                "free some space on this disk and run it again; it goes on from the last state");
}

}  // namespace lineage
