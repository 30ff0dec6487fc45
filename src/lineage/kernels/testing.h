#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <complex>

#include "hwy/targets.h"
#include "lineage/base/testing.h"
#include "lineage/kernels/cases.h"
#include "lineage/kernels/reference/forward.h"

namespace lineage::cases {

// --- comparing -----------------------------------------------------------------------------------

// Of the normalised mean squared error: 1e-5 root mean square, which leaves f32 sums of a few
// hundred terms and approximated exponentials room, and no wrong element hides under it.
inline constexpr double kTolerance = 1e-10;
// Where some hundred terms of size 1 cancel to nothing, this much of their roundings remains.
inline constexpr double kNoise = 5e-6;

inline void expect_close(const std::string& what, std::span<const float> got,
                         std::span<const float> want, double tolerance = kTolerance) {
  ASSERT_EQ(got.size(), want.size()) << what;
  double error = 0, size = 0, largest = -1;
  size_t worst = 0;
  for (size_t i = 0; i < got.size(); ++i) {
    const double difference = std::abs(double{got[i]} - double{want[i]});
    if (!(difference <= largest)) {
      largest = difference;
      worst = i;
    }
    error += difference * difference;
    size += double{want[i]} * double{want[i]};
  }
  // Negated, so that a NaN fails.
  EXPECT_FALSE(!(error <= tolerance * size + kNoise * kNoise * static_cast<double>(got.size())))
      << what << ": normalised error " << error / size << " of " << got.size()
      << " elements, worst [" << worst << "] is " << got[worst] << ", not " << want[worst];
}

inline void expect_close(const std::string& what, const Tensor& got, std::vector<float> want,
                         double tolerance = kTolerance) {
  expect_close(what, got.data<float>(), want, tolerance);
}

inline void expect_close(const std::vector<Call::Result>& got,
                         const std::vector<Call::Result>& want, double tolerance = kTolerance) {
  ASSERT_EQ(got.size(), want.size());
  for (size_t i = 0; i < got.size(); ++i)
    expect_close(got[i].name, got[i].value.data<float>(), want[i].value.data<float>(), tolerance);
}

inline void expect_same_bits(const std::vector<Call::Result>& got,
                             const std::vector<Call::Result>& want) {
  ASSERT_EQ(got.size(), want.size());
  for (size_t i = 0; i < got.size(); ++i) {
    const auto size = static_cast<size_t>(got[i].value.byte_size());
    EXPECT_EQ(std::memcmp(got[i].value.bytes(), want[i].value.bytes(), size), 0) << got[i].name;
  }
}

// --- instruction sets and threads ----------------------------------------------------------------

// The vector widths that this machine can run: 1, 4, 8 and perhaps 16 lanes on x86; of them those
// that cpu/targets.h has compiled.
inline std::vector<int64_t> targets() {
  std::vector<int64_t> found;
#if defined(__x86_64__) && (defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__))
  for (int64_t target : {HWY_AVX2, HWY_SCALAR})
    if (target == HWY_SCALAR || (hwy::SupportedTargets() & target)) found.push_back(target);
#elif HWY_ARCH_X86
  for (int64_t target : {HWY_AVX3, HWY_AVX2, HWY_SSE4, HWY_SCALAR})
    if (target == HWY_SCALAR || (hwy::SupportedTargets() & target)) found.push_back(target);
#else
  found.push_back(hwy::SupportedTargets());
#endif
  return found;
}

// While it lives, Highway dispatches to one target alone.
class UseTarget {
 public:
  explicit UseTarget(int64_t target) { hwy::GetChosenTarget().Update(target); }
  ~UseTarget() { hwy::GetChosenTarget().Update(hwy::SupportedTargets()); }
  UseTarget(const UseTarget&) = delete;
  UseTarget& operator=(const UseTarget&) = delete;
};

using testing::UseThreads;

// --- a backend against the reference -------------------------------------------------------------

inline void expect_same(const Kernels& a, const Kernels& b, const Call& call,
                        double tolerance = kTolerance) {
  SCOPED_TRACE(call.name);
  expect_close(call.run(a), call.run(b), tolerance);
}

// The CPU's kernels against the reference on every instruction set, and the same bits on the best
// one for one, two and three threads.
inline void expect_parity(const Call& call, double tolerance = kTolerance) {
  SCOPED_TRACE(call.name);
  const auto want = call.run(reference_kernels());
  for (int64_t target : targets()) {
    SCOPED_TRACE(hwy::TargetName(target));
    const UseTarget use(target);
    const UseThreads one(1);
    expect_close(call.run(cpu_kernels()), want, tolerance);
  }
  const auto run_with = [&](int threads) {
    const UseThreads use(threads);
    return call.run(cpu_kernels());
  };
  const auto alone = run_with(1);
  for (int threads : {3, 2}) {
    if (threads == 2 && call.outputs() < 5000) continue;  // work for one

    SCOPED_TRACE(fmt::format("{} threads", threads));
    expect_same_bits(run_with(threads), alone);
  }
}

// TEST_P fixtures over every backend of this machine; threads are for the tests of parity.
class OnBackend : public ::testing::TestWithParam<const Kernels*> {
 protected:
  const Kernels& on = *GetParam();

 private:
  const UseThreads one_{1};
};
inline auto every_backend() { return ::testing::Values(&reference_kernels(), &cpu_kernels()); }
inline std::string backend_name(const ::testing::TestParamInfo<const Kernels*>& info) {
  return info.index == 0 ? "reference" : "cpu";
}

// --- gradients -----------------------------------------------------------------------------------

using Complex = std::complex<double>;
template <class T>
using Array = reference::Array<T>;

inline Array<Complex> complexes(const Tensor& x) {
  const Array<double> values = reference::doubles(x);
  return {values.begin(), values.end()};
}

// The inner product of an output with the gradient that comes in: the loss whose derivative a
// backward kernel returns.
inline Complex dot(const Array<Complex>& y, const Tensor& dy) {
  Complex sum = 0;
  const Array<double> slopes = reference::doubles(dy);
  for (size_t i = 0; i < slopes.size(); ++i) sum += y[i] * slopes[i];
  return sum;
}

// Holds the backward kernel's results, in order, to the derivatives of loss(inputs) with respect
// to each input by the complex step. The step is exact to double precision, so what the tolerance
// leaves room for is f32: the results' own rounding and that of what the forward pass saved, some
// 1e-7 each, growing with the number of terms of a sum.
template <class Loss>
void expect_gradients(const std::vector<Call::Result>& got, const std::vector<Tensor>& inputs,
                      const Loss& loss, double tolerance = 1e-5) {
  ASSERT_EQ(got.size(), inputs.size());
  std::vector<Array<Complex>> at;
  for (const Tensor& x : inputs) at.push_back(complexes(x));
  constexpr double kStep = 1e-30;
  for (size_t i = 0; i < inputs.size(); ++i) {
    Array<double> want;
    for (Complex& x : at[i]) {
      x += Complex(0, kStep);
      want.push_back(loss(at).imag() / kStep);
      x = x.real();
    }
    double largest = 0;
    for (double v : want) largest = std::max(largest, std::abs(v));
    const auto values = got[i].value.data<float>();
    ASSERT_EQ(values.size(), want.size()) << got[i].name;
    for (size_t j = 0; j < want.size(); ++j)
      ASSERT_NEAR(values[j], want[j], tolerance * largest) << got[i].name << '[' << j << ']';
  }
}

}  // namespace lineage::cases
