#include "lineage/kernels/reference/forward.h"
#include "lineage/kernels/reference/reference.h"

namespace lineage {

using namespace reference;

void ReferenceKernels::embed(Tensor& y, const Tensor& tokens, const Tensor& positions,
                             const Tensor& token_table, const Tensor& position_table) const {
  store(y, reference::embed(integers(tokens), integers(positions), doubles(token_table),
                            doubles(position_table), token_table.dim(-1)));
}

void ReferenceKernels::embed_backward(GradSink dtoken_table, GradSink dposition_table,
                                      const Tensor& dy, const Tensor& tokens,
                                      const Tensor& positions) const {
  const Array<double> slopes = doubles(dy);
  const auto scatter = [&](const GradSink& sink, std::span<const int32_t> rows) {
    if (!sink || rows.empty()) return;
    Array<double> sums = zeros(sink.out.numel());
    const int64_t width = sink.out.dim(-1);
    for (size_t n = 0; n < rows.size(); ++n)
      for (int64_t c = 0; c < width; ++c) sums[rows[n] * width + c] += slopes[n * width + c];
    store(sink, sums);
  };
  scatter(dtoken_table, integers(tokens));
  scatter(dposition_table, integers(positions));
}

void ReferenceKernels::rotary(Tensor& y, const Tensor& qkv, const Tensor& positions,
                              const AttentionSpec& spec, std::span<const double> frequencies,
                              bool inverse) const {
  store(y, reference::rotary(doubles(qkv), integers(positions), spec, frequencies, inverse));
}

}  // namespace lineage
