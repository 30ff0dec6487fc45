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
constexpr int64_t kTokensAtOnce = 16384;

}  // namespace

void judge(Scheduler& scheduler, std::shared_ptr<const ServedModel> served,
           std::vector<std::vector<Token>> all, Judged done) {
  scheduler.run_with(std::move(served), [all = std::move(all), done = std::move(done)](
                                            const Model* model, const std::string& failure) {
    std::vector<double> out;
    if (model) {
      const std::vector<std::span<const Token>> conversations(all.begin(), all.end());
      for (const float logit : request_logits(*model->gpt, conversations, kTokensAtOnce))
        out.push_back(1 / (1 + std::exp(-static_cast<double>(logit))));
    }
    done(std::move(out), failure);
  });
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
