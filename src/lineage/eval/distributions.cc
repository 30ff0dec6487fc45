#include "lineage/eval/distributions.h"

#include <cassert>
#include <cmath>
#include <numbers>
#include <utility>

namespace lineage {
namespace {

// The x at which the increasing function `f` is p. Bisection: slow, but never wrong.
template <class F>
double inverse(const F& f, double p) {
  double low = -1, high = 1;
  while (f(low) > p) low *= 2;
  while (f(high) < p) high *= 2;
  for (int i = 0; i < 200 && low < high; ++i) {
    const double middle = low + (high - low) / 2;
    if (middle == low || middle == high) break;
    (f(middle) < p ? low : high) = middle;
  }
  return low + (high - low) / 2;
}

// Lentz's evaluation of the continued fraction; converges fast for x < (a + 1) / (a + b + 2).
double beta_fraction(double a, double b, double x) {
  constexpr double kTiny = 1e-300, kPrecision = 1e-15;
  double c = 1, d = 1 / std::max(kTiny, std::abs(1 - (a + b) * x / (a + 1)));
  if (1 - (a + b) * x / (a + 1) < 0) d = -d;
  double result = d;
  for (int m = 1; m <= 10000; ++m) {
    double last = 1;
    for (const double term : {m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
                              -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))}) {
      d = 1 + term * d;
      c = 1 + term / c;
      if (std::abs(d) < kTiny) d = kTiny;
      if (std::abs(c) < kTiny) c = kTiny;
      d = 1 / d;
      last = c * d;
      result *= last;
    }
    if (std::abs(last - 1) < kPrecision) break;
  }
  return result;
}

// std::lgamma, which writes the sign to a variable that all threads share.
double log_gamma(double x) {
  int sign = 0;
  return lgamma_r(x, &sign);
}

}  // namespace

double normal_cdf(double z) { return 0.5 * std::erfc(-z / std::numbers::sqrt2); }

double normal_quantile(double p) {
  assert(p > 0 && p < 1);
  return p > 0.5 ? -normal_quantile(1 - p) : inverse(normal_cdf, p);
}

double incomplete_beta(double a, double b, double x) {
  assert(a > 0 && b > 0 && x >= 0 && x <= 1);
  if (x == 0 || x == 1) return x;
  const double front = std::exp(log_gamma(a + b) - log_gamma(a) - log_gamma(b) + a * std::log(x) +
                                b * std::log1p(-x));
  return x < (a + 1) / (a + b + 2) ? front * beta_fraction(a, b, x) / a
                                   : 1 - front * beta_fraction(b, a, 1 - x) / b;
}

double student_cdf(double t, double df) {
  assert(df > 0);
  if (std::isinf(df)) return normal_cdf(t);
  const double tail = 0.5 * incomplete_beta(df / 2, 0.5, df / (df + t * t));
  return t > 0 ? 1 - tail : tail;
}

double student_quantile(double p, double df) {
  assert(p > 0 && p < 1);
  if (p > 0.5) return -student_quantile(1 - p, df);
  return inverse([df](double t) { return student_cdf(t, df); }, p);
}

double binomial_cdf(int64_t k, int64_t n, double p) {
  if (k < 0) return 0;
  if (k >= n) return 1;
  return incomplete_beta(static_cast<double>(n - k), static_cast<double>(k + 1), 1 - p);
}

}  // namespace lineage
