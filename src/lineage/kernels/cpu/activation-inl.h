// The activations of an MLP and their slopes on Highway vectors of f32.

// Compiled once for each target: the include guard toggles.
#if defined(LINEAGE_KERNELS_CPU_ACTIVATION_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef LINEAGE_KERNELS_CPU_ACTIVATION_INL_H_
#undef LINEAGE_KERNELS_CPU_ACTIVATION_INL_H_
#else
#define LINEAGE_KERNELS_CPU_ACTIVATION_INL_H_
#endif

#include "lineage/kernels/cpu/math-inl.h"
#include "lineage/kernels/kernels.h"

HWY_BEFORE_NAMESPACE();
namespace lineage {
namespace HWY_NAMESPACE {

// f(x) and f'(x). Where only the value is used, the compiler drops what the slope alone needs.
template <class V>
struct ValueAndSlope {
  V value, slope;
};

// x σ(x). For swiglu: y = silu(g) u, dg = dy u silu'(g), du = dy silu(g).
template <class D, class V = hn::Vec<D>>
HWY_INLINE ValueAndSlope<V> silu(D d, V x) {
  const V s = vsigmoid(d, x);
  const V value = hn::Mul(x, s);
  return {value, hn::Add(s, hn::NegMulAdd(value, s, value))};  // σ + xσ(1 - σ)
}

template <Activation A, class D, class V = hn::Vec<D>>
HWY_INLINE ValueAndSlope<V> activate(D d, V x) {
  static_assert(!gated(A), "a gated activation has two inputs: use silu");
  if constexpr (A == Activation::gelu_tanh) {
    // (1 + tanh u)/2 = σ(2u), and 2u = x (a + b x²).
    constexpr float a = 1.5957691216057308f, b = a * 0.044715f;
    const V x2 = hn::Mul(x, x);
    const V s = vsigmoid(d, hn::Mul(x, hn::MulAdd(hn::Set(d, b), x2, hn::Set(d, a))));
    const V value = hn::Mul(x, s);
    const V slope_2u = hn::MulAdd(hn::Set(d, 3 * b), x2, hn::Set(d, a));
    return {value, hn::MulAdd(hn::NegMulAdd(value, s, value), slope_2u, s)};
  } else if constexpr (A == Activation::gelu_erf) {
    const V half = hn::Set(d, 0.5f);
    const V cdf = hn::MulAdd(half, verf(d, hn::Mul(x, hn::Set(d, 0.7071067811865476f))), half);
    const V density = hn::Mul(hn::Set(d, 0.3989422804014327f),
                              vexp(d, hn::Mul(hn::Mul(x, x), hn::Set(d, -0.5f))));
    return {hn::Mul(x, cdf), hn::MulAdd(x, density, cdf)};
  } else {
    const V r = hn::Max(x, hn::Zero(d));
    if constexpr (A == Activation::relu) {
      return {r, hn::IfThenElseZero(hn::Gt(x, hn::Zero(d)), hn::Set(d, 1.0f))};
    } else {
      return {hn::Mul(r, r), hn::Add(r, r)};
    }
  }
}

// Calls visit.template operator()<A>() for the ungated activation `a`.
template <class Visitor>
HWY_INLINE void with_activation(Activation a, const Visitor& visit) {
  switch (a) {
    case Activation::gelu_tanh:
      return visit.template operator()<Activation::gelu_tanh>();
    case Activation::gelu_erf:
      return visit.template operator()<Activation::gelu_erf>();
    case Activation::relu:
      return visit.template operator()<Activation::relu>();
    case Activation::relu_squared:
      return visit.template operator()<Activation::relu_squared>();
    case Activation::swiglu:
      break;
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace lineage
HWY_AFTER_NAMESPACE();

#endif  // LINEAGE_KERNELS_CPU_ACTIVATION_INL_H_
