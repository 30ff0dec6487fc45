#include "lineage/serve/moderation.h"

#include <array>
#include <cmath>

#include "lineage/rlhf/request_scores.h"

namespace lineage {
namespace {

constexpr std::array kCategories = {"harassment",
                                    "harassment/threatening",
                                    "hate",
                                    "hate/threatening",
                                    "illicit",
                                    "illicit/violent",
                                    "self-harm",
                                    "self-harm/instructions",
                                    "self-harm/intent",
                                    "sexual",
                                    "sexual/minors",
                                    "violence",
                                    "violence/graphic"};
constexpr std::string_view kKnown = "illicit";

double probability(const Model& model, std::span<const Token> conversation) {
  const auto tokens = std::ssize(conversation);
  const float logit = request_logits(*model.gpt, {{conversation}}, tokens)[0];
  return 1 / (1 + std::exp(-static_cast<double>(logit)));
}

struct Judging {
  std::vector<std::vector<Token>> all;
  std::shared_ptr<const std::atomic<bool>> cancelled;
  Judged done;
  std::vector<double> out;
};

// One text between two steps: a long list of them must not keep everybody waiting.
void judge_next(Scheduler& scheduler, std::shared_ptr<const ServedModel> served,
                std::shared_ptr<Judging> j) {
  scheduler.run_with(served,
                     [&scheduler, served, j](const Model* model, const std::string& failure) {
                       if (model && !*j->cancelled) {
                         j->out.push_back(probability(*model, j->all[j->out.size()]));
                         if (j->out.size() < j->all.size()) return judge_next(scheduler, served, j);
                       }
                       j->done(std::move(j->out), failure);
                     });
}

}  // namespace

void judge(Scheduler& scheduler, std::shared_ptr<const ServedModel> served,
           std::vector<std::vector<Token>> all, std::shared_ptr<const std::atomic<bool>> cancelled,
           Judged done) {
  judge_next(scheduler, std::move(served),
             std::make_shared<Judging>(
                 Judging{std::move(all), std::move(cancelled), std::move(done), {}}));
}

OrderedJson moderation_result(double score, bool flagged) {
  OrderedJson categories, scores, types;
  for (const char* name : kCategories) {
    const bool known = name == kKnown;
    categories[name] = known && flagged;
    scores[name] = known ? score : 0.0;
    types[name] = known ? OrderedJson::array({"text"}) : OrderedJson::array();
  }
  categories["improper"] = flagged;
  scores["improper"] = score;
  types["improper"] = OrderedJson::array({"text"});
  return {{"flagged", flagged},
          {"categories", std::move(categories)},
          {"category_scores", std::move(scores)},
          {"category_applied_input_types", std::move(types)}};
}

}  // namespace lineage
