#include <bit>
#include <cmath>

#include "lineage/kernels/kernels.h"

namespace lineage {

float alibi_slope(int64_t head, int64_t heads) {
  const auto power = [](int64_t h, int64_t n) {
    return static_cast<float>(
        std::exp2(-8.0 * static_cast<double>(h + 1) / static_cast<double>(n)));
  };
  const int64_t lower = static_cast<int64_t>(std::bit_floor(static_cast<uint64_t>(heads)));
  return head < lower ? power(head, lower) : power(2 * (head - lower), 2 * lower);
}

std::vector<double> rotary_frequencies(double theta, int64_t channels) {
  std::vector<double> frequencies(static_cast<size_t>(channels / 2));
  // Powers by repeated products: one pow() a call, and an error of channels·1e-16.
  const double ratio = std::pow(theta, -2.0 / static_cast<double>(channels));
  double frequency = 1;
  for (double& f : frequencies) f = frequency, frequency *= ratio;
  return frequencies;
}

}  // namespace lineage
