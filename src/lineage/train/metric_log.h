#pragma once

#include <filesystem>
#include <fstream>
#include <string>

namespace lineage {

// A JSONL file of what happened during a run, one object a line, each with a "step". Lines are
// flushed as they are written. Opening for a run that resumes after `step` drops the lines of later
// steps, since those steps come again. Used by one thread of rank 0.
class MetricLog {
 public:
  MetricLog() = default;  // discards
  MetricLog(std::filesystem::path, int64_t resumed_step);
  void write(const std::string& json_object);

 private:
  std::filesystem::path path_;
  std::ofstream out_;
};

}  // namespace lineage
