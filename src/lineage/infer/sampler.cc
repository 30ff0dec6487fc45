#include "lineage/infer/sampler.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>

#include "lineage/base/error.h"
#include "lineage/base/rng.h"

namespace lineage {
namespace {

// Ties go to the smaller token, so that an order is an order.
struct MoreLikely {
  std::span<const float> logits;
  bool operator()(Token a, Token b) const {
    const float la = logits[a], lb = logits[b];
    return la != lb ? la > lb : a < b;
  }
};

// The `count` most likely tokens, in order.
std::vector<Token> most_likely(std::span<const float> logits, int64_t count) {
  std::vector<Token> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  const auto middle = order.begin() + std::min<int64_t>(count, static_cast<int64_t>(order.size()));
  std::partial_sort(order.begin(), middle, order.end(), MoreLikely{logits});
  order.erase(middle, order.end());
  return order;
}

// Scans the tokens in the given order until the running sum of probabilities passes `target`.
template <class Tokens, class Probability>
Token pick(const Tokens& tokens, double target, const Probability& probability) {
  double sum = 0;
  Token last = *tokens.begin();
  for (Token t : tokens) {
    const double p = probability(t);
    if (p > 0) last = t;
    if ((sum += p) > target) return t;
  }
  return last;  // rounding left the sum a hair below
}

// The loops over the vocabulary are written so that a compiler turns them into vectors: eight lanes
// without branches, sums in a fixed order.
constexpr size_t kLanes = 8, kBlock = 256;

// e^x for x <= 0, to 3e-7, relative; 0 below -87. As vexp() of the kernels: 2^n e^r.
inline float exp_nonpositive(float x) {
  const float magic = 12583039.0f;  // 1.5·2^23 + 127: adding it rounds to an integer
  const float shifted = x * 1.44269504f + magic, n = shifted - magic;
  const float r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
  float p = 0.00139262504f;
  p = p * r + 0.00836323294f;
  p = p * r + 0.0416665524f;
  p = p * r + 0.166665763f;
  p = p * r + 0.5f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  const float power = p * std::bit_cast<float>(std::bit_cast<uint32_t>(shifted) << 23);
  const uint32_t kept = x < -87.0f ? 0u : ~0u;  // a mask: compilers vectorize no branch
  return std::bit_cast<float>(std::bit_cast<uint32_t>(power) & kept);
}

// The first of the largest logits.
size_t best_of(std::span<const float> logits) {
  float most[kLanes];
  std::fill_n(most, kLanes, -std::numeric_limits<float>::infinity());
  size_t i = 0;
  for (; i + kLanes <= logits.size(); i += kLanes)
    for (size_t k = 0; k < kLanes; ++k) most[k] = logits[i + k] > most[k] ? logits[i + k] : most[k];
  float highest = *std::max_element(most, most + kLanes);
  for (; i < logits.size(); ++i) highest = std::max(highest, logits[i]);
  const auto at = std::ranges::find(logits, highest);
  return at == logits.end() ? 0 : static_cast<size_t>(at - logits.begin());
}

// The unnormalised probabilities of a row: e^((logit - highest) / temperature).
struct Weights {
  std::span<const float> logits;
  float highest, inverse;

  float operator()(Token t) const { return exp_nonpositive((logits[t] - highest) * inverse); }
  size_t blocks() const { return (logits.size() + kBlock - 1) / kBlock; }
  // Writes those of block b; returns how many.
  size_t block(size_t b, float* out) const {
    const float* from = logits.data() + b * kBlock;
    const size_t n = std::min(kBlock, logits.size() - b * kBlock);
    for (size_t i = 0; i < n; ++i) out[i] = exp_nonpositive((from[i] - highest) * inverse);
    return n;
  }
  double sum(size_t b) const {
    float weight[kBlock];
    const size_t n = block(b, weight), whole = n / kLanes * kLanes;
    double lanes[kLanes] = {};
    for (size_t i = 0; i < whole; i += kLanes)
      for (size_t k = 0; k < kLanes; ++k) lanes[k] += static_cast<double>(weight[i + k]);
    for (size_t i = whole; i < n; ++i) lanes[i - whole] += static_cast<double>(weight[i]);
    return std::accumulate(lanes, lanes + kLanes, 0.0);
  }
};

// The first token at which the running sum passes `target`: its block by the blocks' sums, then
// itself.
Token pick_of_all(const Weights& weights, const std::vector<double>& sums, double target) {
  size_t b = 0;
  double sum = 0;
  for (; b + 1 < sums.size() && sum + sums[b] <= target; ++b) sum += sums[b];
  while (sums[b] == 0) --b;  // rounding left the sum a hair below; block of the best is not 0
  float weight[kBlock];
  const size_t n = weights.block(b, weight);
  size_t last = 0;
  for (size_t i = 0; i < n; ++i) {
    if (weight[i] > 0) last = i;
    if ((sum += static_cast<double>(weight[i])) > target) break;
  }
  return static_cast<Token>(b * kBlock + last);
}

// Log-probabilities by softmax of the logits times `inverse`.
class LogProbs {
 public:
  LogProbs(std::span<const float> logits, size_t best, float inverse)
      : weight{logits, logits[best], inverse}, sums(weight.blocks()) {
    for (size_t b = 0; b < sums.size(); ++b) sums[b] = weight.sum(b);
    total = std::accumulate(sums.begin(), sums.end(), 0.0);
    log_total_ = static_cast<float>(std::log(total));
  }
  float of(Token t) const {
    return (weight.logits[t] - weight.highest) * weight.inverse - log_total_;
  }
  void report(SampledToken& out, int64_t top) const {
    out.log_prob = of(out.token);
    if (top > 0)
      for (Token t : most_likely(weight.logits, top)) out.top.push_back({t, of(t)});
  }

  Weights weight;
  std::vector<double> sums;
  double total = 0;

 private:
  float log_total_ = 0;
};

// The logits with bias and penalties (OpenAI's API reference: frequency and presence penalties).
std::vector<float> changed(std::span<const float> logits, const Sampling& s,
                           std::span<const Token> generated) {
  std::vector<float> out(logits.begin(), logits.end());
  for (const auto& [token, bias] : s.logit_bias) out[static_cast<size_t>(token)] += bias;
  if (!s.has_penalty()) return out;
  std::vector<Token> seen(generated.begin(), generated.end());
  std::ranges::sort(seen);
  for (auto first = seen.begin(); first != seen.end();) {
    const auto last = std::upper_bound(first, seen.end(), *first);
    out[static_cast<size_t>(*first)] -= static_cast<float>(
        s.presence_penalty + s.frequency_penalty * static_cast<double>(last - first));
    first = last;
  }
  return out;
}

// The token, without its log-probability.
Token choose(const LogProbs& p, size_t best, const Sampling& s, int64_t index) {
  if (s.temperature == 0) return static_cast<Token>(best);
  const double u = Rng(s.seed).fold("sample").uniform_double(static_cast<uint64_t>(index));
  if (s.top_k == 0 && s.top_p >= 1) return pick_of_all(p.weight, p.sums, u * p.total);
  const auto V = static_cast<int64_t>(p.weight.logits.size());
  std::vector<Token> kept = most_likely(p.weight.logits, s.top_k ? s.top_k : V);
  double mass = 0;
  for (Token t : kept) mass += static_cast<double>(p.weight(t));
  const double wanted = s.top_p * mass;
  double sum = 0;
  size_t count = 0;
  while (count < kept.size() && (count == 0 || sum < wanted))
    sum += static_cast<double>(p.weight(kept[count++]));
  kept.resize(count);
  return pick(kept, u * sum, p.weight);
}

}  // namespace

void Sampling::validate() const {
  require(std::isfinite(temperature) && temperature >= 0, "sampling: temperature is ", temperature,
          "; wanted 0 or more");
  require(top_k >= 0, "sampling: top_k is ", top_k, "; wanted 0 (all) or more");
  require(top_p > 0 && top_p <= 1, "sampling: top_p is ", top_p, "; wanted more than 0, at most 1");
  require(max_tokens >= 0, "sampling: max_tokens is ", max_tokens, "; wanted 0 or more");
  require(top_log_probs >= 0, "sampling: top_log_probs is ", top_log_probs, "; wanted 0 or more");
  for (const auto& [token, bias] : logit_bias)
    require(token >= 0 && std::isfinite(bias), "sampling: logit_bias of token ", token, " is ",
            bias, "; wanted a token from 0 on and a finite number");
  require(std::isfinite(presence_penalty) && std::isfinite(frequency_penalty),
          "sampling: a penalty is ", presence_penalty, " or ", frequency_penalty,
          "; wanted finite numbers");
  for (const std::string& s : stop)
    require(!s.empty(), "sampling: a stop text is empty; wanted at least one byte");
}

SampledToken draw(std::span<const float> logits, const Sampling& s, int64_t index,
                  std::span<const Token> generated) {
  std::vector<float> own;
  if (s.changes_logits()) own = changed(logits, s, generated);
  const std::span<const float> sampled = own.empty() ? logits : own;
  const size_t best = best_of(sampled);
  constexpr double kSteepest = 1e30;  // short of infinity, which times 0 is nan
  const float inverse =
      s.temperature > 0 ? static_cast<float>(std::min(kSteepest, 1 / s.temperature)) : 1.0f;
  const LogProbs p(sampled, best, inverse);
  SampledToken result{choose(p, best, s, index), 0, {}};
  if (s.log_probs_of == LogProbsOf::sampling || (own.empty() && inverse == 1.0f))
    p.report(result, s.top_log_probs);
  else
    LogProbs(logits, best_of(logits), 1).report(result, s.top_log_probs);
  return result;
}

SampledToken judge(std::span<const float> logits, Token token, int64_t top) {
  SampledToken result{token, 0, {}};
  LogProbs(logits, best_of(logits), 1).report(result, top);
  return result;
}

}  // namespace lineage
