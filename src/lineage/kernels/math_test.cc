#include <cmath>
#include <limits>
#include <span>
#include <vector>

#include "lineage/kernels/cpu/targets.h"
#include "lineage/kernels/testing.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "lineage/kernels/math_test.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "lineage/kernels/cpu/math-inl.h"
#include "lineage/kernels/cpu/rows-inl.h"

HWY_BEFORE_NAMESPACE();
namespace lineage {
namespace HWY_NAMESPACE {
namespace {

void exp_row(const float* x, float* y, size_t n) {
  for_vectors(
      n, [&](size_t i, auto part) HWY_ATTR { part.store(vexp(F32(), part.load(x + i)), y + i); });
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace lineage
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lineage {
namespace {
HWY_EXPORT(exp_row);

// In units of the last place of `want`.
double ulps(float got, double want) {
  const auto nearest = static_cast<float>(want);
  const double next = std::nextafter(nearest, HUGE_VALF);  // doubles: denormals are flushed to zero
  const double ulp = next - static_cast<double>(nearest);
  return std::abs(static_cast<double>(got) - want) / ulp;
}

TEST(Exp, IsWithinOneAndAHalfUlps) {
  std::vector<float> x;
  for (double v = -86.9; v < 88.72; v += 1.7e-3) x.push_back(static_cast<float>(v));
  for (float v = 1e-30f; v < 80; v *= 1.01f) x.insert(x.end(), {v, -v});
  std::vector<float> y(x.size());
  for (int64_t target : cases::targets()) {
    SCOPED_TRACE(hwy::TargetName(target));
    const cases::UseTarget use(target);
    HWY_DYNAMIC_DISPATCH(exp_row)(x.data(), y.data(), x.size());
    double worst = 0;
    for (size_t i = 0; i < x.size(); ++i)
      worst = std::max(worst, ulps(y[i], std::exp(static_cast<double>(x[i]))));
    EXPECT_LT(worst, 1.5);
    RecordProperty(hwy::TargetName(target), std::to_string(worst));
  }
}

TEST(Exp, HasItsLimits) {
  const std::vector<float> x = {0,   -0.0f, -87,       -1e4f, -3e38f, -HUGE_VALF,
                                NAN, 88.8f, HUGE_VALF, 89.5f, 3e38f,  -NAN};
  for (int64_t target : cases::targets()) {
    SCOPED_TRACE(hwy::TargetName(target));
    const cases::UseTarget use(target);
    std::vector<float> y(x.size());
    HWY_DYNAMIC_DISPATCH(exp_row)(x.data(), y.data(), x.size());
    for (size_t i : {0, 1}) EXPECT_EQ(y[i], 1) << x[i];
    for (size_t i : {2, 3, 4, 5}) EXPECT_EQ(y[i], 0) << x[i];
    for (size_t i : {7, 8, 9, 10}) EXPECT_EQ(y[i], HUGE_VALF) << x[i];
    for (size_t i : {6, 11}) EXPECT_TRUE(std::isnan(y[i])) << x[i];
  }
}

}  // namespace
}  // namespace lineage
#endif  // HWY_ONCE
