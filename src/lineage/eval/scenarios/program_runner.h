#pragma once

#include <functional>
#include <string>

namespace lineage {

struct ProgramVerdict {
  bool passed = false;
  std::string why;  // of a failure: "failed", "timed out"
};

// Executes a Python program with its tests, in a sandbox. A program that fails in any way is a
// verdict; an Error is a sandbox that does not work.
using ProgramRunner = std::function<ProgramVerdict(const std::string& program)>;

}  // namespace lineage
