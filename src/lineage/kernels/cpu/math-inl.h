// Transcendental functions on Highway vectors of f32, for the kernels of this folder.

// Compiled once for each target: the include guard toggles.
#if defined(LINEAGE_KERNELS_CPU_MATH_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef LINEAGE_KERNELS_CPU_MATH_INL_H_
#undef LINEAGE_KERNELS_CPU_MATH_INL_H_
#else
#define LINEAGE_KERNELS_CPU_MATH_INL_H_
#endif

#include <cmath>

#include "hwy/contrib/math/math-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace lineage {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Errors are relative. (Named with a v, since argument-dependent lookup would find Highway's own
// beside a plain Exp.)

// e^x to 1.2 ulp; 0 below -86.9, where powers become denormal, and NaN of NaN. e^x = 2^n e^r with
// |r| <= ln 2 / 2; the polynomial 2 e^r interpolates (e^r - 1 - r)/r² at Chebyshev nodes.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V vexp(D d, V x) {
  const hn::RebindToSigned<D> di;
  const V magic = hn::Set(d, 12583038.0f);  // 1.5·2^23 + 126: adding it rounds to an integer
  const V shifted = hn::MulAdd(x, hn::Set(d, 1.44269504088896341f), magic);
  const V n = hn::Sub(shifted, magic);
  // ln 2 in two parts, the first of 9 bits: n times it is exact.
  const V r =
      hn::NegMulAdd(n, hn::Set(d, -2.12194440e-4f), hn::NegMulAdd(n, hn::Set(d, 0.693359375f), x));
  V p = hn::Set(d, 0.0027852500788867474f);
  p = hn::MulAdd(p, r, hn::Set(d, 0.01672646589577198f));
  p = hn::MulAdd(p, r, hn::Set(d, 0.0833331048488617f));
  p = hn::MulAdd(p, r, hn::Set(d, 0.33333152532577515f));
  p = hn::MulAdd(p, r, hn::Set(d, 1.0f));
  p = hn::MulAdd(p, r, hn::Set(d, 2.0f));
  p = hn::MulAdd(p, r, hn::Set(d, 2.0f));
  // Its exponent is n - 1, so that n = 128 is no infinity yet.
  const V power = hn::BitCast(d, hn::ShiftLeft<23>(hn::BitCast(di, shifted)));
  const V small = hn::Set(d, -86.9f), large = hn::Set(d, 89.0f), infinity = hn::Set(d, HUGE_VALF);
  const V y = hn::IfThenElse(hn::Gt(x, large), infinity, hn::Mul(p, power));
  return hn::IfThenZeroElse(hn::Lt(x, small), y);
}
// 4 ulp.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V vlog(D d, V x) {
  return hn::Log(d, x);
}
// 4 ulp.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V vtanh(D d, V x) {
  return hn::Tanh(d, x);
}

// 1 / (1 + e^-x), to 3 ulp.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V vsigmoid(D d, V x) {
  const V one = hn::Set(d, 1.0f);
  return hn::Div(one, hn::Add(one, vexp(d, hn::Neg(x))));
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
