#include "lineage/infer/sampler.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "lineage/base/error.h"
#include "lineage/base/rng.h"

namespace lineage {
namespace {

// Ties go to the smaller token, so that an order is an order.
struct MoreLikely {
  std::span<const float> logits;
  bool operator()(Token a, Token b) const {
    const float la = logits[static_cast<size_t>(a)], lb = logits[static_cast<size_t>(b)];
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

struct Indices {  // 0, 1, … n-1, without a vector
  int64_t n;
  struct It {
    int64_t i;
    Token operator*() const { return static_cast<Token>(i); }
    It& operator++() { return ++i, *this; }
    bool operator!=(const It& other) const { return i != other.i; }
  };
  It begin() const { return {0}; }
  It end() const { return {n}; }
};

}  // namespace

void Sampling::validate() const {
  require(std::isfinite(temperature) && temperature >= 0, "sampling: temperature is ", temperature,
          "; wanted 0 or more");
  require(top_k >= 0, "sampling: top_k is ", top_k, "; wanted 0 (all) or more");
  require(top_p > 0 && top_p <= 1, "sampling: top_p is ", top_p, "; wanted more than 0, at most 1");
  require(max_tokens >= 0, "sampling: max_tokens is ", max_tokens, "; wanted 0 or more");
  require(top_log_probs >= 0, "sampling: top_log_probs is ", top_log_probs, "; wanted 0 or more");
  for (const std::string& s : stop)
    require(!s.empty(), "sampling: a stop text is empty; wanted at least one byte");
}

Draw draw(std::span<const float> logits, const Sampling& s, int64_t index) {
  const auto best_at = std::max_element(logits.begin(), logits.end());
  const Token best = static_cast<Token>(best_at - logits.begin());
  const float highest = *best_at;
  const float inverse = s.temperature > 0 ? static_cast<float>(1 / s.temperature) : 1.0f;
  const auto weight = [&](Token t) {  // relative to the most likely token's
    return std::exp((logits[static_cast<size_t>(t)] - highest) * inverse);
  };
  const int64_t V = static_cast<int64_t>(logits.size());
  double total = 0;
  for (Token t : Indices{V}) total += static_cast<double>(weight(t));
  const auto log_prob = [&](Token t) {
    return (logits[static_cast<size_t>(t)] - highest) * inverse -
           static_cast<float>(std::log(total));
  };

  Draw result{best, 0, {}};
  if (s.temperature > 0) {
    const double u = Rng(s.seed).fold("sample").uniform_double(static_cast<uint64_t>(index));
    if (s.top_k == 0 && s.top_p >= 1) {
      result.token = pick(Indices{V}, u * total, weight);
    } else {
      std::vector<Token> kept = most_likely(logits, s.top_k ? s.top_k : V);
      double mass = 0;
      for (Token t : kept) mass += static_cast<double>(weight(t));
      const double wanted = s.top_p * mass;
      double sum = 0;
      size_t count = 0;
      while (count < kept.size() && (count == 0 || sum < wanted))
        sum += static_cast<double>(weight(kept[count++]));
      kept.resize(count);
      result.token = pick(kept, u * sum, weight);
    }
  }
  result.log_prob = log_prob(result.token);
  if (s.top_log_probs > 0)
    for (Token t : most_likely(logits, s.top_log_probs)) result.top.push_back({t, log_prob(t)});
  return result;
}

}  // namespace lineage
