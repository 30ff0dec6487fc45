#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "lineage/comm/communicator.h"
#include "lineage/nn/parameters.h"

namespace lineage {

class Tape;

// Sums the gradients of one optimizer step over the ranks, in pieces, during the backward pass that
// computes them. Rank r ends with the total of its shard [bounds[r], bounds[r + 1]) of the gradient
// block, as its optimizer needs (ZeRO-1; Rajbhandari et al. 2020); an all_gather of the values with
// the same bounds then makes the ranks equal again.
//
//   GradientReducer reducer(ranks, parameters, bounds);
//   …                                  // backward passes of the first micro-batches
//   parameters.watch(tape, true);
//   reducer.follow(tape);              // the last micro-batch
//   tape.backward(loss);
//   reducer.finish();
//
// The block is cut into buckets of neighbouring parameters. A bucket is sent when the tape has
// reported all its gradients final, and never before the bucket ahead of it, so that the ranks
// agree on the order whatever each of them computes (a rank without rows only calls finish()).
// Lives on the thread of the backward pass; parameters and communicator outlive it.
class GradientReducer {
 public:
  // One for each step; `bounds` as everywhere in Communicator, of the whole block.
  GradientReducer(Communicator&, Parameters&, std::span<const int64_t> bounds);

  // Takes the tape's on_leaf_final(); the parameters are its only leaves, in their order.
  void follow(Tape&);
  // Sends the remaining buckets and waits for all. Other ranks' shards of gradients are then
  // invalid.
  void finish();

 private:
  struct Bucket {
    int64_t begin, end;  // elements of the block
    int64_t missing;     // parameters whose gradient is not final
  };
  void cut();
  void leaf_final(size_t parameter);
  void send_next();

  Communicator& ranks_;
  Parameters& parameters_;
  std::vector<int64_t> bounds_;
  std::vector<Bucket> buckets_;    // in the order of sending
  std::vector<size_t> bucket_of_;  // by parameter
  std::vector<Pending> pending_;   // of the buckets sent
};

}  // namespace lineage
