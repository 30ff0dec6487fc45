#include "lineage/text/merge_learner.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace lineage {

MergeLearner::MergeLearner(const PieceCounts& counts) {
  for (int byte = 0; byte < 256; ++byte) bytes_.emplace_back(1, static_cast<char>(byte));
  counts.for_each([&](std::string_view piece, int64_t count) {
    if (piece.size() < 2) return;
    words_.push_back({symbols_.size(), static_cast<uint32_t>(piece.size()), count});
    for (char c : piece) symbols_.push_back(static_cast<uint8_t>(c));
  });
  for (uint32_t w = 0; w < words_.size(); ++w)
    for (size_t i = words_[w].begin; i + 1 < words_[w].begin + words_[w].size; ++i)
      see(symbols_[i], symbols_[i + 1], w);
}

MergeLearner::Pair& MergeLearner::pair_of(uint32_t left, uint32_t right) {
  const uint64_t key = static_cast<uint64_t>(left) << 32 | right;
  const auto [it, fresh] = pair_at_.try_emplace(key, static_cast<uint32_t>(pairs_.size()));
  if (fresh) pairs_.push_back({left, right, 0, {}});
  return pairs_[it->second];
}

void MergeLearner::see(uint32_t left, uint32_t right, uint32_t word) {
  Pair& pair = pair_of(left, right);
  pair.count += words_[word].count;
  if (pair.words.empty() || pair.words.back() != word) pair.words.push_back(word);
}

void MergeLearner::drop(uint32_t left, uint32_t right, int64_t count) {
  pair_of(left, right).count -= count;
}

// One occurrence after the other, from the left: each takes its two old neighbour pairs away and
// brings two new ones.
void MergeLearner::merge_in_word(uint32_t word, uint32_t left, uint32_t right, uint32_t joined) {
  Word& w = words_[word];
  uint32_t* s = symbols_.data() + w.begin;
  uint32_t kept = 0;
  for (uint32_t i = 0; i < w.size; ++i) {
    if (s[i] != left || i + 1 == w.size || s[i + 1] != right) {
      s[kept++] = s[i];
      continue;
    }
    drop(left, right, w.count);
    if (kept > 0) {
      drop(s[kept - 1], left, w.count);
      see(s[kept - 1], joined, word);
    }
    if (i + 2 < w.size) {
      drop(right, s[i + 2], w.count);
      see(joined, s[i + 2], word);
    }
    s[kept++] = joined;
    ++i;
  }
  w.size = kept;
}

bool MergeLearner::less(const Candidate& a, const Candidate& b) const {
  if (a.count != b.count) return a.count < b.count;
  const Pair &p = pairs_[a.pair], &q = pairs_[b.pair];
  if (const int order = bytes_[p.left].compare(bytes_[q.left]); order != 0) return order < 0;
  return bytes_[p.right] < bytes_[q.right];
}

void MergeLearner::push(uint32_t pair) {
  queue_.push_back({pairs_[pair].count, pair});
  std::push_heap(queue_.begin(), queue_.end(),
                 [this](const Candidate& a, const Candidate& b) { return less(a, b); });
}

std::vector<MergeLearner::Learned> MergeLearner::learn(int64_t merges, int64_t min_frequency,
                                                       Progress& progress) {
  min_frequency = std::max<int64_t>(min_frequency, 1);
  for (uint32_t p = 0; p < pairs_.size(); ++p)
    if (pairs_[p].count >= min_frequency) push(p);
  std::vector<Learned> learned;
  while (static_cast<int64_t>(learned.size()) < merges && !queue_.empty()) {
    std::pop_heap(queue_.begin(), queue_.end(),
                  [this](const Candidate& a, const Candidate& b) { return less(a, b); });
    const Candidate best = queue_.back();
    queue_.pop_back();
    if (pairs_[best.pair].count != best.count) {  // it has fallen since it was queued
      if (pairs_[best.pair].count >= min_frequency) push(best.pair);
      continue;
    }
    const uint32_t left = pairs_[best.pair].left, right = pairs_[best.pair].right;
    const uint32_t joined = static_cast<uint32_t>(bytes_.size());
    bytes_.push_back(bytes_[left] + bytes_[right]);
    learned.push_back({left, right});
    const std::vector<uint32_t> words = std::exchange(pairs_[best.pair].words, {});
    const uint32_t first_new = static_cast<uint32_t>(pairs_.size());
    for (uint32_t word : words) merge_in_word(word, left, right, joined);
    assert(pairs_[best.pair].count == 0);
    // A pair grows only in the step that makes one of its symbols.
    for (uint32_t p = first_new; p < pairs_.size(); ++p)
      if (pairs_[p].count >= min_frequency) push(p);
    if (learned.size() % 256 == 0)
      progress.update("tokenizer",
                      static_cast<double>(learned.size()) / static_cast<double>(merges),
                      std::to_string(learned.size()) + " merges");
  }
  return learned;
}

}  // namespace lineage
