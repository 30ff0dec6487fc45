#pragma once

#include "lineage/world/minipy/outcome.h"

namespace lineage::minipy {

// One level of the interpreter's own recursion, counted so that no program overruns the stack.
class Depth {
 public:
  explicit Depth(int& depth) : depth_(depth) {
    if (++depth_ > kMost) throw Fault{Outcome::recursion_error, "nested too deeply"};
  }
  ~Depth() { --depth_; }
  Depth(const Depth&) = delete;
  Depth& operator=(const Depth&) = delete;

 private:
  static constexpr int kMost = 4000;
  int& depth_;
};

}  // namespace lineage::minipy
