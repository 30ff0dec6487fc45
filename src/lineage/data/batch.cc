#include "lineage/data/batch.h"

#include <algorithm>
#include <cassert>

#include "lineage/base/error.h"

namespace lineage {
namespace {

// The columns of one row.
struct Row {
  std::span<int32_t> tokens, targets, starts, positions;
  std::span<float> weights;
};

void fill_row(const Example& example, const BatchOptions& options, const Row& row) {
  const size_t T = row.tokens.size(), n = example.tokens.size(), used = std::min(n, T);
  std::copy_n(example.tokens.begin(), used, row.tokens.begin());
  std::fill(row.tokens.begin() + static_cast<int64_t>(used), row.tokens.end(), options.pad);
  auto next_start = example.starts.begin();
  size_t start = 0;
  for (size_t t = 0; t < T; ++t) {
    const bool begins = next_start != example.starts.end() && static_cast<size_t>(*next_start) == t;
    if (begins) ++next_start;
    if (begins || t >= used) start = t;  // padding sees only itself
    const bool last_of_document =
        next_start != example.starts.end() && static_cast<size_t>(*next_start) == t + 1;
    const bool predicts = t + 1 < n && !(options.mask_documents && last_of_document);
    row.targets[t] = t + 1 < n ? example.tokens[t + 1] : options.pad;
    row.weights[t] = predicts ? example.weights[t + 1] : 0.f;
    row.positions[t] = static_cast<int32_t>(options.reset_positions ? t - start : t);
    if (!row.starts.empty()) row.starts[t] = static_cast<int32_t>(start);
  }
}

}  // namespace

Batch collate(std::span<const Example> examples, const BatchOptions& options) {
  const int64_t B = static_cast<int64_t>(examples.size()), T = options.context;
  assert(B > 0 && T > 0);
  Batch batch;
  batch.tokens = Tensor::empty({B, T}, DType::i32);
  batch.targets = Tensor::empty({B * T}, DType::i32);
  batch.weights = Tensor::empty({B * T});
  batch.positions = Tensor::empty({B * T}, DType::i32);
  if (options.mask_documents) batch.starts = Tensor::empty({B * T}, DType::i32);
  for (int64_t b = 0; b < B; ++b) {
    const Example& example = examples[b];
    assert(example.weights.size() == example.tokens.size());
    if (static_cast<int64_t>(example.tokens.size()) > T + 1)
      throw Error("batch: an example has " + std::to_string(example.tokens.size()) +
                      " tokens; wanted at most " + std::to_string(T + 1) + " (context " +
                      std::to_string(T) + " and the next token)",
                  "cut the example, or raise the model's context");
    const auto row = [&](const Tensor& x) {
      return x.empty()
                 ? std::span<int32_t>()
                 : x.data<int32_t>().subspan(static_cast<size_t>(b * T), static_cast<size_t>(T));
    };
    fill_row(
        example, options,
        {row(batch.tokens), row(batch.targets), row(batch.starts), row(batch.positions),
         batch.weights.data<float>().subspan(static_cast<size_t>(b * T), static_cast<size_t>(T))});
  }
  for (const float w : batch.weights.data<float>()) batch.total_weight += w;
  return batch;
}

Batch batch_in_order(const Dataset& dataset, int64_t first, int64_t count,
                     const BatchOptions& options) {
  std::vector<Example> examples;
  for (int64_t i = first; i < std::min(first + count, dataset.size()); ++i)
    examples.push_back(dataset.get(i));
  return collate(examples, options);
}

}  // namespace lineage
