#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "lineage/abilities/audit/audit.h"
#include "lineage/abilities/audit/content_keys.h"
#include "lineage/abilities/audit/token_hash.h"

namespace lineage {

// For each of n things, the first document of a source that contains it.
class FirstSeen {
 public:
  static constexpr int64_t kNever = INT64_MAX;
  explicit FirstSeen(size_t n) : first_(n) {
    for (auto& f : first_) f = kNever;
  }
  void see(size_t i, int64_t document) {
    int64_t before = first_[i].load(std::memory_order_relaxed);
    while (document < before &&
           !first_[i].compare_exchange_weak(before, document, std::memory_order_relaxed)) {
    }
  }
  int64_t of(size_t i) const { return first_[i].load(std::memory_order_relaxed); }

 private:
  std::vector<std::atomic<int64_t>> first_;
};

// Every probe item, numbered over all probes, in a form in which a document can be searched for all
// of them at once.
class ItemIndex {
 public:
  static constexpr size_t kGram = 13;

  explicit ItemIndex(const std::vector<AuditProbe>&);

  // The items found in a source.
  struct Found {
    FirstSeen grams, exact, keys;
  };
  std::unique_ptr<Found> nothing_found() const;
  // `hashes` has read the document's tokens.
  void search(std::span<const Token>, const TokenHashes& hashes, int64_t document, Found&) const;

  // The first document in which an item was found by a check; FirstSeen::kNever if it was not.
  // Deterministic for any division of the search among threads.
  int64_t first_document(size_t item, Check, const Found&) const;
  // Whether the check can judge the item.
  bool judges(size_t item, Check) const;

 private:
  // A question, hashed, and the answers' beginnings that may follow it.
  struct Exact {
    uint32_t item;
    uint32_t question_size;
    uint64_t question;
    uint32_t target_size;  // 0: the sentence is the whole item
    uint32_t gap;          // most tokens between them, unless a comma is the first
    uint64_t target;
  };
  struct Item {
    std::vector<uint32_t> grams;           // those with enough bits in their slots
    std::vector<uint32_t> keys, programs;  // content keys
  };
  void add_exact(uint32_t item, const AuditItem&);
  void search_exact(std::span<const Token>, const TokenHashes&, int64_t document, Found&) const;

  static constexpr size_t kAnchor = 8, kFewestGrams = 4;
  static constexpr uint32_t kGap = 4;  // "<eot> <bot>", "a :"
  std::vector<Item> items_;
  HashTable grams_{26}, keys_;
  // By the last kAnchor tokens of the question, or all if it is shorter; a table for each length.
  std::array<HashTable, kAnchor + 1> anchors_;
  std::array<std::vector<std::vector<Exact>>, kAnchor + 1> at_anchor_;
};

}  // namespace lineage
