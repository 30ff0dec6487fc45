#pragma once

#include <cstdint>
#include <utility>
#include <vector>

namespace lineage {

// A set of well-mixed 64-bit hashes: open addressing, 11 to 22 bytes an element.
class HashSet {
 public:
  // False when it was there already.
  bool insert(uint64_t hash) {
    if (hash == 0) return !std::exchange(has_zero_, true);  // 0 marks an empty place
    if (count_ * 4 >= places_.size() * 3) grow();
    uint64_t& place = find(hash);
    if (place == hash) return false;
    place = hash;
    ++count_;
    return true;
  }

 private:
  uint64_t& find(uint64_t hash) {
    size_t i = hash & (places_.size() - 1);
    while (places_[i] != 0 && places_[i] != hash) i = (i + 1) & (places_.size() - 1);
    return places_[i];
  }
  void grow() {
    const std::vector<uint64_t> old = std::exchange(places_, {});
    places_.resize(old.empty() ? 1024 : old.size() * 2);
    for (const uint64_t hash : old)
      if (hash != 0) find(hash) = hash;
  }

  std::vector<uint64_t> places_;
  size_t count_ = 0;
  bool has_zero_ = false;
};

}  // namespace lineage
