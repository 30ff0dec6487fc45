#pragma once

#include <cstdint>
#include <queue>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "lineage/base/progress.h"
#include "lineage/text/piece_counts.h"

namespace lineage {

// The loop of BPE training: repeatedly joins the most frequent pair of neighbours. Of equally
// frequent pairs the one with the lexicographically greater (left bytes, right bytes) wins, so the
// result depends on the counts alone.
//
// Every pair has a list of the words it may be in, so that a merge visits those only; a queue holds
// counts that may be out of date, but never too low.
class MergeLearner {
 public:
  struct Learned {
    uint32_t left, right;  // symbols: below 256 a byte, else 256 + the place of its merge
  };

  explicit MergeLearner(const PieceCounts& counts);

  // Up to `merges` of them; fewer when no pair occurs at least `min_frequency` times.
  std::vector<Learned> learn(int64_t merges, int64_t min_frequency, Progress&);

 private:
  struct Word {
    size_t begin;   // of its symbols
    uint32_t size;  // number of symbols left
    int64_t count;
  };
  struct Pair {
    uint32_t left, right;
    int64_t count = 0;
    std::vector<uint32_t> words;  // where it was seen, with duplicates and stale ones
  };
  struct Candidate {
    int64_t count;
    uint32_t pair;
  };

  Pair& pair_of(uint32_t left, uint32_t right);
  void see(uint32_t left, uint32_t right, uint32_t word);
  void drop(uint32_t left, uint32_t right, int64_t count);
  void merge_in_word(uint32_t word, uint32_t left, uint32_t right, uint32_t joined);
  bool less(const Candidate& a, const Candidate& b) const;
  void push(uint32_t pair);

  std::vector<uint32_t> symbols_;
  std::vector<Word> words_;
  std::vector<Pair> pairs_;
  std::unordered_map<uint64_t, uint32_t> pair_at_;
  std::vector<std::string> bytes_;  // of each symbol
  std::vector<Candidate> queue_;    // a heap by less()
};

}  // namespace lineage
