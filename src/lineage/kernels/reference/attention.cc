#include "lineage/kernels/reference/forward.h"
#include "lineage/kernels/reference/reference.h"

namespace lineage {

using namespace reference;

void ReferenceKernels::attention(Tensor& y, Tensor& lse, const Tensor& qkv, const Tensor& starts,
                                 const AttentionSpec& spec) const {
  const auto out = reference::attention(doubles(qkv), integers(starts), qkv.dim(1), spec);
  store(y, out.y);
  store(lse, out.lse);
}

// y and lse go unread: the probabilities are computed anew in double, which owes nothing to how
// far a forward pass was rounded.
void ReferenceKernels::attention_backward(GradSink dqkv, const Tensor& dy, const Tensor&,
                                          const Tensor&, const Tensor& qkv, const Tensor& starts,
                                          const AttentionSpec& spec) const {
  const int64_t steps = qkv.dim(1), rows = qkv.dim(0) * steps, width = spec.head_width;
  const double scale = 1 / std::sqrt(static_cast<double>(width));
  const Array<double> slopes = doubles(dy), inputs = doubles(qkv);
  Array<double> dinputs(inputs.size());
  const Heads<const double> from{inputs.data(), spec};
  const Heads<double> to{dinputs.data(), spec};
  for (int64_t n = 0; n < rows; ++n)
    for (int64_t h = 0; h < spec.heads; ++h) {
      const int64_t t = n % steps, first_row = n - t;
      const int64_t begin = first_seen(integers(starts), n, t, spec.window);
      const double* const dout = &slopes[(n * spec.heads + h) * width];
      const auto key = [&](int64_t s) { return from.key(first_row + s, h); };
      Array<double> p = scores_of(from.query(n, h), key, begin, t, h, spec);
      softmax(p);
      Array<double> dp(p.size());
      double mean = 0;
      for (size_t i = 0; i < p.size(); ++i) {
        const double* const value = from.value(first_row + begin + static_cast<int64_t>(i), h);
        for (int64_t d = 0; d < width; ++d) dp[i] += dout[d] * value[d];
        mean += p[i] * dp[i];
      }
      for (size_t i = 0; i < p.size(); ++i) {
        const int64_t row = first_row + begin + static_cast<int64_t>(i);
        const double dscore = scale * p[i] * (dp[i] - mean);
        for (int64_t d = 0; d < width; ++d) {
          to.query(n, h)[d] += dscore * from.key(row, h)[d];
          to.key(row, h)[d] += dscore * from.query(n, h)[d];
          to.value(row, h)[d] += p[i] * dout[d];
        }
      }
    }
  store(dqkv, dinputs);
}

void ReferenceKernels::attention_decode(Tensor& y, Tensor& key_cache, Tensor& value_cache,
                                        const Tensor& qkv, const Tensor& slots,
                                        const Tensor& positions, const AttentionSpec& spec) const {
  const Array<double> inputs = doubles(qkv);
  const Heads<const double> heads{inputs.data(), spec};
  const int64_t rows = rows_of(qkv), width = spec.head_width, row_width = spec.kv_heads * width;
  Array<double> out = zeros(rows * spec.heads * width);
  for (int64_t r = 0; r < rows; ++r) {
    const int64_t slot = integers(slots)[r], position = integers(positions)[r];
    const auto cached = [&](const Tensor& cache, int64_t p, int64_t group) {
      return &cache.data<float>()[(slot * cache.dim(1) + p) * row_width + group * width];
    };
    for (int64_t h = 0; h < spec.heads; ++h) {
      std::copy_n(heads.key(r, h), width, cached(key_cache, position, heads.group(h)));
      std::copy_n(heads.value(r, h), width, cached(value_cache, position, heads.group(h)));
    }
    for (int64_t h = 0; h < spec.heads; ++h) {
      const int64_t group = heads.group(h);
      const auto key = [&](int64_t p) { return cached(key_cache, p, group); };
      const auto value = [&](int64_t p) { return cached(value_cache, p, group); };
      attend(&out[(r * spec.heads + h) * width], heads.query(r, h), key, value,
             first_seen({}, r, position, spec.window), position, h, spec);
    }
  }
  store(y, out);
}

}  // namespace lineage
