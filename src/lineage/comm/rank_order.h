#pragma once

#include <span>

namespace lineage {

// out[i] = ((parts[0][i] + parts[1][i]) + parts[2][i]) + …, the one order in which ranks are
// summed. `out` may be one of the parts. Denormal results are flushed to zero on every thread, so
// that the bits do not depend on who sums.
void add_in_rank_order(std::span<float> out, std::span<const float* const> parts);

}  // namespace lineage
