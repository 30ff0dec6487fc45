#include "lineage/data/mixture.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cmath>

#include "lineage/base/digest.h"
#include "lineage/base/error.h"
#include "lineage/data/permutation.h"

namespace lineage {
namespace {

constexpr int kShareBits = 40;
__extension__ using Wide = unsigned __int128;

}  // namespace

Mixture::Mixture(std::vector<Share> shares, uint64_t seed, int64_t block)
    : shares_(std::move(shares)), key_(Rng(seed).fold("mixture")), block_(block) {
  assert(block > 0);
  double total = 0;
  for (const Share& share : shares_) {
    const std::string name = share.dataset->name();
    require(std::isfinite(share.weight) && share.weight >= 0, "mixture: weight of ", name, " is ",
            share.weight, "; wanted a number of at least 0");
    if (share.weight > 0 && share.dataset->size() == 0)
      throw Error("mixture: " + name + " has no row; wanted at least one (two tokens make a row)",
                  "add documents to this source, or set its weight to 0");
    total += share.weight;
  }
  require(total > 0, "mixture: all ", shares_.size(), " weights are 0; wanted a positive one");
  double before = 0;
  for (const Share& share : shares_) {
    cumulative_.push_back(
        static_cast<uint64_t>(std::llround(std::ldexp(before / total, kShareBits))));
    before += share.weight;
  }
  cumulative_.push_back(uint64_t{1} << kShareBits);
}

// Rounding the cumulative shares down makes the parts add up to the whole, and leaves each less
// than one row from its wanted share.
int64_t Mixture::rows_below(size_t i, int64_t blocks) const {
  const auto rows = static_cast<Wide>(blocks) * static_cast<uint64_t>(block_);
  return static_cast<int64_t>(rows * cumulative_[i] >> kShareBits);
}

size_t Mixture::dataset_at(int64_t block, int64_t place) const {
  size_t i = 0;
  for (int64_t end = 0;; ++i) {
    end = rows_below(i + 1, block + 1) - rows_below(i + 1, block);
    if (place < end) return i;
  }
}

Mixture::Pick Mixture::pick(int64_t row) const {
  assert(row >= 0);
  const int64_t block = row / block_;
  const int64_t place =
      Permutation(key_.fold("block").fold(static_cast<uint64_t>(block)), block_)(row % block_);
  const size_t i = dataset_at(block, place);
  const int64_t before = rows_below(i + 1, block) - rows_below(i, block);  // in earlier blocks
  const int64_t within = place - (rows_below(i, block + 1) - rows_below(i, block));
  const int64_t size = shares_[i].dataset->size(), epoch = (before + within) / size;
  const Rng order = key_.fold("epoch").fold(i).fold(static_cast<uint64_t>(epoch));
  return {static_cast<int64_t>(i), epoch, Permutation(order, size)((before + within) % size)};
}

Example Mixture::row(int64_t n) const {
  const Pick p = pick(n);
  return shares_[p.dataset].dataset->get(p.index);
}

Batch Mixture::batch(int64_t first, int64_t count, const BatchOptions& options) const {
  std::vector<Example> rows;
  for (int64_t n = first; n < first + count; ++n) rows.push_back(row(n));
  return collate(rows, options);
}

int64_t Mixture::rows_from(int64_t dataset, int64_t rows) const {
  const size_t i = static_cast<size_t>(dataset);
  const int64_t blocks = rows / block_;
  int64_t count = rows_below(i + 1, blocks) - rows_below(i, blocks);
  const Permutation places(key_.fold("block").fold(static_cast<uint64_t>(blocks)), block_);
  for (int64_t n = 0; n < rows % block_; ++n) count += dataset_at(blocks, places(n)) == i;
  return count;
}

double Mixture::epochs(int64_t dataset, int64_t rows) const {
  const int64_t size = shares_[dataset].dataset->size();
  return size == 0 ? 0 : static_cast<double>(rows_from(dataset, rows)) / static_cast<double>(size);
}

std::string Mixture::digest() const {
  Digest digest;
  digest.field("mixture").field(fmt::format("{} {}", key_.key(), block_));
  for (size_t i = 0; i < shares_.size(); ++i)
    digest.field(shares_[i].dataset->digest()).field(std::to_string(cumulative_[i]));
  return digest.hex();
}

}  // namespace lineage
