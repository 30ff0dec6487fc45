#pragma once

#include <cstdint>
#include <span>

#include "lineage/data/dataset.h"
#include "lineage/tensor/tensor.h"

namespace lineage {

// Rows for the model: row b, column t of an example's tokens is element n = b·T + t.
struct Batch {
  Tensor tokens;   // (B,T) i32; padded on the right
  Tensor targets;  // (B·T) i32: the next token of the row
  Tensor weights;  // (B·T) f32: of the loss; 0 where there is no next token
  Tensor starts;   // (B·T) i32: the first t of the document that element n belongs to; empty when
                   // documents see each other
  Tensor positions;         // (B·T) i32: t, or t - starts
  double total_weight = 0;  // sum of weights
};

struct BatchOptions {
  int64_t context = 0;  // T
  // True: no attention across documents, and a document's last token (its end_of_text) predicts
  // nothing. False: GPT-3's packing, where documents see each other and end_of_text predicts the
  // first token of the next.
  bool mask_documents = true;
  bool reset_positions = false;  // positions count from each document's start
  Token pad = 0;                 // any token: its weight is 0
};

// One row for each example. An example of n tokens fills n columns, or T when n = T + 1: then its
// last token is a target only. A longer one is an Error.
Batch collate(std::span<const Example>, const BatchOptions&);

// Rows [first, first + count) of a dataset, as far as it has them: for evaluation in order.
Batch batch_in_order(const Dataset&, int64_t first, int64_t count, const BatchOptions&);

}  // namespace lineage
