#include "lineage/kernels/cpu/gemm_ops.h"

#include <algorithm>

#include "lineage/base/parallel.h"

namespace lineage {
namespace {

int64_t columns(const Tensor& x) { return x.dim(-1); }
int64_t rows(const Tensor& x) { return columns(x) ? x.numel() / columns(x) : 0; }
const float* values(const Tensor& x) { return x.empty() ? nullptr : x.data<float>().data(); }
float* values(Tensor& x) { return x.data<float>().data(); }

// Beside a wanted dw the sums come for free; this is for a frozen weight with a trained bias.
void column_sums(const GradSink& dbias, const Tensor& dy) {
  const int64_t width = columns(dy), n = rows(dy);
  const float* in = values(dy);
  Tensor out = dbias.out;
  float* sums = values(out);
  constexpr int64_t kStrip = 64;
  parallel_blocks(width, kStrip, [&](int64_t, int64_t begin, int64_t end) {
    float total[kStrip] = {};
    for (int64_t i = 0; i < n; ++i) {
      for (int64_t j = begin; j < end; ++j) total[j - begin] += in[i * width + j];
    }
    for (int64_t j = begin; j < end; ++j) {
      sums[j] = (dbias.accumulate ? sums[j] : 0.0f) + total[j - begin];
    }
  });
}

}  // namespace

Product forward_product(Tensor& y, const Tensor& x, const Tensor& w, const Tensor& bias) {
  Product q;
  q.m = rows(x), q.n = w.dim(0), q.k = columns(x);
  q.a = {values(x), q.k, false};
  q.b = {values(w), q.k, true};
  q.c = values(y), q.c_stride = q.n;
  q.epilogue.bias = values(bias);
  return q;
}

void add_residual(Product& q, const Tensor& residual) {
  if (residual.empty()) return;
  // Sums that are not complete yet are kept in c, where they would overwrite the residual.
  if (values(residual) == q.c) {
    q.accumulate = true;
  } else {
    q.epilogue.residual = values(residual), q.epilogue.residual_stride = q.c_stride;
  }
}

Product input_gradient(const GradSink& dx, const Tensor& dy, const Tensor& w) {
  Tensor out = dx.out;
  Product q;
  q.m = rows(dy), q.n = columns(w), q.k = columns(dy);
  q.a = {values(dy), q.k, false};
  q.b = {values(w), q.n, false};
  q.c = values(out), q.c_stride = q.n;
  q.accumulate = dx.accumulate;
  return q;
}

void weight_gradient(const GradSink& dw, const GradSink& dbias, const Tensor& dy, const Tensor& x) {
  if (!dw) {
    if (dbias) column_sums(dbias, dy);
    return;
  }
  Tensor out = dw.out, sums = dbias.out;
  Product q;
  q.m = columns(dy), q.n = columns(x), q.k = rows(dy);
  q.a = {values(dy), q.m, true};
  q.b = {values(x), q.n, false};
  q.c = values(out), q.c_stride = q.n;
  q.accumulate = dw.accumulate;
  if (dbias) q.a_sums = values(sums), q.accumulate_sums = dbias.accumulate;
  multiply(q);
}

}  // namespace lineage
