#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "lineage/comm/communicator.h"

namespace lineage {

// From scores of answers to advantages of their tokens, in the order of a PPO iteration. Token j of
// answer i is element first[i] + j of every array; `first` has one entry more than answers.

// -β (log π - log π_ref) at every token, and the score added at the answer's last (Ziegler et al.
// 2019, section 2.2; Ouyang et al. 2022, eq. 2).
std::vector<float> kl_rewards(std::span<const float> log_probs, std::span<const float> reference,
                              std::span<const float> scores, std::span<const int64_t> first,
                              double beta);

// The sum over an answer of log π - log π_ref, in nats: an unbiased estimate of KL(π ‖ π_ref)
// (Schulman 2020's k1).
std::vector<double> answer_kl(std::span<const float> log_probs, std::span<const float> reference,
                              std::span<const int64_t> first);

// Generalised advantage estimation (Schulman et al. 2016, eq. 16). values[j] is of the state before
// token j; the end of an answer is terminal, also where it was cut off.
struct Advantages {
  std::vector<float> advantages;
  std::vector<float> returns;  // advantages + values
};
Advantages generalised_advantages(std::span<const float> rewards, std::span<const float> values,
                                  std::span<const int64_t> first, double gamma, double lambda);

// Mean and population variance, over the elements of all ranks.
struct Moments {
  double mean = 0, variance = 0;
};
Moments moments(std::span<const float>, Communicator&);
// (x - mean) / sqrt(variance + 1e-8); with the mean added again where it is kept, as rewards are.
enum class WhitenMean : uint8_t { remove, keep };
void whiten(std::span<float>, const Moments&, WhitenMean = WhitenMean::remove);

}  // namespace lineage
