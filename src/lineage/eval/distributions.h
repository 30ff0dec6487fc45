#pragma once

#include <cstdint>

namespace lineage {

// The distribution functions that intervals and tests need, to about 1e-12.

double normal_cdf(double z);
double normal_quantile(double p);  // 0 < p < 1

// The regularised incomplete beta function I_x(a, b), by the continued fraction of DLMF 8.17.22.
double incomplete_beta(double a, double b, double x);

// Student's t; an infinite `df` is the normal distribution.
double student_cdf(double t, double df);
double student_quantile(double p, double df);

// P(X <= k) of a binomial variable.
double binomial_cdf(int64_t k, int64_t n, double p);

}  // namespace lineage
