#pragma once

#include <algorithm>
#include <cstdint>

#include "lineage/base/parallel.h"
#include "lineage/kernels/kernels.h"

namespace lineage {

// Sums over rows into a few vectors (the gradients of gains and biases), in an order that depends
// on the shape alone: every block of rows has its own zeroed slot, and slots are added in order.
class PartialSums {
 public:
  // Slots of `width` floats for blocks of rows; width 0 when nobody wants the sums.
  PartialSums(int64_t rows, int64_t width)
      : width_(width), block_(std::max<int64_t>(16, (rows + kMostBlocks - 1) / kMostBlocks)) {
    blocks_ = (rows + block_ - 1) / block_;
    if (width_ > 0 && blocks_ > 0) slots_ = Tensor::zeros({blocks_, width_});
  }

  int64_t rows_per_block() const { return block_; }
  float* slot(int64_t block) {
    return slots_.empty() ? nullptr : slots_.data<float>().data() + block * width_;
  }

  // The sum over blocks of the slots' floats from `offset` on, to a sink of n floats.
  void reduce(const GradSink& sink, int64_t offset) {
    if (!sink) return;
    float* const out = sink_data(sink);
    const int64_t n = sink.out.numel();
    if (!sink.accumulate) std::fill(out, out + n, 0.0f);
    for (int64_t block = 0; block < blocks_; ++block) {
      const float* const from = slot(block) + offset;
      for (int64_t i = 0; i < n; ++i) out[i] += from[i];
    }
  }

 private:
  static constexpr int64_t kMostBlocks = 64;
  static float* sink_data(const GradSink& sink) { return sink.out.data<float>().data(); }

  int64_t width_, block_, blocks_ = 0;
  Tensor slots_;
};

}  // namespace lineage
