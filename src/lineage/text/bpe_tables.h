#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "lineage/text/bpe_model.h"

namespace lineage {

// A piece of up to 15 bytes as two words, its length in the top byte: hashed and compared without
// touching its bytes again.
struct ShortPiece {
  static constexpr size_t kMaxBytes = 15;
  uint64_t low = 0, high = 0;
  bool operator==(const ShortPiece&) const = default;

  // `readable` bytes may be read from p; 0 < size <= readable.
  [[gnu::always_inline]] static ShortPiece read(const char* p, size_t size, size_t readable) {
    uint64_t w[2] = {0, 0};
    if (readable >= 16) [[likely]] {
      std::memcpy(w, p, 16);
      w[0] &= kKeep[size][0];  // a table, as lengths are hard to predict
      w[1] &= kKeep[size][1];
    } else {
      std::memcpy(w, p, size);
    }
    return {w[0], w[1] | static_cast<uint64_t>(size) << 56};
  }

  // Masks of the first bytes of two little-endian words, by length.
  static constexpr auto kKeep = [] {
    std::array<std::array<uint64_t, 2>, kMaxBytes + 1> keep{};
    for (size_t size = 0; size <= kMaxBytes; ++size)
      for (size_t i = 0; i < size; ++i) keep[size][i / 8] |= uint64_t{0xFF} << (8 * (i % 8));
    return keep;
  }();

  [[gnu::always_inline]] uint64_t hash() const {
    const uint64_t x = (low ^ high * 0x9E3779B97F4A7C15u) * 0xD6E8FEB86659FD93u;
    return x ^ x >> 32;
  }
};

// A map from piece to token, for the pieces that become one token.
class PieceTable {
 public:
  void build(const std::vector<std::string>& tokens, const std::vector<bool>& wanted);

  [[gnu::always_inline]] Token find(const ShortPiece& piece, uint64_t hash) const {
    for (uint64_t slot = hash & mask_;; slot = (slot + 1) & mask_) {
      const Entry& e = entries_[slot];
      if (e.piece == piece) return e.token;
      if (e.piece.high == 0) return -1;  // empty: a stored piece has a length
    }
  }
  Token find_long(std::string_view piece) const {
    const auto it = long_.find(piece);
    return it == long_.end() ? -1 : it->second;
  }

 private:
  struct Entry {
    ShortPiece piece;
    Token token = -1;
  };
  std::vector<Entry> entries_;
  uint64_t mask_ = 0;
  std::unordered_map<std::string_view, Token> long_;  // views into the model's tokens
};

// A map from two neighbours to their merge's place in the order and the token they become.
class PairTable {
 public:
  static constexpr uint32_t kNone = 0xFFFFFFFF;
  struct Found {
    uint32_t rank = kNone;
    Token result = -1;
  };

  void build(std::span<const BpeModel::Merge> merges);

  Found find(Token left, Token right) const {
    const uint64_t key = key_of(left, right);
    for (uint64_t slot = hash(key) & mask_;; slot = (slot + 1) & mask_) {
      const Entry& e = entries_[slot];
      if (e.key == key || e.key == kEmpty) return e.found;
    }
  }

 private:
  static constexpr uint64_t kEmpty = ~uint64_t{0};
  struct Entry {
    uint64_t key = kEmpty;
    Found found;
  };
  static uint64_t key_of(Token left, Token right) {
    return static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
  }
  static uint64_t hash(uint64_t key) {
    const uint64_t x = key * 0x9E3779B97F4A7C15u;
    return x ^ x >> 32;
  }
  std::vector<Entry> entries_;
  uint64_t mask_ = 0;
};

// Merges `symbols` in place until no neighbours merge: always the pair of least rank, the leftmost
// of equals. Returns the number of symbols left.
size_t apply_merges(const PairTable& pairs, std::span<Token> symbols);

}  // namespace lineage
