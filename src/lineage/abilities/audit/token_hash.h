#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "lineage/text/tokenizer.h"

namespace lineage {

constexpr uint64_t mix_bits(uint64_t x) {  // splitmix64's finaliser
  x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9ull;
  x = (x ^ x >> 27) * 0x94D049BB133111EBull;
  return x ^ x >> 31;
}

// Hashes of all pieces of a document, each in constant time: a polynomial over its tokens.
class TokenHashes {
 public:
  void read(std::span<const Token> tokens) {
    prefix_.resize(tokens.size() + 1);
    while (powers_.size() < prefix_.size()) powers_.push_back(powers_.back() * kBase);
    for (size_t i = 0; i < tokens.size(); ++i)
      prefix_[i + 1] = prefix_[i] * kBase + mix_bits(static_cast<uint64_t>(tokens[i]) + 0x9E3779B9);
  }
  uint64_t of(size_t begin, size_t end) const {
    return mix_bits(prefix_[end] - prefix_[begin] * powers_[end - begin] + (end - begin));
  }

 private:
  static constexpr uint64_t kBase = 0x9E3779B97F4A7C15ull;
  std::vector<uint64_t> prefix_ = {0}, powers_ = {1};
};

inline uint64_t token_hash(std::span<const Token> tokens) {
  TokenHashes h;
  h.read(tokens);
  return h.of(0, tokens.size());
}

// A set of hashes, numbered in the order of insertion, whose misses cost one lookup in a filter of
// 2^filter_bits bits.
class HashTable {
 public:
  static constexpr uint32_t kNone = 0xFFFFFFFF;

  explicit HashTable(int filter_bits = 20)
      : shift_(64 - (filter_bits - 6)), filter_(size_t{1} << (filter_bits - 6)) {}

  // All must be inserted before the first find().
  uint32_t insert(uint64_t hash) {
    if (2 * (size_ + 1) > slots_.size()) grow();
    size_t at = hash & (slots_.size() - 1);
    for (; slots_[at].number != kNone; at = (at + 1) & (slots_.size() - 1))
      if (slots_[at].hash == hash) return slots_[at].number;
    slots_[at] = {hash, size_};
    filter_[hash >> shift_] |= uint64_t{1} << (hash >> (shift_ - 6) & 63);
    return size_++;
  }
  uint32_t find(uint64_t hash) const {
    if (!(filter_[hash >> shift_] >> (hash >> (shift_ - 6) & 63) & 1)) return kNone;
    for (size_t at = hash & (slots_.size() - 1);; at = (at + 1) & (slots_.size() - 1)) {
      if (slots_[at].number == kNone) return kNone;
      if (slots_[at].hash == hash) return slots_[at].number;
    }
  }
  uint32_t size() const { return size_; }

 private:
  struct Slot {
    uint64_t hash = 0;
    uint32_t number = kNone;
  };
  void grow() {
    std::vector<Slot> old(std::max<size_t>(1024, 2 * slots_.size()));
    old.swap(slots_);
    for (const Slot& s : old) {
      if (s.number == kNone) continue;
      size_t at = s.hash & (slots_.size() - 1);
      while (slots_[at].number != kNone) at = (at + 1) & (slots_.size() - 1);
      slots_[at] = s;
    }
  }
  int shift_;
  std::vector<uint64_t> filter_;
  std::vector<Slot> slots_;
  uint32_t size_ = 0;
};

}  // namespace lineage
