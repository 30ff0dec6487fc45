#include <fmt/format.h>

#include <algorithm>

#include "lineage/base/error.h"
#include "lineage/stages/feedback_outcome.h"
#include "lineage/stages/rollouts.h"
#include "lineage/stages/stage_of.h"
#include "lineage/stages/tuning.h"

namespace lineage {
namespace {

struct BestOfNConfig {
  int64_t n = 4;
  RolloutConfig rollouts;  // its mixture is that of `tuning`
  TuningConfig tuning;
};

template <class V>
void fields(V& v, BestOfNConfig& c) {
  RolloutConfig& r = c.rollouts;
  v("n", c.n, "answers to each request, of which the one of most reward is kept", between(2, 1e6));
  v("kinds", r.requests.kinds, "shares of the kinds of request, as in [ppo]", between(0, 1e9));
  v("files", r.requests.files, "a set of [conversations.NAME] whose prompts are taken instead");
  v("reward", r.reward, "model: the last parent, a reward model; utility; or answer, as in [ppo]");
  v("utility", r.utility, "of reward = \"utility\": what counts");
  v("episodes", r.episodes, "answers sampled in all, n to a request", between(1, 1e12));
  v("temperature", r.temperature, "at which they are sampled", from_above_to(0, 1000));
  v("max_tokens", r.max_tokens, "of an answer", between(1, 1 << 24));
  v("no_end_penalty", r.no_end_penalty, "taken from the score of an answer that was cut off",
    between(0, 1e9));
  fields(v, c.tuning);
}

// With the mixture of the tuning in its requests, and no batches.
RolloutConfig rollouts_of(const BestOfNConfig& config) {
  RolloutConfig rollouts = config.rollouts;
  rollouts.requests.mixture = config.tuning.mixture;
  rollouts.batch = rollouts.minibatch = config.n;
  return rollouts;
}

void validate_best_of_n(const BestOfNConfig& config, const RecipeNode& node, const Recipe& recipe) {
  validate_rollouts(rollouts_of(config), node, recipe);
  validate_tuning(config.tuning, node, recipe);
}

void run_best_of_n(const BestOfNConfig& config, const RecipeNode& node,
                   const StageContext& context) {
  const RolloutConfig rollouts = rollouts_of(config);
  TuningSet kept;
  kept.record.name = node.stage;
  kept.record.kind = fmt::format("the best of {} answers each", config.n);
  kept.record.generated = true;
  kept.record.weight = 1;
  {
    const Model parent = load_model(context.parents[0]);
    const RolloutWorker worker(rollouts, node, context, parent);
    const auto answers =
        worker.sample(worker.requests(), parent, 0, rollouts.iterations(), config.n,
                      ItemUse::training, Rng(context.recipe.seed).fold("best of n"));
    const std::vector<float> scores = worker.scores(answers);
    const auto n = static_cast<size_t>(config.n);
    for (size_t first = 0; first < answers.size(); first += n) {
      const auto best =
          static_cast<size_t>(std::max_element(scores.begin() + static_cast<int64_t>(first),
                                               scores.begin() + static_cast<int64_t>(first + n)) -
                              scores.begin());
      const RolloutWorker::Answer& a = answers[best];
      if (!a.ended) {
        ++kept.record.dropped["best answers without an end"];
        continue;
      }
      Example e;
      e.tokens = joined({a.prompt, a.text});
      e.weights.assign(a.prompt.size(), 0.0f);
      e.weights.resize(e.tokens.size(), 1.0f);
      kept.record.documents += 1;
      kept.record.tokens += std::ssize(e.tokens);
      kept.train.push_back(std::move(e));
    }
  }
  if (kept.train.empty())
    throw Error(fmt::format("{}: none of the {} best answers has an end within max_tokens, {}; "
                            "wanted some to tune on",
                            node.name, rollouts.iterations(), config.rollouts.max_tokens),
                "raise max_tokens, or tune the parent on answers with ends");
  context.progress.note(
      fmt::format("{}: {} of {} answers kept", node.name, kept.train.size(), rollouts.episodes));
  std::vector<TuningSet> sets;
  sets.push_back(std::move(kept));
  tune(config.tuning, std::move(sets), node, context,
       [&](const Model& tuned, const TextData* texts) {
         const RolloutWorker worker(rollouts, node, context, tuned);
         write_feedback_outcome(worker, tuned, texts, node, context);
       });
}

}  // namespace

// Best-of-n sampling, distilled: of several answers the one of most reward becomes a demonstration
// (Nakano et al. 2021, section 2 for the sampling; rejection sampling of Touvron et al. 2023,
// section 3.2.3). The best of n without a tuned model is in every PPO node's feedback.json.
const Stage& best_of_n_stage() {
  static const StageOf<BestOfNConfig> stage({
      .name = "best_of_n",
      .text =
          {StageKind::feedback, "best of n, distilled",
           "The parent answers each request several times, a reward model chooses, and the model "
           "is fine-tuned on the chosen answers."},
      .tunes_on_conversations = true,
      .complete = [](BestOfNConfig& config,
                     const RecipeNode& node) { replay_pretraining(config.tuning, node); },
      .validate = validate_best_of_n,
      .remarks = [](const BestOfNConfig& config,
                    const RecipeNode& node) { return tuning_remarks(config.tuning, node); },
      .reads =
          [](const BestOfNConfig& config, const RecipeNode& node, const Recipe& recipe) {
            StageReads reads = tuning_reads(config.tuning, node, recipe);
            reads.sets.clear();
            add_request_sets(rollouts_of(config).requests, recipe, reads);
            return reads;
          },
      .plan = [](const BestOfNConfig& config, const RecipeNode& node, const Recipe& recipe,
                 int ranks) { return tuning_plan(config.tuning, node, recipe, ranks); },
      .run = run_best_of_n,
  });
  return stage;
}

}  // namespace lineage
