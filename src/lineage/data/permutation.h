#pragma once

#include <cassert>
#include <cstdint>

#include "lineage/base/rng.h"

namespace lineage {

// A keyed permutation of [0, n) without a table: an alternating Feistel network on a pair of
// digits (left < a, right < b) with a·b just above n, walked until it falls below n (Black and
// Rogaway, "Ciphers with arbitrary finite domains", CT-RSA 2002). The domain exceeds n by at most
// 2·sqrt(n), so a walk is rare.
class Permutation {
 public:
  Permutation(Rng key, int64_t n) : key_(key), n_(static_cast<uint64_t>(n)) {
    assert(n > 0);
    while (a_ * a_ < n_) a_ *= 2;  // the square root, from above, bit by bit
    for (uint64_t step = a_ / 2; step > 0; step /= 2)
      if ((a_ - step) * (a_ - step) >= n_) a_ -= step;
    b_ = (n_ + a_ - 1) / a_;
  }

  int64_t operator()(int64_t index) const {
    assert(index >= 0 && static_cast<uint64_t>(index) < n_);
    uint64_t x = static_cast<uint64_t>(index);
    do x = encrypt(x);
    while (x >= n_);
    return static_cast<int64_t>(x);
  }

 private:
  // Eight are enough for large n; on a handful of elements the bias vanishes at twelve.
  static constexpr uint64_t kRounds = 12;

  uint64_t encrypt(uint64_t x) const {
    uint64_t left = x / b_, right = x % b_;
    for (uint64_t round = 0; round < kRounds; round += 2) {
      left = (left + key_.bits(round << 48 | right) % a_) % a_;
      right = (right + key_.bits((round + 1) << 48 | left) % b_) % b_;
    }
    return left * b_ + right;
  }

  Rng key_;
  uint64_t n_, a_ = 1, b_ = 1;
};

}  // namespace lineage
