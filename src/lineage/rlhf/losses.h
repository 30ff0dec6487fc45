#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "lineage/tensor/tensor.h"

namespace lineage {

// Losses of learning from feedback, as functions of a model's few outputs (log-probabilities of
// answer tokens, values, rewards). Each computes its value and its gradient at once;
// differentiable() puts it on the tape. Sums are in double, in the order of the elements.

struct LossAndGradient {
  double loss = 0;
  std::vector<float> gradient;  // of the loss, for each element of its first argument
};
// The loss as (1), whose gradient in x, (N), is the one given.
Tensor differentiable(const Tensor& x, const LossAndGradient&);

// --- Reward models -------------------------------------------------------------------------------

// Answers a and b to one prompt, a better: their places in a list.
struct RankedPair {
  int better, worse;
};
// All pairs of different ranks; 1 is the best rank. A tie is no pair (Ouyang et al. 2022, appendix
// C).
std::vector<RankedPair> ranked_pairs(std::span<const int> ranks);

// -log σ(r_better - r_worse), averaged over a prompt's pairs, over prompts: every pair of a prompt
// belongs to one element of the batch, and every prompt with a pair weighs the same (Ouyang et al.
// 2022, eq. 1).
struct RankingLoss : LossAndGradient {
  int64_t pairs = 0, right = 0;  // right: the better answer has the greater reward
};
// Answers of prompt i are [first[i], first[i + 1]) of `rewards` and `ranks`. `prompts`: those with
// a pair, over which the loss is a mean; in a step of several micro-batches, those of all of them.
RankingLoss ranking_loss(std::span<const float> rewards, std::span<const int> ranks,
                         std::span<const int64_t> first, double prompts);
int64_t prompts_with_pair(std::span<const int> ranks, std::span<const int64_t> first);

// --- Content filters -----------------------------------------------------------------------------

// 1 / (1 + e^-x), without overflow: the probability that a logit means.
double sigmoid(double x);

// -Σ (y log σ(x) + (1 - y) log σ(-x)) / total with logits x, (N), and y 1 where `labels`, (N), are
// not 0: binary cross-entropy in nats, whose slope by x is (σ(x) - y) / total. `total`: examples of
// the whole step, all micro-batches and ranks together.
struct LogisticLoss : LossAndGradient {
  int64_t right = 0;  // the logit is above 0 where y is 1, and not above it where y is 0
};
LogisticLoss logistic_loss(std::span<const float> logits, std::span<const uint8_t> labels,
                           double total);

// --- PPO -----------------------------------------------------------------------------------------

// Sums over answer tokens, to be divided by their number.
struct PolicySums {
  double k1 = 0, k2 = 0, k3 = 0;  // estimates of KL(old ‖ new) (Schulman 2020)
  double clipped = 0;             // |ratio - 1| > clip
  double binding = 0;             // where the clip cuts the gradient
  double largest_ratio = 0;       // |ratio - 1|, a maximum
};
struct PolicyLoss : LossAndGradient {
  PolicySums sums;
};
// Σ max(-A r, -A clip(r, 1-ε, 1+ε)) / tokens with r = exp(log_probs - old) (Schulman et al. 2017,
// eq. 7, negated). `tokens`: answer tokens of the whole minibatch.
PolicyLoss clipped_policy_loss(std::span<const float> log_probs, std::span<const float> old,
                               std::span<const float> advantages, double clip, double tokens);

struct ValueSums {
  double clipped = 0, binding = 0;
};
struct ValueLoss : LossAndGradient {
  ValueSums sums;
};
// ½ Σ max((V - R)², (clip(V, V_old ± ε) - R)²) / tokens (Ziegler et al. 2019's train_policy.py).
ValueLoss clipped_value_loss(std::span<const float> values, std::span<const float> old,
                             std::span<const float> returns, double clip, double tokens);

// 1 - Var(R - V) / Var(R), population variances; 0 where the returns are constant.
double explained_variance(std::span<const float> values, std::span<const float> returns);

// --- RLOO and GRPO -------------------------------------------------------------------------------

// Constants that stand for a group's advantages: rewards of the same prompt are neighbours, `group`
// at a time.
enum class Baseline : uint8_t {
  leave_one_out,     // r less the mean of the others (Kool et al. 2019; Ahmadian et al. 2024)
  group_normalised,  // (r - mean) / (population std + ε) (Shao et al. 2024, section 4.1.2)
  group_mean         // r - mean (Liu et al. 2025, "Dr. GRPO")
};
inline constexpr double kStdEpsilon = 1e-4;
std::vector<float> group_advantages(std::span<const float> rewards, int64_t group, Baseline);

enum class Averaging : uint8_t {
  sum_of_answer,   // Σ_i Σ_j / N
  mean_of_answer,  // Σ_i (1/a_i) Σ_j / N
  mean_of_tokens   // Σ_ij / Σ a_i (Yu et al. 2025, DAPO)
};
struct GroupLossSpec {
  Averaging averaging = Averaging::mean_of_answer;
  double clip = 0.2;  // 0: plain log-probabilities, without a ratio (RLOO)
  double kl_weight =
      0;  // of k3(policy ‖ reference), whose gradient counts (Shao et al. 2024, eq. 4)
};
// The numbers of the whole step that the averages divide by.
struct GroupTotals {
  double answers = 0, tokens = 0;
};
struct GroupLoss : LossAndGradient {
  double policy = 0, kl = 0;  // loss = policy + kl_weight · kl
  PolicySums sums;
};
// Token j of answer i is element first[i] + j; `advantages` has one number an answer.
GroupLoss group_loss(std::span<const float> log_probs, std::span<const float> old,
                     std::span<const float> reference, std::span<const float> advantages,
                     std::span<const int64_t> first, const GroupTotals&, const GroupLossSpec&);

// --- DPO -----------------------------------------------------------------------------------------

enum class PreferenceLossKind : uint8_t { sigmoid, ipo };
struct PreferenceLossSpec {
  PreferenceLossKind kind = PreferenceLossKind::sigmoid;
  double beta = 0.1;
  double label_smoothing = 0;  // of sigmoid
};
struct PreferenceLoss : LossAndGradient {
  double margin = 0;  // Σ β h
  int64_t right = 0;  // h > 0
  std::vector<double> losses;
};
// h = (log π - log π_ref)(chosen) - the same (rejected), of summed log-probabilities.
//   sigmoid: -(1-s) log σ(βh) - s log σ(-βh)   (Rafailov et al. 2023, eq. 7; Mitchell 2023)
//   ipo:     (h - 1/(2β))²                     (Azar et al. 2023, eq. 17)
// Pair i is answers 2i, chosen, and 2i + 1, rejected; tokens as in group_loss(). The loss is a sum
// over `pairs`, those of the whole step.
PreferenceLoss preference_loss(std::span<const float> log_probs, std::span<const float> reference,
                               std::span<const int64_t> first, double pairs,
                               const PreferenceLossSpec&);

}  // namespace lineage
