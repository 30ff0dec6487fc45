#pragma once

#include <algorithm>
#include <cmath>
#include <complex>
#include <numbers>

#include "lineage/kernels/reference/arrays.h"

// The forward formulas over T = double, which the reference kernels run, or T =
// std::complex<double>, with which tests differentiate them by the complex step,
// f'(x) = Im f(x + ih) / h (Squire & Trapp 1998): no difference is taken, so h = 1e-30 costs no
// digits. Comparisons look at real parts alone, as a branch or a maximum subtracted must.
namespace lineage::reference {

inline double real(double x) { return x; }
inline double real(const std::complex<double>& x) { return x.real(); }

inline double erf(double x) { return std::erf(x); }
inline std::complex<double> erf(const std::complex<double>& x) {
  const double slope = 2 * std::numbers::inv_sqrtpi * std::exp(-x.real() * x.real());
  return {std::erf(x.real()), slope * x.imag()};
}

// --- pointwise -----------------------------------------------------------------------------------

template <class T>
T sigmoid(T x) {
  using std::exp;
  if (real(x) >= 0) return 1.0 / (1.0 + exp(-x));
  const T e = exp(x);
  return e / (1.0 + e);
}

template <class T>
T activated(T x, Activation act) {
  using std::tanh;
  constexpr double kRootTwoOverPi = 0.79788456080286535588;
  switch (act) {
    case Activation::gelu_tanh:
      return 0.5 * x * (1.0 + tanh(kRootTwoOverPi * (x + 0.044715 * x * x * x)));
    case Activation::gelu_erf:
      return 0.5 * x * (1.0 + erf(x / std::numbers::sqrt2));
    case Activation::relu:
      return real(x) > 0 ? x : T(0);
    case Activation::relu_squared:
      return real(x) > 0 ? x * x : T(0);
    case Activation::swiglu:
      break;
  }
  return x * sigmoid(x);  // the gate of swiglu
}

// y(N,F) from x(N,F), or from x(N,2F) when gated.
template <class T>
Array<T> activation(const Array<T>& x, Activation act, int64_t width) {
  if (!gated(act)) {
    Array<T> y(x.size());
    for (size_t i = 0; i < x.size(); ++i) y[i] = activated(x[i], act);
    return y;
  }
  Array<T> y(x.size() / 2);
  for (size_t i = 0; i < y.size(); ++i) {
    const size_t gate = i / width * 2 * width + i % width;
    y[i] = activated(x[gate], act) * x[gate + width];
  }
  return y;
}

// --- matrix products -----------------------------------------------------------------------------

template <class T>
Array<T> transposed(const Array<T>& x, int64_t rows, int64_t columns) {
  Array<T> y(x.size());
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j) y[j * rows + i] = x[i * columns + j];
  return y;
}

// op(a) op(b), of shapes (m,k) and (k,n).
template <class T>
Array<T> product(const Array<T>& a, Trans trans_a, const Array<T>& b, Trans trans_b, int64_t m,
                 int64_t k, int64_t n) {
  const Array<T> left = trans_a == Trans::yes ? transposed(a, k, m) : a;
  const Array<T> right = trans_b == Trans::yes ? transposed(b, n, k) : b;
  Array<T> c(static_cast<size_t>(m * n));
  for (int64_t i = 0; i < m; ++i)
    for (int64_t l = 0; l < k; ++l)
      for (int64_t j = 0; j < n; ++j) c[i * n + j] += left[i * k + l] * right[l * n + j];
  return c;
}

template <class T>
Array<T> linear(const Array<T>& x, const Array<T>& w, const Array<T>& bias,
                const Array<T>& residual, int64_t rows, int64_t inputs, int64_t outputs) {
  Array<T> y = product(x, Trans::no, w, Trans::yes, rows, inputs, outputs);
  for (size_t i = 0; i < y.size(); ++i) {
    if (!bias.empty()) y[i] += bias[i % outputs];
    if (!residual.empty()) y[i] += residual[i];
  }
  return y;
}

// --- norms ---------------------------------------------------------------------------------------

template <class T>
struct Normed {
  Array<T> y, mean, rstd;
};

template <class T>
Normed<T> layer_norm(const Array<T>& x, const Array<T>& gain, const Array<T>& bias, double eps) {
  using std::sqrt;
  const size_t width = gain.size();
  Normed<T> out{Array<T>(x.size()), {}, {}};
  for (size_t row = 0; row < x.size(); row += width) {
    T mean = 0, variance = 0;
    for (size_t i = 0; i < width; ++i) mean += x[row + i];
    mean /= static_cast<double>(width);
    for (size_t i = 0; i < width; ++i) variance += (x[row + i] - mean) * (x[row + i] - mean);
    const T rstd = 1.0 / sqrt(variance / static_cast<double>(width) + eps);
    for (size_t i = 0; i < width; ++i)
      out.y[row + i] = (x[row + i] - mean) * rstd * gain[i] + (bias.empty() ? T(0) : bias[i]);
    out.mean.push_back(mean);
    out.rstd.push_back(rstd);
  }
  return out;
}

// One row; returns rstd.
template <class T>
T rms_norm_row(T* y, const T* x, const Array<T>& gain, double eps) {
  using std::sqrt;
  T squares = 0;
  for (size_t i = 0; i < gain.size(); ++i) squares += x[i] * x[i];
  const T rstd = 1.0 / sqrt(squares / static_cast<double>(gain.size()) + eps);
  for (size_t i = 0; i < gain.size(); ++i) y[i] = x[i] * rstd * gain[i];
  return rstd;
}

template <class T>
Normed<T> rms_norm(const Array<T>& x, const Array<T>& gain, double eps) {
  Normed<T> out{Array<T>(x.size()), {}, {}};
  for (size_t row = 0; row < x.size(); row += gain.size())
    out.rstd.push_back(rms_norm_row(&out.y[row], &x[row], gain, eps));
  return out;
}

template <class T>
Normed<T> head_norm(const Array<T>& qkv, const Array<T>& q_gain, const Array<T>& k_gain,
                    const AttentionSpec& spec, double eps) {
  Normed<T> out{qkv, {}, {}};
  for (size_t row = 0; row < qkv.size(); row += spec.qkv_width())
    for (int64_t h = 0; h < spec.heads + spec.kv_heads; ++h) {
      const size_t at = row + h * spec.head_width;
      out.rstd.push_back(rms_norm_row(&out.y[at], &qkv[at], h < spec.heads ? q_gain : k_gain, eps));
    }
  return out;
}

// --- positions -----------------------------------------------------------------------------------

template <class T>
Array<T> rotary(const Array<T>& qkv, std::span<const int32_t> positions, const AttentionSpec& spec,
                std::span<const double> frequencies, bool inverse) {
  Array<T> y = qkv;
  const int64_t width = spec.qkv_width();
  const auto half = static_cast<int64_t>(frequencies.size());
  for (size_t n = 0; n < positions.size(); ++n)
    for (int64_t h = 0; h < spec.heads + spec.kv_heads; ++h)
      for (int64_t i = 0; i < half; ++i) {
        const double angle = (inverse ? -1 : 1) * positions[n] * frequencies[i];
        const size_t at = n * width + h * spec.head_width + i;
        y[at] = qkv[at] * std::cos(angle) - qkv[at + half] * std::sin(angle);
        y[at + half] = qkv[at + half] * std::cos(angle) + qkv[at] * std::sin(angle);
      }
  return y;
}

template <class T>
Array<T> embed(std::span<const int32_t> tokens, std::span<const int32_t> positions,
               const Array<T>& token_table, const Array<T>& position_table, int64_t width) {
  Array<T> y(tokens.size() * width);
  for (size_t n = 0; n < tokens.size(); ++n)
    for (int64_t c = 0; c < width; ++c) {
      y[n * width + c] = token_table[tokens[n] * width + c];
      if (!positions.empty()) y[n * width + c] += position_table[positions[n] * width + c];
    }
  return y;
}

// --- attention -----------------------------------------------------------------------------------

// The softmax over scores, and their log-sum-exp.
template <class T>
T softmax(Array<T>& scores) {
  using std::exp, std::log;
  double largest = real(scores[0]);
  for (const T& s : scores) largest = std::max(largest, real(s));
  T sum = 0;
  for (T& s : scores) sum += s = exp(s - largest);
  for (T& s : scores) s /= sum;
  return largest + log(sum);
}

// The scores of one query head for rows s in [begin, t]; key(s) points at D numbers.
template <class T, class Key>
Array<T> scores_of(const T* q, const Key& key, int64_t begin, int64_t t, int64_t head,
                   const AttentionSpec& spec) {
  const double scale = 1 / std::sqrt(static_cast<double>(spec.head_width));
  const double slope = spec.alibi ? alibi_slope(head, spec.heads) : 0;
  Array<T> scores;
  for (int64_t s = begin; s <= t; ++s) {
    T dot = 0;
    for (int64_t d = 0; d < spec.head_width; ++d) dot += q[d] * T(key(s)[d]);
    scores.push_back(scale * dot - slope * static_cast<double>(t - s));
  }
  return scores;
}

// y(D) of one query head over [begin, t]; returns the log-sum-exp.
template <class T, class Key, class Value>
T attend(T* y, const T* q, const Key& key, const Value& value, int64_t begin, int64_t t,
         int64_t head, const AttentionSpec& spec) {
  Array<T> p = scores_of(q, key, begin, t, head, spec);
  const T lse = softmax(p);
  std::fill(y, y + spec.head_width, T(0));
  for (int64_t s = begin; s <= t; ++s)
    for (int64_t d = 0; d < spec.head_width; ++d) y[d] += p[s - begin] * T(value(s)[d]);
  return lse;
}

// Where head h of qkv(B,T,(H+2K)·D) finds its query, keys and values; `n` counts over B·T.
template <class T>
struct Heads {
  T* qkv;
  const AttentionSpec& spec;
  T* query(int64_t n, int64_t h) const { return qkv + n * spec.qkv_width() + h * spec.head_width; }
  T* key(int64_t n, int64_t h) const { return query(n, spec.heads + group(h)); }
  T* value(int64_t n, int64_t h) const { return query(n, spec.heads + spec.kv_heads + group(h)); }
  int64_t group(int64_t h) const { return h / (spec.heads / spec.kv_heads); }
};

// The first t that row n of its sequence sees.
inline int64_t first_seen(std::span<const int32_t> starts, int64_t n, int64_t t, int64_t window) {
  const int64_t document = starts.empty() ? 0 : starts[n];
  return std::max<int64_t>(document, window ? t - window + 1 : 0);
}

template <class T>
struct Attended {
  Array<T> y, lse;
};

template <class T>
Attended<T> attention(const Array<T>& qkv, std::span<const int32_t> starts, int64_t steps,
                      const AttentionSpec& spec) {
  const int64_t rows = static_cast<int64_t>(qkv.size()) / spec.qkv_width();
  const Heads<const T> heads{qkv.data(), spec};
  Attended<T> out{Array<T>(rows * spec.heads * spec.head_width), {}};
  for (int64_t n = 0; n < rows; ++n)
    for (int64_t h = 0; h < spec.heads; ++h) {
      const int64_t t = n % steps, first_row = n - t;
      const auto key = [&](int64_t s) { return heads.key(first_row + s, h); };
      const auto value = [&](int64_t s) { return heads.value(first_row + s, h); };
      T* const y = &out.y[(n * spec.heads + h) * spec.head_width];
      out.lse.push_back(attend(y, heads.query(n, h), key, value,
                               first_seen(starts, n, t, spec.window), t, h, spec));
    }
  return out;
}

// --- losses --------------------------------------------------------------------------------------

template <class T>
T log_sum_exp(const T* x, int64_t n) {
  Array<T> copy(x, x + n);
  return softmax(copy);
}

template <class T>
T cross_entropy(const Array<T>& logits, std::span<const int32_t> targets,
                const Array<double>& weights, double total_weight) {
  const int64_t vocabulary = static_cast<int64_t>(logits.size() / targets.size());
  T loss = 0;
  for (size_t n = 0; n < targets.size(); ++n) {
    if (weights[n] == 0) continue;
    const T* const row = &logits[n * vocabulary];
    loss += weights[n] * (log_sum_exp(row, vocabulary) - row[targets[n]]) / total_weight;
  }
  return loss;
}

template <class T>
struct LogProbs {
  Array<T> log_probs, entropies, lse;
};

template <class T>
LogProbs<T> log_probs(const Array<T>& logits, std::span<const int32_t> targets,
                      double inv_temperature) {
  const size_t vocabulary = logits.size() / targets.size();
  LogProbs<T> out;
  for (size_t n = 0; n < targets.size(); ++n) {
    Array<T> z(&logits[n * vocabulary], &logits[n * vocabulary] + vocabulary);
    for (T& value : z) value *= inv_temperature;
    Array<T> p = z;
    const T lse = softmax(p);
    T entropy = 0;
    for (size_t v = 0; v < vocabulary; ++v) entropy -= p[v] * (z[v] - lse);
    out.log_probs.push_back(z[targets[n]] - lse);
    out.entropies.push_back(entropy);
    out.lse.push_back(lse);
  }
  return out;
}

}  // namespace lineage::reference
