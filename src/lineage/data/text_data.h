#pragma once

#include <map>
#include <string>
#include <vector>

#include "lineage/data/mixture.h"
#include "lineage/data/packing.h"
#include "lineage/data/prepare.h"

namespace lineage {

// All the text of a pretraining run: its sources by name and how their documents become rows.
struct TextDataConfig {
  std::map<std::string, SourceConfig> sources;
  Packing packing = Packing::packed;
  bool mask_documents = true;
  bool reset_positions = false;
  bool verify = true;
};

template <class V>
void fields(V& v, TextDataConfig& c) {
  v("sources", c.sources, "where the text comes from, by name");
  v("packing", c.packing,
    "packed: documents end to end, cut at row borders; best_fit: whole documents, padded; single: "
    "one document a row");
  v("mask_documents", c.mask_documents,
    "no attention from one document to another in a row (false: GPT-3's packing)");
  v("reset_positions", c.reset_positions, "count positions from each document's start");
  v("verify", c.verify, "read every shard once to compare its checksum before training");
}

// The sources tokenised, their rows mixed for training and in order for validation.
class TextData {
 public:
  // Throws the errors of prepare_source(), before anything is trained.
  TextData(const TextDataConfig&, const Tokenizer&, int64_t context, uint64_t seed,
           const std::filesystem::path& cache, Progress& = silent());

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
  // What to write into the manifest after `rows` rows of training.
  std::vector<SourceRecord> records(int64_t rows) const;
  std::string digest() const { return mixture_->digest(); }  // of what is trained on, in its order

 private:
  std::vector<PreparedSource> sources_;
  std::vector<DatasetPtr> heldout_;
  std::unique_ptr<const Mixture> mixture_;
  BatchOptions options_;
};

}  // namespace lineage
