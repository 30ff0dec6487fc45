#include "bench/ngram/ngram.h"

#include <algorithm>
#include <cassert>
#include <cmath>

#include "lineage/base/error.h"

namespace lineage {
namespace {

uint64_t mixed(uint64_t x) {  // the finalizer of SplitMix64 (Steele et al. 2014)
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

uint64_t key_of(uint32_t parent, Token token) {
  return uint64_t{parent} << 32 | static_cast<uint32_t>(token);
}

uint32_t parent_of(uint64_t key) { return static_cast<uint32_t>(key >> 32); }

// Chen & Goodman's discounts from the numbers of n-grams that were counted once to four times.
// Where there are too few n-grams for that (or none rare, as with the unigrams of a small
// vocabulary) the discounts are fixed.
std::array<double, 4> discounts_of(const std::array<int64_t, 5>& with_count) {
  constexpr std::array<double, 4> kFixed = {0, 0.5, 1, 1.5};
  for (size_t j = 1; j <= 4; ++j)
    if (with_count[j] == 0) return kFixed;
  const auto n = [&](size_t j) { return static_cast<double>(with_count[j]); };
  const double y = n(1) / (n(1) + 2 * n(2));
  std::array<double, 4> result{};
  for (size_t j = 1; j <= 3; ++j) {
    const double whole = static_cast<double>(j);
    result[j] = whole - (whole + 1) * y * n(j + 1) / n(j);
    if (result[j] < 0) return kFixed;
  }
  return result;
}

}  // namespace

NgramModel::NgramModel(int order, int64_t vocab, Token start)
    : order_(order), vocab_(vocab), start_(start), keys_(1), counts_(1) {
  require(order >= 1 && order <= kMaxOrder, "n-gram model: the order is ", order, "; wanted 1 to ",
          kMaxOrder);
  check(start);
  table_.assign(1024, kNone);
}

void NgramModel::check(Token token) const {
  require(token >= 0 && token < vocab_, "n-gram model: token ", token,
          "; wanted 0 or more and less than the vocabulary, ", vocab_);
}

size_t NgramModel::place_of(uint64_t key) const {
  const size_t mask = table_.size() - 1;
  size_t i = mixed(key) & mask;
  while (table_[i] != kNone && keys_[table_[i]] != key) i = (i + 1) & mask;
  return i;
}

uint32_t NgramModel::find(uint32_t parent, Token token) const {
  return table_[place_of(key_of(parent, token))];
}

uint32_t NgramModel::find_or_add(uint32_t parent, Token token) {
  const uint64_t key = key_of(parent, token);
  size_t place = place_of(key);
  if (table_[place] != kNone) return table_[place];
  if (keys_.size() * 4 > table_.size() * 3) {
    grow_table();
    place = place_of(key);
  }
  require(keys_.size() < kNone, "n-gram model: more than ", kNone, " n-grams");
  table_[place] = static_cast<uint32_t>(keys_.size());
  keys_.push_back(key);
  counts_.push_back(0);
  return table_[place];
}

void NgramModel::grow_table() {
  table_.assign(table_.size() * 2, kNone);
  for (uint32_t node = 1; node < keys_.size(); ++node) table_[place_of(keys_[node])] = node;
}

// The n-grams of lengths 1 to `length` that end with this token.
NgramModel::Ending NgramModel::add_token(const Ending& before, int length, Token token) {
  Ending now{};
  for (size_t k = 1; k <= static_cast<size_t>(length); ++k)
    now[k] = find_or_add(before[k - 1], token);
  return now;
}

void NgramModel::add(std::span<const Token> document) {
  assert(totals_.empty());
  for (const Token token : document) check(token);
  Ending ending = add_token({}, 1, start_);
  int longest = 1;
  for (size_t i = 0; i < document.size(); ++i) {
    longest = std::min(longest + 1, order_);
    ending = add_token(ending, longest, document[i]);
    if (i > 0) count(ending, longest);
  }
}

// The longest n-gram that ends at a token is counted every time, a shorter one once for each
// different token before it (Kneser & Ney 1995): when the one that is a token longer is new. What
// begins a document has no other token before it; it is the longest there.
void NgramModel::count(const Ending& ending, int longest) {
  for (int k = longest; k > 0; --k)
    if (counts_[ending[static_cast<size_t>(k)]]++ > 0) break;
}

void NgramModel::choose_discounts(const std::vector<uint8_t>& lengths) {
  std::array<std::array<int64_t, 5>, kMaxOrder + 1> with_count{};
  for (size_t i = 1; i < keys_.size(); ++i)
    if (counts_[i] <= 4) ++with_count[lengths[i]][counts_[i]];
  for (size_t k = 1; k <= static_cast<size_t>(order_); ++k)
    discounts_[k] = discounts_of(with_count[k]);
}

void NgramModel::finish() {
  assert(totals_.empty());
  std::vector<uint8_t> lengths(keys_.size());
  for (size_t i = 1; i < keys_.size(); ++i)
    lengths[i] = static_cast<uint8_t>(lengths[parent_of(keys_[i])] + 1);
  choose_discounts(lengths);
  totals_.resize(keys_.size());
  freed_.resize(keys_.size());
  for (size_t i = 1; i < keys_.size(); ++i) {
    const uint32_t parent = parent_of(keys_[i]);
    totals_[parent] += counts_[i];
    freed_[parent] += discount(lengths[i], counts_[i]);
  }
}

NgramModel::Context NgramModel::nothing() const {
  Context context;
  context.fill(kNone);
  context[0] = kRoot;
  return context;
}

NgramModel::Context NgramModel::after(const Context& context, Token token) const {
  check(token);
  Context result = nothing();
  for (size_t k = 1; k < static_cast<size_t>(order_); ++k)
    if (context[k - 1] != kNone) result[k] = find(context[k - 1], token);
  return result;
}

double NgramModel::probability(const Context& context, Token token) const {
  assert(!totals_.empty());
  double p = 1 / static_cast<double>(vocab_);
  for (size_t k = 0; k < static_cast<size_t>(order_); ++k) {
    const uint32_t node = context[k];
    if (node == kNone || totals_[node] == 0) break;  // then no longer one was seen, either
    const uint32_t child = find(node, token);
    const uint32_t c = child == kNone ? 0 : counts_[child];
    p = (c - discount(k + 1, c) + freed_[node] * p) / totals_[node];
  }
  return p;
}

NgramScore NgramModel::score(std::span<const Token> document) const {
  NgramScore result;
  Context context = document_start();
  for (size_t i = 0; i < document.size(); ++i) {
    if (i > 0) {
      result.nats -= std::log(probability(context, document[i]));
      ++result.tokens;
    }
    context = after(context, document[i]);
  }
  return result;
}

std::array<double, 3> NgramModel::discounts(int length) const {
  assert(length >= 1 && length <= order_);
  const auto& d = discounts_[static_cast<size_t>(length)];
  return {d[1], d[2], d[3]};
}

}  // namespace lineage
