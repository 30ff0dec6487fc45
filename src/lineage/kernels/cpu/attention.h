#pragma once

#include <cstdint>
#include <vector>

#include "lineage/kernels/kernels.h"

// What the parts of attention agree on. A task works through blocks of kQueries queries and chunks
// of kKeys keys; scores are kept transposed, S(key, query), so that the lanes of a vector are
// queries: the softmax needs no sums across lanes, and rows of S are ready to be broadcast in P V.
namespace lineage::attention_layout {

constexpr int64_t kQueries = 48;  // of a block
constexpr int64_t kPanel = 16;    // queries that one register tile works on
constexpr int64_t kKeys = 256;    // of a chunk
constexpr int64_t kSlack = 12;    // rows beyond a chunk that a register tile may touch
constexpr float kLog2E = 1.44269504088896341f, kLn2 = 0.693147180559945309f;

// Rows of D floats are copied to this distance, zeros after D: whole vectors, and an odd number of
// cache lines, so that the rows of a chunk spread over all sets of the cache.
inline int64_t row_distance(int64_t head_width) { return ((head_width + 15) / 16 | 1) * 16; }

// first[t] for every t of every sequence, each padded to whole blocks by repeating its last.
inline std::vector<int32_t> first_keys(const Tensor& starts, int64_t sequences, int64_t steps,
                                       int64_t window) {
  const int64_t padded = (steps + kQueries - 1) / kQueries * kQueries;
  std::vector<int32_t> first(static_cast<size_t>(sequences * padded));
  for (int64_t b = 0; b < sequences; ++b)
    for (int64_t i = 0; i < padded; ++i) {
      const int64_t t = i < steps ? i : steps - 1;
      const int32_t document = starts.empty() ? 0 : starts.data<int32_t>()[b * steps + t];
      const int64_t oldest = window > 0 ? t - window + 1 : 0;
      first[b * padded + i] = static_cast<int32_t>(document > oldest ? document : oldest);
    }
  return first;
}

}  // namespace lineage::attention_layout
