#include <cstdint>

#include "lineage/base/parallel.h"
#include "lineage/kernels/cpu/cpu.h"
#include "lineage/kernels/cpu/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "lineage/kernels/cpu/pointwise.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "lineage/kernels/cpu/activation-inl.h"
#include "lineage/kernels/cpu/rows-inl.h"

HWY_BEFORE_NAMESPACE();
namespace lineage {
namespace HWY_NAMESPACE {
namespace {

// Elements of a parallel block: enough to be worth a thread.
constexpr int64_t kBlock = 16384;

// body(i, part) over n elements in parallel.
template <class Body>
void for_elements(int64_t n, const Body& body) {
  parallel_blocks(n, kBlock, [&](int64_t, int64_t begin, int64_t end) HWY_ATTR {
    for_vectors(static_cast<size_t>(end - begin),
                [&](size_t i, auto part) HWY_ATTR { body(static_cast<size_t>(begin) + i, part); });
  });
}

// store(value) of a gradient: beta is 0 or 1, and 0 must not read what is there.
template <class Where>
HWY_INLINE void sink(bool accumulate, Vec32 value, float* to, Where part) {
  part.store(accumulate ? hn::Add(part.load(to), value) : value, to);
}

void activate_all(float* y, const float* x, int64_t n, Activation kind) {
  with_activation(kind, [&]<Activation A>() HWY_ATTR {
    for_elements(n, [&](size_t i, auto part) HWY_ATTR {
      part.store(activate<A>(F32(), part.load(x + i)).value, y + i);
    });
  });
}

void activate_all_backward(float* dx, bool accumulate, const float* dy, const float* x, int64_t n,
                           Activation kind) {
  with_activation(kind, [&]<Activation A>() HWY_ATTR {
    for_elements(n, [&](size_t i, auto part) HWY_ATTR {
      const Vec32 slope = activate<A>(F32(), part.load(x + i)).slope;
      sink(accumulate, hn::Mul(part.load(dy + i), slope), dx + i, part);
    });
  });
}

// y(N,F) = silu(g) u with x(N,2F) = [g | u].
void gate_all(float* y, const float* x, int64_t rows, int64_t width) {
  const auto f = static_cast<size_t>(width);
  parallel_for(rows, 1 + kBlock / width, [&](int64_t begin, int64_t end) HWY_ATTR {
    for (auto n = static_cast<size_t>(begin); n < static_cast<size_t>(end); ++n) {
      const float *const g = x + 2 * n * f, *const u = g + f;
      float* const to = y + n * f;
      for_vectors(f, [&](size_t i, auto part) HWY_ATTR {
        part.store(hn::Mul(silu(F32(), part.load(g + i)).value, part.load(u + i)), to + i);
      });
    }
  });
}

void gate_all_backward(float* dx, bool accumulate, const float* dy, const float* x, int64_t rows,
                       int64_t width) {
  const auto f = static_cast<size_t>(width);
  parallel_for(rows, 1 + kBlock / width, [&](int64_t begin, int64_t end) HWY_ATTR {
    for (auto n = static_cast<size_t>(begin); n < static_cast<size_t>(end); ++n) {
      const float *const g = x + 2 * n * f, *const u = g + f, *const from = dy + n * f;
      float *const dg = dx + 2 * n * f, *const du = dg + f;
      for_vectors(f, [&](size_t i, auto part) HWY_ATTR {
        const auto gate = silu(F32(), part.load(g + i));
        const Vec32 dout = part.load(from + i), up = part.load(u + i);
        sink(accumulate, hn::Mul(dout, hn::Mul(up, gate.slope)), dg + i, part);
        sink(accumulate, hn::Mul(dout, gate.value), du + i, part);
      });
    }
  });
}

void add_all(float* y, const float* a, const float* b, int64_t n) {
  for_elements(n, [&](size_t i, auto part)
                      HWY_ATTR { part.store(hn::Add(part.load(a + i), part.load(b + i)), y + i); });
}

void copy_grad_all(float* dx, bool accumulate, const float* dy, float scale, int64_t n) {
  const Vec32 factor = hn::Set(F32(), scale);
  for_elements(n, [&](size_t i, auto part) HWY_ATTR {
    sink(accumulate, hn::Mul(part.load(dy + i), factor), dx + i, part);
  });
}

// b == 0 must not read y, which may be uninitialised.
void axpby_all(float* y, float a, const float* x, float b, int64_t n) {
  const Vec32 va = hn::Set(F32(), a), vb = hn::Set(F32(), b);
  for_elements(n, [&](size_t i, auto part) HWY_ATTR {
    const Vec32 ax = hn::Mul(va, part.load(x + i));
    part.store(b == 0 ? ax : hn::MulAdd(vb, part.load(y + i), ax), y + i);
  });
}

// In double: a sum over 10⁸ squares in f32 would lose half of its digits.
double sum_squares_block(const float* x, int64_t n) {
  const hn::ScalableTag<double> d64;
  const hn::Rebind<float, decltype(d64)> half;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d64));
  auto sum0 = hn::Zero(d64), sum1 = sum0, sum2 = sum0, sum3 = sum0;
  const auto at = [&](int64_t i) HWY_ATTR { return hn::PromoteTo(d64, hn::LoadU(half, x + i)); };
  int64_t i = 0;
  for (; i + 4 * lanes <= n; i += 4 * lanes) {
    const auto a = at(i), b = at(i + lanes), c = at(i + 2 * lanes), e = at(i + 3 * lanes);
    sum0 = hn::MulAdd(a, a, sum0);
    sum1 = hn::MulAdd(b, b, sum1);
    sum2 = hn::MulAdd(c, c, sum2);
    sum3 = hn::MulAdd(e, e, sum3);
  }
  const auto all = hn::Add(hn::Add(sum0, sum1), hn::Add(sum2, sum3));
  double sum = hn::GetLane(hn::SumOfLanes(d64, all));
  for (; i < n; ++i) sum += double{x[i]} * double{x[i]};
  return sum;
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace lineage
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <vector>

namespace lineage {
namespace {
HWY_EXPORT(activate_all);
HWY_EXPORT(activate_all_backward);
HWY_EXPORT(gate_all);
HWY_EXPORT(gate_all_backward);
HWY_EXPORT(add_all);
HWY_EXPORT(copy_grad_all);
HWY_EXPORT(axpby_all);
HWY_EXPORT(sum_squares_block);

const float* floats(const Tensor& x) { return x.data<float>().data(); }
float* floats(Tensor& x) { return x.data<float>().data(); }
}  // namespace

void CpuKernels::activation(Tensor& y, const Tensor& x, Activation kind) const {
  if (gated(kind)) {
    HWY_DYNAMIC_DISPATCH(gate_all)(floats(y), floats(x), y.numel() / y.dim(-1), y.dim(-1));
  } else {
    HWY_DYNAMIC_DISPATCH(activate_all)(floats(y), floats(x), x.numel(), kind);
  }
}

void CpuKernels::activation_backward(GradSink dx, const Tensor& dy, const Tensor& x,
                                     Activation kind) const {
  if (!dx) return;
  if (gated(kind)) {
    HWY_DYNAMIC_DISPATCH(gate_all_backward)
    (floats(dx.out), dx.accumulate, floats(dy), floats(x), dy.numel() / dy.dim(-1), dy.dim(-1));
  } else {
    HWY_DYNAMIC_DISPATCH(activate_all_backward)
    (floats(dx.out), dx.accumulate, floats(dy), floats(x), x.numel(), kind);
  }
}

void CpuKernels::add(Tensor& y, const Tensor& a, const Tensor& b) const {
  HWY_DYNAMIC_DISPATCH(add_all)(floats(y), floats(a), floats(b), y.numel());
}

void CpuKernels::copy_grad(GradSink dx, const Tensor& dy, const Tensor& scalar) const {
  if (!dx) return;
  const float scale = scalar.empty() ? 1.0f : floats(scalar)[0];
  HWY_DYNAMIC_DISPATCH(copy_grad_all)
  (floats(dx.out), dx.accumulate, floats(dy), scale, dy.numel());
}

void CpuKernels::axpby(Tensor& y, float a, const Tensor& x, float b) const {
  HWY_DYNAMIC_DISPATCH(axpby_all)(floats(y), a, floats(x), b, y.numel());
}

double CpuKernels::sum_squares(const Tensor& x) const {
  constexpr int64_t kSumBlock = 1 << 16;
  std::vector<double> sums(static_cast<size_t>((x.numel() + kSumBlock - 1) / kSumBlock));
  parallel_blocks(x.numel(), kSumBlock, [&](int64_t block, int64_t begin, int64_t end) {
    sums[block] = HWY_DYNAMIC_DISPATCH(sum_squares_block)(floats(x) + begin, end - begin);
  });
  double total = 0;
  for (const double sum : sums) total += sum;
  return total;
}

}  // namespace lineage
#endif  // HWY_ONCE
