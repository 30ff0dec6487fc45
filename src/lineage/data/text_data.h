#pragma once

#include <memory>
#include <string>
#include <vector>

#include "lineage/data/mixture.h"
#include "lineage/data/packing.h"
#include "lineage/data/prepare.h"

namespace lineage {

// The arrangement of a pretraining run's documents in rows.
struct RowsConfig {
  Packing packing = Packing::packed;
  bool mask_documents = true;
  bool reset_positions = false;
};

template <class V>
void fields(V& v, RowsConfig& c) {
  v("packing", c.packing,
    "packed: documents end to end, cut at row borders; best_fit: whole documents, padded; single: "
    "one document a row");
  v("mask_documents", c.mask_documents,
    "no attention from one document to another in a row (false: GPT-3's packing)");
  v("reset_positions", c.reset_positions, "count positions from each document's start");
}

// Sources as rows, mixed by the weights of their records for training, in order for validation.
class TextData {
 public:
  // An Error when there is no source.
  TextData(std::vector<PreparedSource>, const RowsConfig&, const Tokenizer&, int64_t context,
           uint64_t seed);

  // Rows [first, first + count) of training.
  Batch batch(int64_t first, int64_t count) const {
    return mixture_->batch(first, count, options_);
  }
  const Mixture& mixture() const { return *mixture_; }
  const BatchOptions& options() const { return options_; }

  const std::vector<PreparedSource>& sources() const { return sources_; }
  // The held-out rows of source i, to be read in order with batch_in_order(); empty when nothing is
  // held out. Bits per byte: summed loss / ln 2 / sources()[i].heldout->bytes().
  const DatasetPtr& heldout(size_t i) const { return heldout_[i]; }
  // Their labels, row by row; null when the source has none.
  const DatasetPtr& heldout_labels(size_t i) const { return heldout_labels_[i]; }
  // The manifest's records after `rows` rows of training.
  std::vector<SourceRecord> records(int64_t rows) const;
  std::string digest() const { return mixture_->digest(); }  // of the training rows in their order

 private:
  std::vector<PreparedSource> sources_;
  std::vector<DatasetPtr> heldout_, heldout_labels_;
  std::unique_ptr<const Mixture> mixture_;
  BatchOptions options_;
};

}  // namespace lineage
