#include "lineage/stages/feedback_outcome.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "lineage/base/file.h"
#include "lineage/stages/heldout.h"

namespace lineage {
namespace {

using nlohmann::json;

constexpr int64_t kCompared = 600, kBestOf = 4;

// A mean with its 95 % interval; numbers of different requests are independent.
json mean_of(std::span<const double> x) {
  double sum = 0, squares = 0;
  for (const double v : x) sum += v, squares += v * v;
  const auto n = static_cast<double>(x.size());
  const double mean = sum / n,
               half = 1.96 * std::sqrt(std::max(0.0, squares / n - mean * mean) / n);
  return {{"mean", mean}, {"low", mean - half}, {"high", mean + half}, {"n", x.size()}};
}

std::vector<double> less(std::span<const double> a, std::span<const double> b) {
  std::vector<double> out;
  for (size_t i = 0; i < a.size(); ++i) out.push_back(a[i] - b[i]);
  return out;
}

// 1 where a is greater, a half where they are equal.
std::vector<double> wins(std::span<const double> a, std::span<const double> b) {
  std::vector<double> out;
  for (size_t i = 0; i < a.size(); ++i) out.push_back(a[i] > b[i] ? 1 : a[i] == b[i] ? 0.5 : 0);
  return out;
}

// Behaviours by kind, as shares of the answers.
json behaviours_of(const RolloutWorker& worker, const Requests& requests, const Model& model,
                   int64_t samples, const Rng& key) {
  struct Kind {
    int64_t n = 0;
    std::array<double, kBehaviours> shares{};
    double utility = 0;
  };
  std::map<std::string, Kind> by_kind;
  for (const RolloutWorker::Answer& a :
       worker.sample(requests, model, 0, samples, 1, ItemUse::test, key)) {
    const auto reading = requests.read(a.request, a.use, a.without_end(), a.ended, {});
    if (!reading) return json::object();
    Kind& kind = by_kind[requests.kind(a.request, a.use)];
    ++kind.n;
    for (size_t b = 0; b < kBehaviours; ++b) kind.shares[b] += reading->behaviours[b];
    kind.utility += reading->utility();
  }
  json out = json::object();
  for (auto& [name, kind] : by_kind) {
    json& row =
        out[name] = {{"n", kind.n}, {"utility", kind.utility / static_cast<double>(kind.n)}};
    for (size_t b = 0; b < kBehaviours; ++b)
      row[std::string(enum_names(Behaviour())[b])] = kind.shares[b] / static_cast<double>(kind.n);
  }
  return out;
}

// One number a request: of its first answer, and of the best of its answers by the reward.
struct Compared {
  std::vector<double> first, best;
};
Compared compared(std::span<const double> values, std::span<const float> scores, int64_t each) {
  Compared out;
  for (size_t i = 0; i < values.size(); i += static_cast<size_t>(each)) {
    size_t best = i;
    for (size_t k = i; k < i + static_cast<size_t>(each); ++k)
      if (scores[k] > scores[best]) best = k;
    out.first.push_back(values[i]);
    out.best.push_back(values[best]);
  }
  return out;
}

json answers_of(const RolloutWorker& worker, const Model& parent, const Model& policy,
                const Rng& key) {
  const Requests& requests = worker.requests();
  const int64_t n = std::min(kCompared, requests.size(ItemUse::test));
  if (n == 0) return json::object();  // nothing of the files is held out
  const auto before =
      worker.sample(requests, parent, 0, n, kBestOf, ItemUse::test, key.fold("parent"));
  const auto after = worker.sample(requests, policy, 0, n, 1, ItemUse::test, key.fold("policy"));
  const std::vector<float> scores_before = worker.scores(before),
                           scores_after = worker.scores(after);
  json out;
  const auto add = [&](const char* what, const std::vector<double>& values_before,
                       const std::vector<double>& values_after) {
    const Compared parents = compared(values_before, scores_before, kBestOf);
    out[what] = {{"parent", mean_of(parents.first)},
                 {"model", mean_of(values_after)},
                 {"best_of_4", mean_of(parents.best)},
                 {"win_rate", mean_of(wins(values_after, parents.first))},
                 {"model_less_parent", mean_of(less(values_after, parents.first))},
                 {"model_less_best_of_4", mean_of(less(values_after, parents.best))}};
  };
  add("reward", {scores_before.begin(), scores_before.end()},
      {scores_after.begin(), scores_after.end()});
  const std::vector<double> gold_before = worker.golds(before), gold_after = worker.golds(after);
  if (gold_before.size() == before.size() && gold_after.size() == after.size())
    add("gold", gold_before, gold_after);
  double length_before = 0, length_after = 0;
  for (const auto& a : before)
    length_before += static_cast<double>(a.text.size()) / static_cast<double>(before.size());
  for (const auto& a : after)
    length_after += static_cast<double>(a.text.size()) / static_cast<double>(after.size());
  out["length"] = {{"parent", length_before}, {"model", length_after}};
  return out;
}

}  // namespace

void write_feedback_outcome(const RolloutWorker& worker, const Model& policy, const TextData* texts,
                            const RecipeNode& node, const StageContext& context) {
  const Model& parent = worker.parent();
  json out;
  if (texts) {  // the ranks share its rows
    const double before =
                     score_heldout(*parent.gpt, *texts, 0, context.ranks).at("").nats_per_token(),
                 after =
                     score_heldout(*policy.gpt, *texts, 0, context.ranks).at("").nats_per_token();
    out["text"] = {{"parent", before}, {"model", after}};
  }
  if (context.ranks.rank() == 0) {
    const Rng key = Rng(context.recipe.seed).fold("feedback outcome");
    out["answers"] = answers_of(worker, parent, policy, key);
    if (const auto requests =
            requests_of_every_kind(worker.config().requests, node, context.recipe)) {
      const Rng each = key.fold("behaviours");
      const int64_t samples = kPromptKinds * context.recipe.run.behaviour_samples;
      out["behaviours"] = {{"parent", behaviours_of(worker, *requests, parent, samples, each)},
                           {"model", behaviours_of(worker, *requests, policy, samples, each)}};
    }
    write_file_atomic(context.folder / kFeedbackOutcome, out.dump(1) + "\n");
  }
  context.ranks.barrier();
}

}  // namespace lineage
