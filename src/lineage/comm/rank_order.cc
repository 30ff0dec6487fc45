#include "lineage/comm/rank_order.h"

#include <algorithm>
#include <array>
#include <cstddef>

#include "lineage/base/parallel.h"

namespace lineage {

void add_in_rank_order(std::span<float> out, std::span<const float* const> parts) {
  flush_denormals_to_zero();
  std::array<float, 1024> sum;  // in the first cache, and no alias of the parts
  for (size_t begin = 0; begin < out.size(); begin += sum.size()) {
    const size_t n = std::min(sum.size(), out.size() - begin);
    std::copy_n(parts[0] + begin, n, sum.data());
    for (const float* part : parts.subspan(1))
      for (size_t i = 0; i < n; ++i) sum[i] += part[begin + i];
    std::copy_n(sum.data(), n, out.data() + begin);
  }
}

}  // namespace lineage
