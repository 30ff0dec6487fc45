#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lineage/base/rng.h"
#include "lineage/data/batch.h"
#include "lineage/data/dataset.h"

namespace lineage {

struct Share {
  DatasetPtr dataset;
  double weight;
};

// An endless stream of rows from several datasets by weight, as GPT-3's (Brown et al. 2020, table
// 2.2): some are gone through several times, some never finish. Row n is a pure function of n, so
// resuming, giving rows to other ranks and looking up the rows of step 1200 are all the same call.
//
// The stream consists of blocks. A keyed permutation deals a block's places to the datasets; after
// any number of whole blocks each dataset has provided its share of rows, rounded up or down. A
// dataset's rows have another keyed order each epoch. Shares are of rows: where rows are padded
// (best_fit, single), shares of tokens differ. Immutable and thread-safe.
class Mixture {
 public:
  static constexpr int64_t kBlock = 1024;  // rows

  // Throws when there is no share of positive weight, or one of an empty dataset.
  Mixture(std::vector<Share> shares, uint64_t seed, int64_t block = kBlock);

  struct Pick {
    int64_t dataset, epoch, index;
  };
  Pick pick(int64_t row) const;
  Example row(int64_t n) const;
  // Rows [first, first + count) as a batch.
  Batch batch(int64_t first, int64_t count, const BatchOptions&) const;

  // The number of the first `rows` rows that are from a dataset, and its epochs in them.
  int64_t rows_from(int64_t dataset, int64_t rows) const;
  double epochs(int64_t dataset, int64_t rows) const;

  std::string digest() const;  // of the datasets, weights and seed: of the whole stream
  const std::vector<Share>& shares() const { return shares_; }

 private:
  // Rows of datasets [0, i) in the first `blocks` blocks.
  int64_t rows_below(size_t i, int64_t blocks) const;
  size_t dataset_at(int64_t block, int64_t place) const;

  std::vector<Share> shares_;
  std::vector<uint64_t> cumulative_;  // shares of the datasets before each, in units of 2^-40
  Rng key_;
  int64_t block_;
};

}  // namespace lineage
