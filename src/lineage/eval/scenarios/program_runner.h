#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

namespace lineage {

// Executes Python programs with their tests, each in a sandbox, and says of each whether it passed,
// in their order. A program that fails in any way has not; an Error is a sandbox that does not
// work.
using ProgramRunner = std::function<std::vector<bool>(std::span<const std::string> programs)>;

}  // namespace lineage
