#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "lineage/text/bpe_tables.h"

namespace lineage {

// The count of each piece of text. Short pieces, the majority, are inline in one flat table.
class PieceCounts {
 public:
  PieceCounts();

  // Counts the `size` bytes at p, of which `readable` may be read.
  void add(const char* p, size_t size, size_t readable, int64_t times = 1) {
    if (size > ShortPiece::kMaxBytes) {
      add_long({p, size}, times);
      return;
    }
    const ShortPiece piece = ShortPiece::read(p, size, readable);
    Entry& e = slot_of(piece);
    if (e.count == 0) [[unlikely]] {
      e.piece = piece;
      if (++used_ * 2 > entries_.size()) {
        e.count = times;
        grow();
        return;
      }
    }
    e.count += times;
  }
  void add(const PieceCounts& other);

  // visit(bytes, count), in no particular order.
  template <class Visit>
  void for_each(const Visit& visit) const {
    for (const Entry& e : entries_) {
      if (e.count == 0) continue;
      char bytes[16];
      std::memcpy(bytes, &e.piece, 16);
      visit(std::string_view(bytes, e.piece.high >> 56), e.count);
    }
    for (const auto& [bytes, count] : long_) visit(std::string_view(bytes), count);
  }
  size_t size() const { return used_ + long_.size(); }

 private:
  struct Entry {
    ShortPiece piece;
    int64_t count = 0;
  };
  Entry& slot_of(const ShortPiece& piece) {
    const size_t mask = entries_.size() - 1;
    for (uint64_t slot = piece.hash() & mask;; slot = (slot + 1) & mask) {
      Entry& e = entries_[slot];
      if (e.count == 0 || e.piece == piece) return e;
    }
  }
  void add_long(std::string_view piece, int64_t times);
  void grow();

  std::vector<Entry> entries_;
  size_t used_ = 0;
  std::unordered_map<std::string, int64_t> long_;
};

}  // namespace lineage
