#include "lineage/data/packing.h"

#include <algorithm>
#include <cassert>
#include <numeric>
#include <set>

#include "lineage/base/digest.h"
#include "lineage/base/error.h"

namespace lineage {
namespace {

class PackedRows final : public Dataset {
 public:
  PackedRows(CorpusPtr corpus, int64_t context) : corpus_(std::move(corpus)), context_(context) {
    assert(context > 0);
  }
  std::string name() const override { return corpus_->name(); }
  std::string digest() const override {
    return Digest().field("packed").field(corpus_->digest()).field(std::to_string(context_)).hex();
  }
  int64_t size() const override {
    return corpus_->tokens() < 2 ? 0 : (corpus_->tokens() - 2) / context_ + 1;
  }
  Example get(int64_t row) const override { return corpus_->stream(row * context_, length(row)); }
  int64_t length(int64_t row) const override {
    assert(row >= 0 && row < size());
    return std::min(context_ + 1, corpus_->tokens() - row * context_);
  }

 private:
  CorpusPtr corpus_;
  int64_t context_;
};

class FittedRows final : public Dataset {
 public:
  FittedRows(DatasetPtr documents, int64_t context, bool join)
      : documents_(std::move(documents)), context_(context), join_(join) {
    assert(context > 0);
    require(documents_->size() < int64_t{1} << 32, "packing ", documents_->name(), ": ",
            documents_->size(), " documents; wanted fewer than 2^32");
    list_pieces();
    if (join)
      fit();
    else
      begin_.resize(pieces_.size() + 1), std::iota(begin_.begin(), begin_.end(), 0u);
  }
  std::string name() const override { return documents_->name(); }
  std::string digest() const override {
    return Digest()
        .field(join_ ? "best_fit" : "single")
        .field(documents_->digest())
        .field(std::to_string(context_))
        .hex();
  }
  int64_t size() const override { return static_cast<int64_t>(begin_.size()) - 1; }
  Example get(int64_t index) const override {
    assert(index >= 0 && index < size());
    const size_t row = static_cast<size_t>(index);
    Example out;
    for (uint32_t i = begin_[row]; i < begin_[row + 1]; ++i) append(pieces_[i], out);
    return out;
  }

 private:
  // Tokens [part·T, part·T + T] of a document.
  struct Piece {
    uint32_t document, part;
  };

  int64_t piece_length(Piece p) const {
    return std::min(context_ + 1, documents_->length(p.document) - p.part * context_);
  }

  void list_pieces() {
    for (int64_t d = 0; d < documents_->size(); ++d) {
      const int64_t n = documents_->length(d);
      for (int64_t part = 0; part * context_ + 1 < n; ++part)
        pieces_.push_back({static_cast<uint32_t>(d), static_cast<uint32_t>(part)});
    }
  }

  // Best-fit decreasing: the longest piece first, each into the fullest row that has room.
  void fit() {
    std::vector<int32_t> lengths(pieces_.size());
    for (size_t i = 0; i < pieces_.size(); ++i)
      lengths[i] = static_cast<int32_t>(piece_length(pieces_[i]));
    std::vector<uint32_t> order(pieces_.size());
    std::iota(order.begin(), order.end(), 0u);
    std::stable_sort(order.begin(), order.end(),
                     [&](uint32_t a, uint32_t b) { return lengths[a] > lengths[b]; });
    std::vector<uint32_t> row_of(pieces_.size());
    std::vector<std::vector<uint32_t>> rows_with(static_cast<size_t>(context_) + 2);  // by room
    std::set<int32_t> rooms;  // those of which there is a row
    uint32_t rows = 0;
    for (const uint32_t i : order) {
      const auto best = rooms.lower_bound(lengths[i]);
      int32_t room = static_cast<int32_t>(context_) + 1;
      if (best == rooms.end()) {
        row_of[i] = rows++;
      } else {
        room = *best;
        auto& candidates = rows_with[room];
        row_of[i] = candidates.back();
        candidates.pop_back();
        if (candidates.empty()) rooms.erase(best);
      }
      room -= lengths[i];
      rows_with[room].push_back(row_of[i]);
      rooms.insert(room);
    }
    group(row_of, rows);
  }

  // Sorts the pieces by row (counting sort; within a row in the order of the documents).
  void group(const std::vector<uint32_t>& row_of, uint32_t rows) {
    begin_.assign(rows + 1, 0);
    for (const uint32_t row : row_of) ++begin_[row + 1];
    std::partial_sum(begin_.begin(), begin_.end(), begin_.begin());
    std::vector<uint32_t> at(begin_.begin(), begin_.end() - 1);
    std::vector<Piece> sorted(pieces_.size());
    for (size_t i = 0; i < pieces_.size(); ++i) sorted[at[row_of[i]]++] = pieces_[i];
    pieces_ = std::move(sorted);
  }

  void append(Piece at, Example& out) const {
    const Example piece = documents_->piece(at.document, at.part * context_, piece_length(at));
    const auto shift = static_cast<int32_t>(out.tokens.size());
    if (shift > 0) out.starts.push_back(shift);
    for (const int32_t s : piece.starts) out.starts.push_back(s + shift);
    out.tokens.insert(out.tokens.end(), piece.tokens.begin(), piece.tokens.end());
    out.weights.insert(out.weights.end(), piece.weights.begin(), piece.weights.end());
  }

  DatasetPtr documents_;
  int64_t context_;
  bool join_;
  std::vector<Piece> pieces_;  // of row r: [begin_[r], begin_[r + 1])
  std::vector<uint32_t> begin_;
};

}  // namespace

DatasetPtr packed_rows(CorpusPtr corpus, int64_t context) {
  return std::make_shared<PackedRows>(std::move(corpus), context);
}

DatasetPtr fitted_rows(DatasetPtr documents, int64_t context, bool join) {
  return std::make_shared<FittedRows>(std::move(documents), context, join);
}

DatasetPtr rows_of(CorpusPtr corpus, Packing packing, int64_t context) {
  if (packing == Packing::packed) return packed_rows(std::move(corpus), context);
  return fitted_rows(std::move(corpus), context, packing == Packing::best_fit);
}

}  // namespace lineage
