#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "lineage/base/rng.h"

namespace lineage {

// A sequence of random draws from one key, for generators that decide many small things. It is a
// value: a document's draws depend on its key alone.
class Draw {
 public:
  explicit Draw(Rng key) : key_(key) {}

  int below(int n) { return static_cast<int>(key_.below(static_cast<uint64_t>(n), next_++)); }
  int between(int low, int high) { return low + below(high - low + 1); }  // both included
  double uniform() { return key_.uniform_double(next_++); }
  bool chance(double p) { return uniform() < p; }
  template <class T>
  const T& pick(std::span<const T> of) {
    return of[below(static_cast<int>(of.size()))];
  }
  template <class T>
  const T& pick(const std::vector<T>& of) {
    return pick(std::span<const T>(of));
  }
  template <class T, size_t N>
  const T& pick(const std::array<T, N>& of) {
    return pick(std::span<const T>(of));
  }
  // One of these words, as text.
  std::string_view word(std::initializer_list<std::string_view> of) {
    return of.begin()[below(static_cast<int>(of.size()))];
  }
  template <class Range>
  void shuffle(Range& range) {
    for (int i = static_cast<int>(std::size(range)) - 1; i > 0; --i)
      std::swap(range[i], range[below(i + 1)]);
  }
  // `count` different numbers of [0, n), in random order; count <= n.
  std::vector<int> distinct(int count, int n) {
    std::vector<int> all(static_cast<size_t>(n));
    for (int i = 0; i < n; ++i) all[i] = i;
    for (int i = 0; i < count; ++i) std::swap(all[i], all[between(i, n - 1)]);
    all.resize(static_cast<size_t>(count));
    return all;
  }

 private:
  Rng key_;
  uint64_t next_ = 0;
};

}  // namespace lineage
