#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <string_view>

namespace lineage {

// Counter-based random numbers, Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as
// 1, 2, 3", SC 2011). A value depends on its key and index, never on earlier draws or the thread,
// so a checkpoint saves nothing but the seed and the step:
//
//   Rng rng = Rng(seed).fold("dropout").fold(step);   // a key for every purpose
//   float u = rng.uniform(i);                         // the i-th draw of that key
class Rng {
 public:
  explicit constexpr Rng(uint64_t seed) : key_(seed) {}

  // A new, independent key. Folding is one Philox block keyed by the old key.
  constexpr Rng fold(uint64_t tag) const { return Rng(word64(block(key_, tag, kFold), 0)); }
  constexpr Rng fold(std::string_view tag) const {
    uint64_t hash = 0xCBF29CE484222325ull;  // FNV-1a, 64 bits
    for (char c : tag) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3ull;
    return fold(hash);
  }

  constexpr uint64_t key() const { return key_; }
  constexpr uint64_t bits(uint64_t index) const { return word64(block(key_, index, kDraw), 0); }
  // In [0, 1), a multiple of 2^-24 (float) or 2^-53 (double).
  constexpr float uniform(uint64_t index) const {
    return static_cast<float>(bits(index) >> 40) * 0x1p-24f;
  }
  constexpr double uniform_double(uint64_t index) const {
    return static_cast<double>(bits(index) >> 11) * 0x1p-53;
  }
  // In [0, n); n > 0. The bias is below n / 2^64.
  constexpr uint64_t below(uint64_t n, uint64_t index) const {
    __extension__ using Wide = unsigned __int128;  // not ISO C++; -Wpedantic would complain
    return static_cast<uint64_t>((static_cast<Wide>(bits(index)) * n) >> 64);
  }
  // Standard normal by Box and Muller, from one Philox block.
  float normal(uint64_t index) const {
    const auto b = block(key_, index, kDraw);
    const double u = (static_cast<double>(word64(b, 0) >> 11) + 1) * 0x1p-53;  // in (0, 1]
    const double v = static_cast<double>(word64(b, 1) >> 11) * 0x1p-53;
    return static_cast<float>(std::sqrt(-2 * std::log(u)) * std::cos(2 * std::numbers::pi * v));
  }

 private:
  using Block = std::array<uint32_t, 4>;
  static constexpr uint32_t kDraw = 0, kFold = 1;

  static constexpr uint64_t word64(const Block& b, int half) {
    return static_cast<uint64_t>(b[2 * half + 1]) << 32 | b[2 * half];
  }
  static constexpr Block block(uint64_t key, uint64_t counter, uint32_t domain) {
    uint32_t k0 = static_cast<uint32_t>(key), k1 = static_cast<uint32_t>(key >> 32);
    Block c{static_cast<uint32_t>(counter), static_cast<uint32_t>(counter >> 32), domain, 0};
    for (int round = 0; round < 10; ++round) {
      const uint64_t p0 = 0xD2511F53ull * c[0], p1 = 0xCD9E8D57ull * c[2];
      c = {static_cast<uint32_t>(p1 >> 32) ^ c[1] ^ k0, static_cast<uint32_t>(p1),
           static_cast<uint32_t>(p0 >> 32) ^ c[3] ^ k1, static_cast<uint32_t>(p0)};
      k0 += 0x9E3779B9u;
      k1 += 0xBB67AE85u;
    }
    return c;
  }

  uint64_t key_;
};

}  // namespace lineage
