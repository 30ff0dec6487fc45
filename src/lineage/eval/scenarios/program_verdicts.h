#pragma once

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "lineage/eval/instance.h"
#include "lineage/eval/prediction.h"
#include "lineage/eval/scenarios/program_runner.h"

namespace lineage {

// Which programs passed. Each is executed once, whichever metrics judge it. Models that are
// measured in parallel may share it.
class ProgramVerdicts {
 public:
  explicit ProgramVerdicts(ProgramRunner run) : run_(std::move(run)) {}

  // Executes the programs of all outputs side by side.
  void judge(std::span<const Instance>, std::span<const Prediction>);
  // Executes it where judge() has not.
  bool passed(const std::string& program);

 private:
  void execute(std::vector<std::string> programs);

  ProgramRunner run_;
  std::mutex mutex_;
  std::map<std::string, bool> passed_;
};

}  // namespace lineage
