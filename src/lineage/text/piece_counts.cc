#include "lineage/text/piece_counts.h"

#include <utility>

namespace lineage {

PieceCounts::PieceCounts() : entries_(size_t{1} << 14) {}

void PieceCounts::add(const PieceCounts& other) {
  other.for_each([&](std::string_view bytes, int64_t count) {
    add(bytes.data(), bytes.size(), bytes.size(), count);
  });
}

void PieceCounts::add_long(std::string_view piece, int64_t times) {
  long_[std::string(piece)] += times;
}

void PieceCounts::grow() {
  const std::vector<Entry> old = std::exchange(entries_, std::vector<Entry>(entries_.size() * 2));
  for (const Entry& e : old)
    if (e.count != 0) slot_of(e.piece) = e;
}

}  // namespace lineage
