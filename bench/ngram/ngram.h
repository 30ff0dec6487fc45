#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "lineage/text/tokenizer.h"

namespace lineage {

struct NgramScore {
  double nats = 0;     // summed over the predicted tokens
  int64_t tokens = 0;  // predicted
};

// An interpolated n-gram model with modified Kneser-Ney smoothing: three discounts for each length
// (Chen & Goodman 1999, "An empirical study of smoothing techniques for language modeling"). The
// unigrams are interpolated with 1/vocab, so no token has probability 0.
//
// Every document is independent, after `start`. Its first token is context only, as for a neural
// model under mask_documents (data/batch.h); all others, the last one too, are counted and
// predicted.
//
// Memory: about 40 bytes for each different n-gram of any length up to `order`.
class NgramModel {
 public:
  static constexpr int kMaxOrder = 8;

  // An Error when order is outside [1, kMaxOrder], or start outside [0, vocab).
  NgramModel(int order, int64_t vocab, Token start);

  void add(std::span<const Token> document);  // before finish()
  void finish();                              // computes the discounts; once

  // The last tokens: [k] is the node of the last k tokens, k < order.
  using Context = std::array<uint32_t, kMaxOrder>;
  Context nothing() const;  // not even the start of a document
  Context document_start() const { return after(nothing(), start_); }
  Context after(const Context&, Token) const;

  // After finish(). Over all tokens of the vocabulary these sum to 1.
  double probability(const Context&, Token) const;
  NgramScore score(std::span<const Token> document) const;

  // The discounts of counts 1, 2 and 3 or more for n-grams of a length in [1, order].
  std::array<double, 3> discounts(int length) const;
  int64_t ngrams() const { return static_cast<int64_t>(keys_.size()) - 1; }

 private:
  static constexpr uint32_t kRoot = 0, kNone = UINT32_MAX;

  // The nodes of the n-grams that end at one token, [k] of length k.
  using Ending = std::array<uint32_t, kMaxOrder + 1>;
  Ending add_token(const Ending& before, int length, Token);
  void count(const Ending&, int longest);

  size_t place_of(uint64_t key) const;
  uint32_t find(uint32_t parent, Token) const;
  uint32_t find_or_add(uint32_t parent, Token);
  void grow_table();
  void check(Token) const;
  void choose_discounts(const std::vector<uint8_t>& lengths);
  double discount(size_t length, uint32_t count) const {
    return discounts_[length][count < 3 ? count : 3];
  }

  int order_;
  int64_t vocab_;
  Token start_;

  // A trie: node 0 is the empty n-gram; the key of any other is its parent, without the last token,
  // and that token. Parents precede their children.
  std::vector<uint64_t> keys_;
  std::vector<uint32_t> counts_;  // by count(); 0 for n-grams that are context only
  std::vector<uint32_t> table_;   // node by key, open addressing

  // For every node as a context: the sum of its followers' counts, and the sum of their discounts.
  std::vector<uint32_t> totals_;
  std::vector<double> freed_;
  std::array<std::array<double, 4>, kMaxOrder + 1> discounts_{};  // [length][min(count, 3)]
};

}  // namespace lineage
