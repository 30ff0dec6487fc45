#include "lineage/eval/scenarios/program_verdicts.h"

#include <set>

namespace lineage {

void ProgramVerdicts::judge(std::span<const Instance> items, std::span<const Prediction> made) {
  std::set<std::string> programs;
  for (size_t i = 0; i < items.size(); ++i) {
    const auto add = [&](const std::string& output) {
      // Metrics count an empty output as failed.
      if (made[i].fits && !output.empty()) programs.insert(items[i].program(output));
    };
    add(made[i].output);
    for (const DrawnAnswer& sample : made[i].samples) add(sample.output);
  }
  execute({programs.begin(), programs.end()});
}

bool ProgramVerdicts::passed(const std::string& program) {
  execute({program});
  const std::lock_guard lock(mutex_);
  return passed_.at(program);
}

void ProgramVerdicts::execute(std::vector<std::string> programs) {
  {
    const std::lock_guard lock(mutex_);
    std::erase_if(programs, [&](const std::string& p) { return passed_.contains(p); });
  }
  if (programs.empty()) return;
  const std::vector<bool> passed = run_(programs);
  const std::lock_guard lock(mutex_);
  for (size_t i = 0; i < programs.size(); ++i) passed_.emplace(programs[i], passed[i]);
}

}  // namespace lineage
