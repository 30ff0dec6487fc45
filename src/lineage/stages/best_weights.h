#pragma once

#include <filesystem>
#include <limits>

#include "lineage/nn/parameters.h"

namespace lineage {

// The weights of the best measurement of a run: the one of the least loss. They are in a file of
// the node's folder, so a resumed run finds them; its repeated measurements are equal. Used on rank
// 0.
class BestWeights {
 public:
  explicit BestWeights(const std::filesystem::path& folder);
  void consider(double loss, const Parameters&);
  // The best so far into `parameters`, which stay as they are if there was none.
  void load(Parameters& parameters) const;
  void remove() const;

 private:
  std::filesystem::path file_;
  double loss_ = std::numeric_limits<double>::infinity();
};

}  // namespace lineage
