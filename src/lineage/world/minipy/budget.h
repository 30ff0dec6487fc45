#pragma once

#include "lineage/world/minipy/outcome.h"

namespace lineage::minipy {

// Limits of a program's run. A step is a statement, an iteration of a loop, an item of a
// comprehension or a call.
struct Limits {
  int64_t steps = 2000;
  int64_t cells = 1 << 16;         // list items, dictionary entries, 8 characters of a string, …
  int64_t output_bytes = 1 << 16;  // printed
  int calls = 200;                 // nested calls of functions
};

// Counts against the limits. Memory is never freed within a run, so everything ever made counts.
class Budget {
 public:
  explicit Budget(const Limits& limits)
      : limits_(limits), work_left_(1000 * limits.steps), cells_left_(limits.cells) {}

  int64_t steps() const { return steps_; }
  void step() {
    if (++steps_ > limits_.steps) throw Fault{Outcome::step_limit, "too many steps"};
  }
  // Counts anything that touches n items, so that a step's time has a bound.
  void work(int64_t n = 1) {
    if ((work_left_ -= n) < 0) throw Fault{Outcome::step_limit, "too much work"};
  }
  void cells(int64_t n) {
    if ((cells_left_ -= n) < 0) throw Fault{Outcome::memory_limit, "too much memory"};
    work(n);
  }
  void characters(size_t n) { cells(static_cast<int64_t>(n / 8) + 1); }

 private:
  const Limits& limits_;
  int64_t steps_ = 0;
  int64_t work_left_, cells_left_;
};

}  // namespace lineage::minipy
