#pragma once

#include <cstdint>
#include <queue>
#include <span>
#include <tuple>
#include <vector>

#include "lineage/text/bpe_tables.h"

namespace lineage {

// apply_merges() for long sequences, in O(n log n): a queue of candidate pairs over a linked list.
// find(left, right, begin, end) answers as PairTable::find does; [begin, end) are the initial
// symbols that the pair covers.
template <class Find>
size_t merge_by_queue(std::span<Token> symbols, const Find& find) {
  struct Candidate {
    uint32_t rank;
    size_t at;
    bool operator>(const Candidate& o) const { return std::tie(rank, at) > std::tie(o.rank, o.at); }
  };
  const size_t n = symbols.size();
  // next[i] is where the symbol that starts at i ends; previous[i] where its left neighbour starts.
  std::vector<size_t> next(n), previous(n);
  std::vector<PairTable::Found> pair(n);  // of the symbol at i and its right neighbour
  std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> queue;
  const auto look = [&](size_t i) {
    pair[i] = {};
    if (next[i] == n) return;
    pair[i] = find(symbols[i], symbols[next[i]], i, next[next[i]]);
    if (pair[i].rank != PairTable::kNone) queue.push({pair[i].rank, i});
  };
  for (size_t i = 0; i < n; ++i) {
    next[i] = i + 1;
    previous[i] = i - 1;  // wraps at 0 and is not used there
  }
  for (size_t i = 0; i < n; ++i) {
    // next[i + 1] is i + 2 already, so pairs can be looked up in this order.
    look(i);
  }
  while (!queue.empty()) {
    const auto [rank, i] = queue.top();
    queue.pop();
    if (pair[i].rank != rank) continue;  // out of date: one of the two has changed or is gone
    const size_t gone = next[i];
    symbols[i] = pair[i].result;
    next[i] = next[gone];
    pair[gone] = {};
    if (next[i] < n) previous[next[i]] = i;
    look(i);
    if (i > 0) look(previous[i]);
  }
  size_t count = 0;
  for (size_t i = 0; i < n; i = next[i]) symbols[count++] = symbols[i];
  return count;
}

}  // namespace lineage
