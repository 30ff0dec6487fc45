#include "lineage/rlhf/advantages.h"

#include <array>
#include <cmath>

namespace lineage {

std::vector<float> kl_rewards(std::span<const float> log_probs, std::span<const float> reference,
                              std::span<const float> scores, std::span<const int64_t> first,
                              double beta) {
  std::vector<float> rewards(log_probs.size());
  for (size_t j = 0; j < rewards.size(); ++j)
    rewards[j] = static_cast<float>(-beta * (static_cast<double>(log_probs[j]) - reference[j]));
  for (size_t i = 0; i < scores.size(); ++i)
    rewards[static_cast<size_t>(first[i + 1] - 1)] += scores[i];
  return rewards;
}

std::vector<double> answer_kl(std::span<const float> log_probs, std::span<const float> reference,
                              std::span<const int64_t> first) {
  std::vector<double> out(first.size() - 1);
  for (size_t i = 0; i < out.size(); ++i)
    for (auto j = static_cast<size_t>(first[i]); j < static_cast<size_t>(first[i + 1]); ++j)
      out[i] += static_cast<double>(log_probs[j]) - reference[j];
  return out;
}

Advantages generalised_advantages(std::span<const float> rewards, std::span<const float> values,
                                  std::span<const int64_t> first, double gamma, double lambda) {
  Advantages out{std::vector<float>(rewards.size()), std::vector<float>(rewards.size())};
  for (size_t i = 0; i + 1 < first.size(); ++i) {
    double advantage = 0, next_value = 0;
    for (auto j = static_cast<size_t>(first[i + 1]); j-- > static_cast<size_t>(first[i]);) {
      const double delta = rewards[j] + gamma * next_value - values[j];
      advantage = delta + gamma * lambda * advantage;
      next_value = values[j];
      out.advantages[j] = static_cast<float>(advantage);
      out.returns[j] = static_cast<float>(advantage + values[j]);
    }
  }
  return out;
}

Moments moments(std::span<const float> x, Communicator& ranks) {
  std::array<double, 2> sums = {static_cast<double>(x.size()), 0};
  for (const float v : x) sums[1] += v;
  ranks.all_reduce(std::span<double>(sums));
  const double n = sums[0], mean = sums[1] / n;
  double squares = 0;
  for (const float v : x) squares += (v - mean) * (v - mean);
  return {mean, ranks.all_reduce(squares) / n};
}

void whiten(std::span<float> x, const Moments& m, WhitenMean keep) {
  constexpr double kEpsilon = 1e-8;
  const double scale = 1 / std::sqrt(m.variance + kEpsilon);
  const double back = keep == WhitenMean::keep ? m.mean : 0;
  for (float& v : x) v = static_cast<float>((v - m.mean) * scale + back);
}

}  // namespace lineage
