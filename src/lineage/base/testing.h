#pragma once

#include "lineage/base/parallel.h"

namespace lineage::testing {

// Sets this thread's number of compute threads for one scope.
class UseThreads {
 public:
  explicit UseThreads(int n) : before_(num_threads()) { set_num_threads(n); }
  ~UseThreads() { set_num_threads(before_); }
  UseThreads(const UseThreads&) = delete;
  UseThreads& operator=(const UseThreads&) = delete;

 private:
  int before_;
};

}  // namespace lineage::testing
