#include <algorithm>

#include "lineage/kernels/cpu/cpu.h"
#include "lineage/kernels/cpu/gemm_ops.h"
#include "lineage/kernels/cpu/losses.h"

namespace lineage {
namespace {

// Logits that exist at once, 64 MB: as few passes over the weight and its gradient as that allows.
constexpr int64_t kLogits = int64_t{16} << 20;

int64_t chunk_rows(int64_t rows, int64_t size) {
  const int64_t most = std::max<int64_t>(1, kLogits / std::max<int64_t>(size, 1));
  const int64_t chunks = std::max<int64_t>(1, (rows + most - 1) / most);
  return std::max<int64_t>(1, (rows + chunks - 1) / chunks);
}

// visit(logits, hidden, begin, end) for chunks of rows, with logits = hidden wᵀ.
template <class Visitor>
void for_chunks(const Tensor& hidden, const Tensor& w, const Visitor& visit) {
  const int64_t width = w.dim(1), size = w.dim(0), rows = hidden.numel() / width;
  const int64_t step = chunk_rows(rows, size);
  const Tensor room = Tensor::empty({step, size});
  for (int64_t begin = 0; begin < rows; begin += step) {
    const int64_t end = std::min(rows, begin + step);
    Tensor logits = room.rows(0, end - begin);
    const Tensor h = hidden.slice(begin * width, {end - begin, width});
    multiply(forward_product(logits, h, w, {}));
    visit(logits, h, begin, end);
  }
}

// dhidden and dw of a chunk whose dlogits are known. Later chunks add to dw.
void chunk_backward(const GradSink& dhidden, GradSink& dw, const Tensor& dlogits, const Tensor& h,
                    const Tensor& w, int64_t begin) {
  if (dhidden) {
    const Tensor out = dhidden.out.slice(begin * w.dim(1), h.shape());
    multiply(input_gradient({out, dhidden.accumulate}, dlogits, w));
  }
  weight_gradient(dw, {}, dlogits, h);
  dw.accumulate = true;
}

template <class T>
const T* from(const Tensor& x, int64_t row) {
  return x.empty() ? nullptr : x.data<T>().data() + row;
}

}  // namespace

void CpuKernels::linear_cross_entropy(Tensor& loss, GradSink dhidden, GradSink dw,
                                      const Tensor& hidden, const Tensor& w, const Tensor& targets,
                                      const Tensor& weights, float total_weight) const {
  double total = 0;
  const bool backward = dhidden || dw;
  for_chunks(hidden, w, [&](Tensor& logits, const Tensor& h, int64_t begin, int64_t end) {
    float* z = logits.data<float>().data();
    total += cross_entropy_rows(
        backward ? z : nullptr, z, end - begin, w.dim(0),
        {from<int32_t>(targets, begin), from<float>(weights, begin), total_weight});
    if (backward) chunk_backward(dhidden, dw, logits, h, w, begin);
  });
  loss.data<float>()[0] = static_cast<float>(total);
}

void CpuKernels::linear_log_probs(Tensor& log_probs, Tensor& entropies, Tensor& lse,
                                  const Tensor& hidden, const Tensor& w, const Tensor& targets,
                                  float inv_temperature) const {
  for_chunks(hidden, w, [&](Tensor& logits, const Tensor&, int64_t begin, int64_t end) {
    log_prob_rows(log_probs.data<float>().data() + begin,
                  entropies.empty() ? nullptr : entropies.data<float>().data() + begin,
                  lse.data<float>().data() + begin, logits.data<float>().data(), end - begin,
                  w.dim(0), from<int32_t>(targets, begin), inv_temperature);
  });
}

void CpuKernels::linear_log_probs_backward(GradSink dhidden, GradSink dw, const Tensor& dlog_probs,
                                           const Tensor& dentropies, const Tensor& entropies,
                                           const Tensor& lse, const Tensor& hidden, const Tensor& w,
                                           const Tensor& targets, float inv_temperature) const {
  for_chunks(hidden, w, [&](Tensor& logits, const Tensor& h, int64_t begin, int64_t end) {
    float* z = logits.data<float>().data();
    log_prob_rows_backward(z, false, z, end - begin, w.dim(0), from<int32_t>(targets, begin),
                           inv_temperature,
                           {from<float>(dlog_probs, begin), from<float>(dentropies, begin),
                            from<float>(entropies, begin), from<float>(lse, begin)});
    chunk_backward(dhidden, dw, logits, h, w, begin);
  });
}

}  // namespace lineage
