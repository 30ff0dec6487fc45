#include "lineage/kernels/timed.h"

#include <algorithm>

namespace lineage {

std::vector<std::pair<std::string, TimedKernels::Time>> TimedKernels::times() const {
  std::vector<std::pair<std::string, Time>> sorted(times_.begin(), times_.end());
  std::ranges::sort(
      sorted, [](const auto& a, const auto& b) { return a.second.seconds > b.second.seconds; });
  return sorted;
}

}  // namespace lineage
