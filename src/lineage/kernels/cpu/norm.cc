#include "lineage/base/parallel.h"
#include "lineage/kernels/cpu/cpu.h"
#include "lineage/kernels/cpu/partial_sums.h"
#include "lineage/kernels/cpu/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "lineage/kernels/cpu/norm.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "lineage/kernels/cpu/norm-inl.h"

HWY_BEFORE_NAMESPACE();
namespace lineage {
namespace HWY_NAMESPACE {
namespace {

void layer_norm_rows(float* y, float* mean, float* rstd, const float* x, const float* gain,
                     const float* bias, int64_t rows, int64_t width, float eps) {
  for (int64_t n = 0; n < rows; ++n) {
    const MeanRstd row =
        layer_norm_row(y + n * width, x + n * width, gain, bias, static_cast<size_t>(width), eps);
    mean[n] = row.mean;
    rstd[n] = row.rstd;
  }
}

void rms_norm_rows(float* y, float* rstd, const float* x, const float* gain, int64_t rows,
                   int64_t width, float eps) {
  for (int64_t n = 0; n < rows; ++n)
    rstd[n] = rms_norm_row(y + n * width, x + n * width, gain, static_cast<size_t>(width), eps);
}

// mean is null for RMSNorm; dx, dgain and dbias are null where they are not wanted.
void norm_rows_backward(float* dx, bool accumulate, float* dgain, float* dbias, const float* dy,
                        const float* x, const float* gain, const float* mean, const float* rstd,
                        int64_t rows, int64_t width) {
  const auto w = static_cast<size_t>(width);
  for (int64_t n = 0; n < rows; ++n) {
    const int64_t at = n * width;
    float* const to = dx ? dx + at : nullptr;
    if (mean)
      norm_row_backward<true>(to, accumulate, dgain, dbias, dy + at, x + at, gain, mean[n], rstd[n],
                              w);
    else
      norm_row_backward<false>(to, accumulate, dgain, dbias, dy + at, x + at, gain, 0, rstd[n], w);
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace lineage
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lineage {
namespace {
HWY_EXPORT(layer_norm_rows);
HWY_EXPORT(rms_norm_rows);
HWY_EXPORT(norm_rows_backward);

const float* floats(const Tensor& x) { return x.empty() ? nullptr : x.data<float>().data(); }
float* floats(Tensor& x) { return x.empty() ? nullptr : x.data<float>().data(); }

// Rows of a parallel block in the forward pass: enough elements to be worth a thread.
int64_t rows_worth_a_thread(int64_t width) { return 1 + 8192 / width; }

void norm_backward(GradSink dx, GradSink dgain, GradSink dbias, const Tensor& dy, const Tensor& x,
                   const Tensor& gain, const float* mean, const Tensor& rstd) {
  const int64_t width = x.dim(-1), rows = x.numel() / width;
  const int64_t dbias_at = dgain ? width : 0;
  PartialSums sums(rows, dbias_at + (dbias ? width : 0));
  parallel_blocks(rows, sums.rows_per_block(), [&](int64_t block, int64_t begin, int64_t end) {
    float* const slot = sums.slot(block);
    const int64_t at = begin * width;
    HWY_DYNAMIC_DISPATCH(norm_rows_backward)
    (dx ? floats(dx.out) + at : nullptr, dx.accumulate, dgain ? slot : nullptr,
     dbias ? slot + dbias_at : nullptr, floats(dy) + at, floats(x) + at, floats(gain),
     mean ? mean + begin : nullptr, floats(rstd) + begin, end - begin, width);
  });
  sums.reduce(dgain, 0);
  sums.reduce(dbias, dbias_at);
}

}  // namespace

void CpuKernels::layer_norm(Tensor& y, Tensor& mean, Tensor& rstd, const Tensor& x,
                            const Tensor& gain, const Tensor& bias, float eps) const {
  const int64_t width = x.dim(-1);
  parallel_for(x.numel() / width, rows_worth_a_thread(width), [&](int64_t begin, int64_t end) {
    HWY_DYNAMIC_DISPATCH(layer_norm_rows)
    (floats(y) + begin * width, floats(mean) + begin, floats(rstd) + begin,
     floats(x) + begin * width, floats(gain), floats(bias), end - begin, width, eps);
  });
}

void CpuKernels::layer_norm_backward(GradSink dx, GradSink dgain, GradSink dbias, const Tensor& dy,
                                     const Tensor& x, const Tensor& gain, const Tensor& mean,
                                     const Tensor& rstd) const {
  norm_backward(dx, dgain, dbias, dy, x, gain, floats(mean), rstd);
}

void CpuKernels::rms_norm(Tensor& y, Tensor& rstd, const Tensor& x, const Tensor& gain,
                          float eps) const {
  const int64_t width = x.dim(-1);
  parallel_for(x.numel() / width, rows_worth_a_thread(width), [&](int64_t begin, int64_t end) {
    HWY_DYNAMIC_DISPATCH(rms_norm_rows)
    (floats(y) + begin * width, floats(rstd) + begin, floats(x) + begin * width, floats(gain),
     end - begin, width, eps);
  });
}

void CpuKernels::rms_norm_backward(GradSink dx, GradSink dgain, const Tensor& dy, const Tensor& x,
                                   const Tensor& gain, const Tensor& rstd) const {
  norm_backward(dx, dgain, {}, dy, x, gain, nullptr, rstd);
}

}  // namespace lineage
#endif  // HWY_ONCE
