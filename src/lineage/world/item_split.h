#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

#include "lineage/world/facts.h"

namespace lineage {

// Splits of generated items (docs/abilities.md, section 4). An item is a pure function of (world,
// stream, index), and each use of a stream has a range of indices of its own, which begins here:
//
//   training              demonstrations: examples, then held-out ones
//   kFirstAnswered        prompts that models answer in training (FeedME, rollouts)
//   kFirstProbe           test items
//   kFirstDevProbe        items that choose a prompt's template
//   kFirstExampleProbe    demonstrations in a prompt
inline constexpr uint64_t kFirstAnswered = 500'000, kFirstProbe = 1'000'000,
                          kFirstDevProbe = 2'000'000, kFirstExampleProbe = 3'000'000;

// Besides, the content of an item has a key, and a tenth of the keys is for tests only, at any
// index.
enum class ItemUse : uint8_t { training, test };
constexpr ItemUse item_use(uint64_t index) {
  return index < kFirstProbe ? ItemUse::training : ItemUse::test;
}

inline Rng item_rng(const World& world, std::string_view stream, uint64_t index) {
  return world.key(stream).fold(index);
}

// The same in every world, so that worlds can be compared.
inline uint64_t item_key(std::string_view what, std::span<const int64_t> parts) {
  Rng key = Rng(0x4D696361).fold(what);
  for (int64_t part : parts) key = key.fold(static_cast<uint64_t>(part));
  return key.key();
}
inline uint64_t item_key(std::string_view what, std::initializer_list<int64_t> parts) {
  return item_key(what, std::span(parts.begin(), parts.size()));
}
inline uint64_t item_key(std::string_view what, std::span<const Token> tokens) {
  Rng key = Rng(0x4D696361).fold(what);
  for (Token t : tokens) key = key.fold(static_cast<uint64_t>(t));
  return key.key();
}
constexpr bool is_test_key(uint64_t key) { return key % 10 == 0; }

// Draws until an item is on the use's side of the split: `make` returns an item, whose test_only is
// its side, or nothing.
template <class Make>
auto draw_for(ItemUse use, std::string_view what, const Make& make) {
  constexpr int kTries = 10'000;  // a tenth of the keys is for tests
  for (int i = 0; i < kTries; ++i)
    if (auto item = make(); item && item->test_only == (use == ItemUse::test))
      return *std::move(item);
  throw std::logic_error(std::string(what) + ": no item on this side of the split");
}

}  // namespace lineage
