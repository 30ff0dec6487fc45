// Transcendental functions on Highway vectors of f32, for the kernels of this folder.

// Compiled once for each target: the include guard toggles.
#if defined(LINEAGE_KERNELS_CPU_MATH_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef LINEAGE_KERNELS_CPU_MATH_INL_H_
#undef LINEAGE_KERNELS_CPU_MATH_INL_H_
#else
#define LINEAGE_KERNELS_CPU_MATH_INL_H_
#endif

#include "hwy/contrib/math/math-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace lineage {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Errors are relative. exp: 1 ulp, 0 below -104; log: 4 ulp; tanh: 4 ulp. (Named with a v, since
// argument-dependent lookup would find Highway's own beside a plain Exp.)
template <class D, class V = hn::Vec<D>>
HWY_INLINE V vexp(D d, V x) {
  return hn::Exp(d, x);
}
template <class D, class V = hn::Vec<D>>
HWY_INLINE V vlog(D d, V x) {
  return hn::Log(d, x);
}
template <class D, class V = hn::Vec<D>>
HWY_INLINE V vtanh(D d, V x) {
  return hn::Tanh(d, x);
}

// 1 / (1 + e^-x), to 3 ulp. Beyond -x = 88 the power would overflow; the result is below 1e-38.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V vsigmoid(D d, V x) {
  const V one = hn::Set(d, 1.0f);
  const V power = vexp(d, hn::Min(hn::Neg(x), hn::Set(d, 88.5f)));
  return hn::Div(one, hn::Add(one, power));
}

// erf(x) = x P(x²) / Q(x²), a minimax fit of relative error 2.5e-8 on |x| <= 4; beyond, erf rounds
// to ±1. 4 ulp as evaluated.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V verf(D d, V x) {
  const V clamped = hn::Max(hn::Set(d, -4.0f), hn::Min(x, hn::Set(d, 4.0f)));
  const V t = hn::Mul(clamped, clamped);
  V p = hn::Set(d, 1.986816691913007e-06f);
  p = hn::MulAdd(p, t, hn::Set(d, 0.00028456154356159234f));
  p = hn::MulAdd(p, t, hn::Set(d, 0.0038831505499894387f));
  p = hn::MulAdd(p, t, hn::Set(d, 0.053101148969712075f));
  p = hn::MulAdd(p, t, hn::Set(d, 0.1935405465781193f));
  p = hn::MulAdd(p, t, hn::Set(d, 1.128379139495309f));
  V q = hn::Set(d, 3.742030364438797e-05f);
  q = hn::MulAdd(q, t, hn::Set(d, 0.001185524225197328f));
  q = hn::MulAdd(q, t, hn::Set(d, 0.015206863950211234f));
  q = hn::MulAdd(q, t, hn::Set(d, 0.11534813308789899f));
  q = hn::MulAdd(q, t, hn::Set(d, 0.5048534007118907f));
  q = hn::MulAdd(q, t, hn::Set(d, 1.0f));
  return hn::Div(hn::Mul(clamped, p), q);
}

}  // namespace HWY_NAMESPACE
}  // namespace lineage
HWY_AFTER_NAMESPACE();

#endif  // LINEAGE_KERNELS_CPU_MATH_INL_H_
