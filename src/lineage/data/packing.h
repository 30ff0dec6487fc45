#pragma once

#include <array>
#include <string_view>

#include "lineage/data/corpus.h"
#include "lineage/data/dataset.h"

namespace lineage {

// The arrangement of documents in rows of a context.
enum class Packing : uint8_t {
  packed,    // one after the other; a row's border cuts a document
  best_fit,  // several whole documents in a row, the rest padding
  single     // one document in a row, the rest padding
};
constexpr std::array<std::string_view, 3> enum_names(Packing) {
  return {"packed", "best_fit", "single"};
}

// Row r is tokens [r·T, r·T + T] of the corpus' stream (the last one also begins row r + 1), so
// each token but the first is predicted once. The last row may be shorter.
DatasetPtr packed_rows(CorpusPtr corpus, int64_t context);

// Whole documents, each in one row of T + 1 tokens at most (Ding et al. 2024, "Fewer truncations
// improve language modeling": best-fit decreasing). Only documents above that are cut, as
// packed_rows() would cut them. Keeps 12 to 16 bytes a document in memory. Documents of fewer than
// two tokens are left out: they predict nothing. With `join` false, one document a row.
DatasetPtr fitted_rows(DatasetPtr documents, int64_t context, bool join = true);

DatasetPtr rows_of(CorpusPtr corpus, Packing packing, int64_t context);

}  // namespace lineage
