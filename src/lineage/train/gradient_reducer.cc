#include "lineage/train/gradient_reducer.h"

#include <algorithm>

#include "lineage/ops/tape.h"

namespace lineage {

GradientReducer::GradientReducer(Communicator& ranks, Parameters& parameters,
                                 std::span<const int64_t> bounds)
    : ranks_(ranks), parameters_(parameters), bounds_(bounds.begin(), bounds.end()) {
  if (ranks.size() > 1) cut();
}

// In the order in which a backward pass finishes them: the heads, the matrices from the last block
// to the first, then the vectors, whose buckets reach across all blocks, then the embeddings, which
// the first op of the forward pass reads.
void GradientReducer::cut() {
  // Large enough that a message's fixed cost vanishes, small enough that the last one, which
  // nothing overlaps, is short.
  constexpr int64_t kSmallest = int64_t{1} << 16, kLargest = int64_t{1} << 20;  // elements
  const int64_t wanted = std::clamp(parameters_.numel() / 16, kSmallest, kLargest);
  const auto all = parameters_.all();
  bucket_of_.resize(all.size());
  for (const ParameterKind kind : {ParameterKind::head, ParameterKind::matrix,
                                   ParameterKind::vector, ParameterKind::embedding}) {
    bool open = false;
    for (size_t i = all.size(); i-- > 0;) {
      if (all[i].kind != kind) continue;
      const int64_t begin = all[i].begin, end = begin + all[i].value.numel();
      if (!open) buckets_.push_back({begin, end, 0});
      Bucket& bucket = buckets_.back();
      bucket.begin = begin;  // those of a kind are neighbours in the block
      ++bucket.missing;
      bucket_of_[i] = buckets_.size() - 1;
      open = bucket.end - bucket.begin < wanted;
    }
  }
}

void GradientReducer::follow(Tape& tape) {
  if (ranks_.size() > 1) tape.on_leaf_final([this](size_t leaf) { leaf_final(leaf); });
}

void GradientReducer::leaf_final(size_t parameter) {
  --buckets_[bucket_of_[parameter]].missing;
  while (pending_.size() < buckets_.size() && buckets_[pending_.size()].missing == 0) send_next();
  ranks_.poll();
}

void GradientReducer::send_next() {
  const Bucket& bucket = buckets_[pending_.size()];
  const int64_t length = bucket.end - bucket.begin;
  std::vector<int64_t> shares;
  for (const int64_t bound : bounds_)
    shares.push_back(std::clamp<int64_t>(bound - bucket.begin, 0, length));
  pending_.push_back(
      ranks_.start_reduce_scatter(parameters_.grads().slice(bucket.begin, {length}), shares));
}

void GradientReducer::finish() {
  while (pending_.size() < buckets_.size()) send_next();
  for (Pending& sum : pending_) sum.wait();
}

}  // namespace lineage
