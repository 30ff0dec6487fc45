#include "lineage/kernels/cpu/losses.h"

#include <algorithm>
#include <vector>

#include "lineage/base/parallel.h"
#include "lineage/kernels/cpu/cpu.h"
#include "lineage/kernels/cpu/softmax_row.h"

namespace lineage {
namespace {

// Rows of a parallel block: some 16 thousand logits.
int64_t row_block(int64_t size) { return std::max<int64_t>(1, (int64_t{1} << 14) / size); }

const float* optional(const Tensor& x) { return x.empty() ? nullptr : x.data<float>().data(); }

}  // namespace

double cross_entropy_rows(float* dlogits, const float* logits, int64_t rows, int64_t size,
                          const CrossEntropyTargets& to) {
  const int64_t block = row_block(size);
  std::vector<double> sums(static_cast<size_t>((rows + block - 1) / block));
  parallel_blocks(rows, block, [&](int64_t i, int64_t begin, int64_t end) {
    double sum = 0;
    for (int64_t n = begin; n < end; ++n) {
      float* row = dlogits ? dlogits + n * size : nullptr;
      if (to.weights[n] == 0) {  // its target may be out of range
        if (row) std::fill(row, row + size, 0.0f);
        continue;
      }
      const float scale = to.weights[n] / to.total_weight;
      sum += static_cast<double>(scale) *
             cross_entropy_row(row, logits + n * size, size, to.targets[n], scale);
    }
    sums[i] = sum;
  });
  double total = 0;
  for (double sum : sums) total += sum;
  return total;
}

void log_prob_rows(float* log_probs, float* entropies, float* lse, const float* logits,
                   int64_t rows, int64_t size, const int32_t* targets, float inv_temperature) {
  parallel_for(rows, row_block(size), [&](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; ++n) {
      const LogProb row = log_prob_row(logits + n * size, size, targets[n], inv_temperature);
      log_probs[n] = row.log_prob;
      lse[n] = row.lse;
      if (entropies) entropies[n] = row.entropy;
    }
  });
}

void log_prob_rows_backward(float* dlogits, bool accumulate, const float* logits, int64_t rows,
                            int64_t size, const int32_t* targets, float inv_temperature,
                            const LogProbGrads& grads) {
  parallel_for(rows, row_block(size), [&](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; ++n) {
      const LogProbGrad grad{grads.dlog_probs ? grads.dlog_probs[n] : 0,
                             grads.dentropies ? grads.dentropies[n] : 0,
                             grads.dentropies ? grads.entropies[n] : 0, grads.lse[n]};
      log_prob_row_backward(dlogits + n * size, accumulate, logits + n * size, size, targets[n],
                            inv_temperature, grad);
    }
  });
}

void CpuKernels::cross_entropy(Tensor& loss, Tensor& dlogits, const Tensor& logits,
                               const Tensor& targets, const Tensor& weights,
                               float total_weight) const {
  loss.data<float>()[0] = static_cast<float>(cross_entropy_rows(
      dlogits.empty() ? nullptr : dlogits.data<float>().data(), optional(logits), targets.numel(),
      logits.dim(-1), {targets.data<int32_t>().data(), optional(weights), total_weight}));
}

void CpuKernels::log_probs(Tensor& log_probs, Tensor& entropies, Tensor& lse, const Tensor& logits,
                           const Tensor& targets, float inv_temperature) const {
  log_prob_rows(log_probs.data<float>().data(),
                entropies.empty() ? nullptr : entropies.data<float>().data(),
                lse.data<float>().data(), optional(logits), targets.numel(), logits.dim(-1),
                targets.data<int32_t>().data(), inv_temperature);
}

void CpuKernels::log_probs_backward(GradSink dlogits, const Tensor& dlog_probs,
                                    const Tensor& dentropies, const Tensor& entropies,
                                    const Tensor& lse, const Tensor& logits, const Tensor& targets,
                                    float inv_temperature) const {
  if (!dlogits) return;
  log_prob_rows_backward(
      dlogits.out.data<float>().data(), dlogits.accumulate, optional(logits), targets.numel(),
      logits.dim(-1), targets.data<int32_t>().data(), inv_temperature,
      {optional(dlog_probs), optional(dentropies), optional(entropies), optional(lse)});
}

}  // namespace lineage
