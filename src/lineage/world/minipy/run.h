#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lineage/world/minipy/ast.h"
#include "lineage/world/minipy/budget.h"

namespace lineage::minipy {

struct RunOptions {
  Limits limits;
  bool echo = false;                // a top-level expression prints its value, as at ">>>"
  bool record_assignments = false;  // to plain names
};

// Output that a line of the program caused, in order; `text` is without the final line feed.
struct Printed {
  int32_t line;
  std::string text;
};
// After `name = …` or `name += …` ran: the value's repr().
struct Assigned {
  int32_t line;
  std::string_view name;  // within the Program
  std::string value;
};

struct RunResult {
  Outcome outcome = Outcome::ok;
  std::string message;  // of the fault
  int32_t line = 0;     // where it happened
  std::string output;   // everything printed before it
  std::vector<Printed> printed;
  std::vector<Assigned> assigned;
  int64_t steps = 0;
  int64_t greatest = 0;  // absolute value of any integer computed
};

// Runs a program to its end or to a limit. The program's faults do not throw.
RunResult run(const Program&, const RunOptions& = {});

// Parses first: an invalid program gives syntax_error.
RunResult run_source(std::string_view source, const RunOptions& = {});

}  // namespace lineage::minipy
