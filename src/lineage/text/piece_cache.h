#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "lineage/text/bpe_tables.h"

namespace lineage {

// The tokens of short pieces that become several, the latest piece for each slot. One per thread;
// it serves one tokenizer at a time and is cleared for another.
class PieceCache {
 public:
  static constexpr size_t kMaxTokens = 7;
  struct Entry {
    ShortPiece piece;  // high 0: empty
    int32_t count = 0;
    Token tokens[kMaxTokens];
  };

  static PieceCache& of_this_thread(uint64_t tokenizer) {
    thread_local PieceCache cache;
    if (cache.tokenizer_ != tokenizer) {
      cache.entries_.assign(kSlots, {});
      cache.tokenizer_ = tokenizer;
    }
    return cache;
  }

  Entry& slot(uint64_t hash) { return entries_[hash >> 7 & (kSlots - 1)]; }

 private:
  static constexpr size_t kSlots = 16384;
  std::vector<Entry> entries_;
  uint64_t tokenizer_ = 0;
};

}  // namespace lineage
