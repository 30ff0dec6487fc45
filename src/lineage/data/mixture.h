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
// resuming, giving rows to other ranks and asking what step 1200 saw are all the same call.
//
// The stream falls into blocks. A keyed permutation deals a block's places to the datasets; after
// any number of whole blocks each dataset has given its wanted number of rows, rounded up or down.
// A dataset's rows come in another keyed order each epoch. Shares are of rows: where rows are
// padded (best_fit, single), shares of tokens differ. Immutable and thread-safe.
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

  // How many of the first `rows` come from a dataset, and how often that goes through it.
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
