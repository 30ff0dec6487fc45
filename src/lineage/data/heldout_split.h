#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lineage/data/provenance.h"

namespace lineage {

// The part of a corpus held out of training: the documents whose hash is below `hash`, and the last
// `tail` bytes of those with exactly this hash.
//
// At first `hash` is share x 2^64, so a text is on the same side in every source. Where that holds
// out less than 3/4 or more than 5/4 of the share of all bytes, as with few documents or a very
// large one, the border moves: documents in the order of their hashes, up to the share. So the
// split depends on the texts alone, not on their order.
struct HeldoutBorder {
  uint64_t hash = 0;
  int64_t tail = 0;
  bool operator==(const HeldoutBorder&) const = default;
};

struct HashedSize {
  uint64_t hash;
  int64_t bytes;
};
// The hash of a document that is held out last of all: one that describes its folder (README …).
constexpr uint64_t kHeldOutLast = ~uint64_t{0};

// share x 2^64; 0 <= share <= 1.
HeldoutBorder first_border(double share);
// The border for documents of these hashes and sizes. Some are always left for training. With `cut`
// a document may be on both sides; without, the share is met to the nearest document.
HeldoutBorder heldout_border(std::vector<HashedSize>, double share, bool cut);

// Where to cut `text` so that about its last `tail` bytes are held out: at the nearest paragraph's
// beginning, else line's, else word's, at most half of `tail` away. npos when either side would be
// blank.
size_t heldout_cut(std::string_view text, int64_t tail);

// The warning for a source that should hold out `share` of its bytes and holds out nothing, or less
// than the 1,000 tokens from which a loss begins to be informative; "" otherwise. `table` names the
// source as recipes do: "sources.books".
std::string heldout_warning(const std::string& table, double share, const SourceRecord&);

}  // namespace lineage
