#include <cmath>

#include "lineage/base/parallel.h"
#include "lineage/kernels/cpu/cpu.h"
#include "lineage/kernels/cpu/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "lineage/kernels/cpu/adamw.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "lineage/kernels/cpu/rows-inl.h"

HWY_BEFORE_NAMESPACE();
namespace lineage {
namespace HWY_NAMESPACE {
namespace {

// With the corrections taken out of the loop:
//   p -= decay p + rate m / (root sqrt(v) + eps)
// where decay = lr wd, rate = lr / (1-b1^step) and root = 1 / sqrt(1-b2^step).
void adamw_block(float* p, float* m, float* v, const float* grads, int64_t n, const AdamWStep& s) {
  const F32 d;
  const double b1 = s.beta1, b2 = s.beta2, lr = s.lr, step = static_cast<double>(s.step);
  const auto all = [&](double value) HWY_ATTR { return hn::Set(d, static_cast<float>(value)); };
  const Vec32 grad_scale = all(s.grad_scale), eps = all(s.eps);
  const Vec32 keep1 = all(b1), take1 = all(1 - b1), keep2 = all(b2), take2 = all(1 - b2);
  const Vec32 decay = all(lr * s.weight_decay);
  const Vec32 rate = all(lr / (1 - std::pow(b1, step)));
  const Vec32 root = all(1 / std::sqrt(1 - std::pow(b2, step)));
  for_vectors(static_cast<size_t>(n), [&](size_t i, auto part) HWY_ATTR {
    const Vec32 g = hn::Mul(part.load(grads + i), grad_scale);
    const Vec32 first = hn::MulAdd(keep1, part.load(m + i), hn::Mul(take1, g));
    const Vec32 second = hn::MulAdd(keep2, part.load(v + i), hn::Mul(take2, hn::Mul(g, g)));
    const Vec32 size = hn::MulAdd(root, hn::Sqrt(second), eps);
    const Vec32 move = hn::Div(hn::Mul(rate, first), size);
    part.store(first, m + i);
    part.store(second, v + i);
    const Vec32 value = part.load(p + i);
    part.store(hn::Sub(value, hn::MulAdd(decay, value, move)), p + i);
  });
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace lineage
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lineage {
namespace {
HWY_EXPORT(adamw_block);
}

void CpuKernels::adamw(Tensor& values, Tensor& m, Tensor& v, const Tensor& grads,
                       const AdamWStep& step) const {
  constexpr int64_t kBlock = 1 << 15;
  parallel_for(values.numel(), kBlock, [&](int64_t begin, int64_t end) {
    HWY_DYNAMIC_DISPATCH(adamw_block)
    (values.data<float>().data() + begin, m.data<float>().data() + begin,
     v.data<float>().data() + begin, grads.data<float>().data() + begin, end - begin, step);
  });
}

}  // namespace lineage
#endif  // HWY_ONCE
