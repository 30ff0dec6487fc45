#include "lineage/rlhf/losses.h"

#include <algorithm>
#include <cmath>

#include "lineage/ops/ops.h"

namespace lineage {
namespace {

// -log σ(x), without overflow; and its derivative, -σ(-x).
double softplus_of_minus(double x) {
  return x > 0 ? std::log1p(std::exp(-x)) : std::log1p(std::exp(x)) - x;
}

// The clipped surrogate of one token: its loss, and the loss's derivative by the log-probability.
struct Surrogate {
  double loss, derivative;
};
Surrogate clipped_surrogate(double log_ratio, double advantage, double clip, PolicySums& sums) {
  const double ratio = std::exp(log_ratio);
  const double plain = -advantage * ratio, cut = -advantage * std::clamp(ratio, 1 - clip, 1 + clip);
  sums.k1 -= log_ratio;
  sums.k2 += log_ratio * log_ratio / 2;
  sums.k3 += ratio - 1 - log_ratio;
  sums.clipped += std::abs(ratio - 1) > clip;
  sums.binding += cut > plain;
  sums.largest_ratio = std::max(sums.largest_ratio, std::abs(ratio - 1));
  return cut > plain ? Surrogate{cut, 0} : Surrogate{plain, plain};
}

}  // namespace

double sigmoid(double x) {
  return x >= 0 ? 1 / (1 + std::exp(-x)) : std::exp(x) / (1 + std::exp(x));
}

Tensor differentiable(const Tensor& x, const LossAndGradient& l) {
  return ops::given_loss(x, static_cast<float>(l.loss),
                         Tensor::from({x.numel()}, std::span<const float>(l.gradient)));
}

std::vector<RankedPair> ranked_pairs(std::span<const int> ranks) {
  std::vector<RankedPair> pairs;
  for (size_t a = 0; a < ranks.size(); ++a)
    for (size_t b = 0; b < ranks.size(); ++b)
      if (ranks[a] < ranks[b]) pairs.push_back({static_cast<int>(a), static_cast<int>(b)});
  return pairs;
}

int64_t prompts_with_pair(std::span<const int> ranks, std::span<const int64_t> first) {
  int64_t count = 0;
  for (size_t p = 0; p + 1 < first.size(); ++p) {
    const auto of =
        ranks.subspan(static_cast<size_t>(first[p]), static_cast<size_t>(first[p + 1] - first[p]));
    count += std::ranges::any_of(of, [&](int rank) { return rank != of[0]; });
  }
  return count;
}

RankingLoss ranking_loss(std::span<const float> rewards, std::span<const int> ranks,
                         std::span<const int64_t> first, double prompts) {
  RankingLoss out;
  std::vector<double> gradient(rewards.size());
  for (size_t p = 0; p + 1 < first.size(); ++p) {
    const auto begin = static_cast<size_t>(first[p]),
               size = static_cast<size_t>(first[p + 1]) - begin;
    const std::vector<RankedPair> pairs = ranked_pairs(ranks.subspan(begin, size));
    const double weight = 1 / (prompts * static_cast<double>(pairs.size()));
    for (const RankedPair& pair : pairs) {
      const size_t better = begin + static_cast<size_t>(pair.better),
                   worse = begin + static_cast<size_t>(pair.worse);
      const double difference = static_cast<double>(rewards[better]) - rewards[worse];
      out.loss += weight * softplus_of_minus(difference);
      out.right += difference > 0;
      const double slope = weight * sigmoid(-difference);
      gradient[better] -= slope;
      gradient[worse] += slope;
    }
    out.pairs += std::ssize(pairs);
  }
  out.gradient.assign(gradient.begin(), gradient.end());
  return out;
}

LogisticLoss logistic_loss(std::span<const float> logits, std::span<const uint8_t> labels,
                           double total) {
  LogisticLoss out;
  out.gradient.resize(logits.size());
  for (size_t i = 0; i < logits.size(); ++i) {
    const double x = logits[i];
    const bool y = labels[i] != 0;
    out.loss += softplus_of_minus(y ? x : -x) / total;
    out.right += (x > 0) == y;
    out.gradient[i] = static_cast<float>((y ? -sigmoid(-x) : sigmoid(x)) / total);
  }
  return out;
}

PolicyLoss clipped_policy_loss(std::span<const float> log_probs, std::span<const float> old,
                               std::span<const float> advantages, double clip, double tokens) {
  PolicyLoss out;
  out.gradient.resize(log_probs.size());
  for (size_t j = 0; j < log_probs.size(); ++j) {
    const Surrogate s = clipped_surrogate(static_cast<double>(log_probs[j]) - old[j], advantages[j],
                                          clip, out.sums);
    out.loss += s.loss / tokens;
    out.gradient[j] = static_cast<float>(s.derivative / tokens);
  }
  return out;
}

ValueLoss clipped_value_loss(std::span<const float> values, std::span<const float> old,
                             std::span<const float> returns, double clip, double tokens) {
  ValueLoss out;
  out.gradient.resize(values.size());
  for (size_t j = 0; j < values.size(); ++j) {
    const double v = values[j], r = returns[j], v0 = old[j];
    const double cut = std::clamp(v, v0 - clip, v0 + clip);
    const double plain_square = (v - r) * (v - r), cut_square = (cut - r) * (cut - r);
    const bool binds = cut_square > plain_square;
    out.loss += 0.5 * std::max(plain_square, cut_square) / tokens;
    out.gradient[j] = binds ? 0 : static_cast<float>((v - r) / tokens);
    out.sums.clipped += std::abs(v - v0) > clip;
    out.sums.binding += binds;
  }
  return out;
}

double explained_variance(std::span<const float> values, std::span<const float> returns) {
  double r = 0, rr = 0, e = 0, ee = 0;
  const auto n = static_cast<double>(returns.size());
  for (size_t j = 0; j < returns.size(); ++j) {
    const double error = static_cast<double>(returns[j]) - values[j];
    r += returns[j], rr += static_cast<double>(returns[j]) * returns[j];
    e += error, ee += error * error;
  }
  const double variance = rr / n - r / n * (r / n);
  return variance > 0 ? 1 - (ee / n - e / n * (e / n)) / variance : 0;
}

std::vector<float> group_advantages(std::span<const float> rewards, int64_t group,
                                    Baseline baseline) {
  std::vector<float> out(rewards.size());
  const auto G = static_cast<size_t>(group);
  for (size_t begin = 0; begin < rewards.size(); begin += G) {
    double sum = 0, squares = 0;
    for (size_t i = begin; i < begin + G; ++i) sum += rewards[i];
    const double mean = sum / static_cast<double>(G);
    for (size_t i = begin; i < begin + G; ++i) squares += (rewards[i] - mean) * (rewards[i] - mean);
    const double deviation = std::sqrt(squares / static_cast<double>(G));
    for (size_t i = begin; i < begin + G; ++i) {
      const double r = rewards[i];
      out[i] = static_cast<float>(
          baseline == Baseline::leave_one_out      ? r - (sum - r) / static_cast<double>(G - 1)
          : baseline == Baseline::group_normalised ? (r - mean) / (deviation + kStdEpsilon)
                                                   : r - mean);
    }
  }
  return out;
}

GroupLoss group_loss(std::span<const float> log_probs, std::span<const float> old,
                     std::span<const float> reference, std::span<const float> advantages,
                     std::span<const int64_t> first, const GroupTotals& totals,
                     const GroupLossSpec& spec) {
  GroupLoss out;
  out.gradient.resize(log_probs.size());
  for (size_t i = 0; i + 1 < first.size(); ++i) {
    const double length = static_cast<double>(first[i + 1] - first[i]);
    const double weight = spec.averaging == Averaging::mean_of_tokens ? 1 / totals.tokens
                          : spec.averaging == Averaging::mean_of_answer
                              ? 1 / (totals.answers * length)
                              : 1 / totals.answers;
    for (auto j = static_cast<size_t>(first[i]); j < static_cast<size_t>(first[i + 1]); ++j) {
      const double p = log_probs[j], advantage = advantages[i];
      Surrogate s{-advantage * p, -advantage};
      const double infinite = 1e300;
      const Surrogate clipped =
          clipped_surrogate(p - old[j], advantage, spec.clip > 0 ? spec.clip : infinite, out.sums);
      if (spec.clip > 0) s = clipped;
      const double d = static_cast<double>(reference[j]) - p;
      out.policy += weight * s.loss;
      out.kl += weight * (std::exp(d) - d - 1);
      out.gradient[j] =
          static_cast<float>(weight * (s.derivative + spec.kl_weight * (1 - std::exp(d))));
    }
  }
  out.loss = out.policy + spec.kl_weight * out.kl;
  return out;
}

PreferenceLoss preference_loss(std::span<const float> log_probs, std::span<const float> reference,
                               std::span<const int64_t> first, double pairs,
                               const PreferenceLossSpec& spec) {
  PreferenceLoss out;
  out.gradient.resize(log_probs.size());
  const auto ratio = [&](size_t answer) {
    double sum = 0;
    for (auto j = static_cast<size_t>(first[answer]); j < static_cast<size_t>(first[answer + 1]);
         ++j)
      sum += static_cast<double>(log_probs[j]) - reference[j];
    return sum;
  };
  const double s = spec.label_smoothing;
  for (size_t chosen = 0; chosen + 2 < first.size(); chosen += 2) {
    const double h = ratio(chosen) - ratio(chosen + 1), x = spec.beta * h;
    double loss = 0, slope = 0;  // by h
    if (spec.kind == PreferenceLossKind::ipo) {
      const double off = h - 1 / (2 * spec.beta);
      loss = off * off, slope = 2 * off;
    } else {
      loss = (1 - s) * softplus_of_minus(x) + s * softplus_of_minus(-x);
      slope = spec.beta * (s * sigmoid(x) - (1 - s) * sigmoid(-x));
    }
    out.losses.push_back(loss);
    out.loss += loss / pairs;
    out.margin += x;
    out.right += h > 0;
    for (auto j = static_cast<size_t>(first[chosen]); j < static_cast<size_t>(first[chosen + 2]);
         ++j)
      out.gradient[j] =
          static_cast<float>((j < static_cast<size_t>(first[chosen + 1]) ? slope : -slope) / pairs);
  }
  return out;
}

}  // namespace lineage
