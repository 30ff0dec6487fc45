#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "lineage/base/config.h"
#include "lineage/checkpoint/adapters.h"
#include "lineage/rlhf/answer_rows.h"
#include "lineage/stages/requests.h"
#include "lineage/train/optimizer.h"
#include "lineage/train/schedule.h"

namespace lineage {

// Shared by stages that train a policy on its own answers (PPO, GRPO, RLOO): sampling, scores and
// the log-probabilities of what was sampled.

// What an answer is worth.
enum class RewardKind : uint8_t { model, utility, answer };
constexpr std::array<std::string_view, 3> enum_names(RewardKind) {
  return {"model", "utility", "answer"};
}

struct RolloutConfig {
  RequestsConfig requests;
  RewardKind reward = RewardKind::model;
  UtilityConfig utility{};
  int64_t episodes = 15360;
  int64_t batch = 512, minibatch = 128;
  int64_t inner_epochs = 1;
  double temperature = 1;
  int64_t max_tokens = 48;
  double no_end_penalty = 1;
  int64_t micro_tokens = 16384;
  double stop_kl = 100, stop_entropy = 0.01;

  int64_t iterations() const { return episodes / batch; }
};

template <class V>
void fields(V& v, RolloutConfig& c) {
  fields(v, c.requests);
  v("reward", c.reward,
    "model: the last parent, a reward model; utility: the labeler's own, without a model; answer: "
    "1 "
    "for an answer that is right by its reference or by the task's checker, else 0");
  v("utility", c.utility, "of reward = \"utility\": what counts");
  v("episodes", c.episodes, "answers sampled in all, in whole batches", between(1, 1e12));
  v("batch", c.batch, "answers of one iteration, over all ranks", between(1, 1e9));
  v("minibatch", c.minibatch, "answers of one optimizer step", between(1, 1e9));
  v("inner_epochs", c.inner_epochs, "how often to go through the answers of an iteration",
    between(1, 100));
  v("temperature", c.temperature,
    "at which answers are sampled, from the full distribution; log-probabilities are those of the "
    "same temperature",
    from_above_to(0, 1000));
  v("max_tokens", c.max_tokens, "of an answer; one that does not end by then is cut off",
    between(1, 1 << 24));
  v("no_end_penalty", c.no_end_penalty, "taken from the score of an answer that was cut off",
    between(0, 1e9));
  v("micro_tokens", c.micro_tokens,
    "at most so many tokens of a rank's minibatch are in memory at once", between(1, 1e12));
  v("stop_kl", c.stop_kl,
    "the run stops when an answer's mean KL to the parent exceeds it, in nats",
    from_above_to(0, 1e9));
  v("stop_entropy", c.stop_entropy,
    "the run stops when a token's mean entropy falls below it, in nats", between(0, 100));
}

// Checks everything but the requests' data.
void validate_rollouts(const RolloutConfig&, const RecipeNode&, const Recipe&);

// Answers of one optimizer step that fit into memory together.
struct EpisodeRows {
  int64_t step = 0;  // of the iteration: its minibatch
  AnswerRows rows;
  std::vector<float> scores;  // an answer's reward without KL
  // Of each answer token: as sampled, of the same weights by the update's kernels, of the parent.
  std::vector<float> old_log_probs, reference_log_probs;
};

// Sums over the answers of an iteration, over all ranks once reduced.
struct RolloutSums {
  double answers = 0, tokens = 0, cut_off = 0;
  double score = 0, score_squares = 0, length = 0, length_squares = 0, score_length = 0;
  double gold = 0, golds = 0;  // the labeler's utility, where there is one
  double kl = 0, entropy = 0;
  double sampler_difference = 0;  // largest |log-probability as sampled - of the update's kernels|
};

// One iteration's answers on this rank, in the order of its steps, and the seconds that each part
// took.
struct Rollouts {
  std::vector<EpisodeRows> rows;
  RolloutSums sums;
  double sampling_seconds = 0, scoring_seconds = 0;
};

// The models that judge a policy's answers. References outlive it.
class RolloutWorker {
 public:
  // `values`: the value model, if there is one. Where policy and value model have adapters, the
  // parent and the reward model are what these are added to, in the same memory.
  RolloutWorker(const RolloutConfig&, const RecipeNode&, const StageContext&, const Model& policy,
                const Model* values = nullptr);

  const RolloutConfig& config() const { return config_; }
  const Requests& requests() const { return *requests_; }
  const Model& parent() const { return parent_; }
  bool has_reward_model() const { return reward_model_.gpt != nullptr; }
  const Model& reward_model() const { return reward_model_; }
  // Samples and judges the answers of an iteration. `group`: neighbouring answers are to the same
  // request; with 1 each has its own.
  Rollouts run(int64_t iteration, int64_t group) const;
  // Scores of answers to these requests, as in training: the reward less the penalty for no end.
  struct Answer {
    int64_t request = 0;
    ItemUse use = ItemUse::training;
    int64_t number = 0;     // of the answer: with the key, its random numbers
    Tokens prompt, text{};  // the text with its end, if it has one
    bool ended = false;
    std::vector<float> sampled{};  // log-probabilities, without that of the end
    std::span<const Token> without_end() const {
      return std::span(text).first(text.size() - (ended ? 1 : 0));
    }
  };
  std::vector<float> scores(std::span<const Answer>) const;
  // The labeler's whole utility, whatever the reward leaves out; empty where no labeler can tell.
  std::vector<double> golds(std::span<const Answer>) const;
  // Samples `each` answers to requests [first, first + count).
  std::vector<Answer> sample(const Requests&, const Model&, int64_t first, int64_t count,
                             int64_t each, ItemUse, const Rng& key) const;

 private:
  void draw(const Model&, std::span<Answer>, const Rng& key) const;
  EpisodeRows judge(std::span<const Answer>, int64_t step, RolloutSums&) const;

  const RolloutConfig& config_;
  const RecipeNode& node_;
  const StageContext& context_;
  const Model& policy_;
  std::unique_ptr<const Requests> requests_;
  Model parent_, reward_model_;
};

// Adds the curves of an iteration; `kl` and the like are means over all ranks.
void add_health(const RolloutSums&, MetricValues&);
// Throws an Error that names the part at fault when the policy has collapsed, exploded or is not
// finite.
void check_health(const RolloutSums&, const RolloutConfig&, const std::string& node);
// A warning about the numbers of an iteration, empty when there is none: what fails and what helps.
std::string health_warning(const MetricValues&, int64_t iteration);

// The files that requests came from, after so many were asked, as a manifest has them.
std::map<std::string, nlohmann::json> request_datasets(const RolloutWorker&, int64_t asked);
// Of a stage of this kind that trains so many models.
StagePlan rollout_plan(const RolloutConfig&, const OptimizerConfig&,
                       const std::optional<LoraConfig>&, const RecipeNode&, int trained_models,
                       int ranks);

}  // namespace lineage
