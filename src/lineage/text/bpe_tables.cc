#include "lineage/text/bpe_tables.h"

#include <algorithm>

#include "lineage/text/merge_queue.h"

namespace lineage {
namespace {

// Twice as many slots as entries, so that a search ends soon.
size_t slots_for(size_t entries) { return std::bit_ceil(2 * entries + 2); }

// Up to here a scan over all pairs is faster than a queue.
constexpr size_t kScanSymbols = 48;

size_t merge_by_scanning(const PairTable& pairs, std::span<Token> symbols) {
  PairTable::Found next[kScanSymbols];  // next[i]: of symbols i and i + 1
  size_t n = symbols.size();
  for (size_t i = 0; i + 1 < n; ++i) next[i] = pairs.find(symbols[i], symbols[i + 1]);
  while (n > 1) {
    size_t best = 0;
    for (size_t i = 1; i + 1 < n; ++i)
      if (next[i].rank < next[best].rank) best = i;
    if (next[best].rank == PairTable::kNone) break;
    symbols[best] = next[best].result;
    --n;
    for (size_t i = best + 1; i < n; ++i) {
      symbols[i] = symbols[i + 1];
      next[i - 1] = next[i];
    }
    if (best > 0) next[best - 1] = pairs.find(symbols[best - 1], symbols[best]);
    if (best + 1 < n) next[best] = pairs.find(symbols[best], symbols[best + 1]);
  }
  return n;
}

}  // namespace

void PieceTable::build(const std::vector<std::string>& tokens, const std::vector<bool>& wanted) {
  entries_.assign(slots_for(tokens.size()), {});
  mask_ = entries_.size() - 1;
  for (size_t id = 0; id < tokens.size(); ++id) {
    const std::string& bytes = tokens[id];
    if (bytes.empty() || !wanted[id]) continue;
    if (bytes.size() > ShortPiece::kMaxBytes) {
      long_.emplace(bytes, static_cast<Token>(id));
      continue;
    }
    const ShortPiece piece = ShortPiece::read(bytes.data(), bytes.size(), bytes.size());
    uint64_t slot = piece.hash() & mask_;
    while (entries_[slot].piece.high != 0) slot = (slot + 1) & mask_;
    entries_[slot] = {piece, static_cast<Token>(id)};
  }
}

void PairTable::build(std::span<const BpeModel::Merge> merges) {
  entries_.assign(slots_for(merges.size()), {});
  mask_ = entries_.size() - 1;
  for (size_t rank = 0; rank < merges.size(); ++rank) {
    const uint64_t key = key_of(merges[rank].left, merges[rank].right);
    uint64_t slot = hash(key) & mask_;
    while (entries_[slot].key != kEmpty) slot = (slot + 1) & mask_;
    entries_[slot] = {key, {static_cast<uint32_t>(rank), merges[rank].result}};
  }
}

size_t apply_merges(const PairTable& pairs, std::span<Token> symbols) {
  if (symbols.size() <= kScanSymbols) return merge_by_scanning(pairs, symbols);
  return merge_by_queue(
      symbols, [&](Token left, Token right, size_t, size_t) { return pairs.find(left, right); });
}

}  // namespace lineage
