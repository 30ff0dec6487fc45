// Loops over the elements of a row, on Highway vectors of f32: whole vectors, then what is left.

// Compiled once for each target: the include guard toggles.
#if defined(LINEAGE_KERNELS_CPU_ROWS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef LINEAGE_KERNELS_CPU_ROWS_INL_H_
#undef LINEAGE_KERNELS_CPU_ROWS_INL_H_
#else
#define LINEAGE_KERNELS_CPU_ROWS_INL_H_
#endif

#include <algorithm>

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace lineage {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using F32 = hn::ScalableTag<float>;
using Vec32 = hn::Vec<F32>;

// Where a vector of a row lies: all its lanes are inside the row,
struct Whole {
  HWY_INLINE Vec32 load(const float* from) const { return hn::LoadU(F32(), from); }
  HWY_INLINE void store(Vec32 v, float* to) const { hn::StoreU(v, F32(), to); }
  HWY_INLINE Vec32 zero_outside(Vec32 v) const { return v; }
  HWY_INLINE Vec32 keep_outside(Vec32 v, Vec32) const { return v; }
};

// or only the first `lanes`. The others read as zero and are never touched in memory.
struct Part {
  size_t lanes;
  HWY_INLINE Vec32 load(const float* from) const {
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX2  // before, Highway loads whole aligned vectors
    return hn::MaskedLoad(hn::FirstN(F32(), lanes), F32(), from);
#else
    HWY_ALIGN float all[hn::MaxLanes(F32())] = {};
    std::copy_n(from, lanes, all);
    return hn::Load(F32(), all);
#endif
  }
  HWY_INLINE void store(Vec32 v, float* to) const {
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX2  // before, Highway loads whole aligned vectors
    hn::BlendedStore(v, hn::FirstN(F32(), lanes), F32(), to);
#else
    HWY_ALIGN float all[hn::MaxLanes(F32())];
    hn::Store(v, F32(), all);
    std::copy_n(all, lanes, to);
#endif
  }
  HWY_INLINE Vec32 zero_outside(Vec32 v) const {
    return hn::IfThenElseZero(hn::FirstN(F32(), lanes), v);
  }
  HWY_INLINE Vec32 keep_outside(Vec32 v, Vec32 old) const {
    return hn::IfThenElse(hn::FirstN(F32(), lanes), v, old);
  }
};

// body(i, part) for the vectors at i of a row of n elements; part is a Whole or a Part.
template <class Body>
HWY_INLINE void for_vectors(size_t n, const Body& body) {
  const size_t lanes = hn::Lanes(F32());
  size_t i = 0;
  for (; i + lanes <= n; i += lanes) body(i, Whole{});
  if (i < n) body(i, Part{n - i});
}

// kSums sums over a row: body(i, part, sums) adds the vector at i to Vec32 sums[kSums]. Four sets
// of sums hide the latency of additions; the order of summation depends on n alone.
template <int kSums, class Body>
HWY_INLINE void sum_vectors(size_t n, float (&sums)[kSums], const Body& body) {
  const F32 d;
  constexpr int kSets = 4;
  const size_t lanes = hn::Lanes(d);
  Vec32 sets[kSets][kSums];
  HWY_UNROLL(4)
  for (auto& set : sets)
    for (Vec32& sum : set) sum = hn::Zero(d);
  size_t i = 0;
  for (; i + kSets * lanes <= n; i += kSets * lanes) {
    HWY_UNROLL(4)
    for (size_t s = 0; s < kSets; ++s) body(i + s * lanes, Whole{}, sets[s]);
  }
  for (; i + lanes <= n; i += lanes) body(i, Whole{}, sets[0]);
  if (i < n) body(i, Part{n - i}, sets[1]);
  HWY_UNROLL(4)
  for (int k = 0; k < kSums; ++k) {
    const Vec32 all = hn::Add(hn::Add(sets[0][k], sets[1][k]), hn::Add(sets[2][k], sets[3][k]));
    sums[k] = hn::GetLane(hn::SumOfLanes(d, all));
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace lineage
HWY_AFTER_NAMESPACE();

#endif  // LINEAGE_KERNELS_CPU_ROWS_INL_H_
