#include "lineage/eval/item_metrics.h"

#include <algorithm>
#include <cmath>
#include <sstream>

#include "lineage/eval/answer.h"

namespace lineage::metrics {
namespace {

std::string words(std::string_view text) {
  std::istringstream in{std::string(text)};
  std::string result, word;
  while (in >> word) result += (result.empty() ? "" : " ") + word;
  return result;
}

std::vector<std::string> steps_of(std::string_view chain, const std::string& mark) {
  std::vector<std::string> steps;
  while (!chain.empty()) {
    const size_t at = mark.empty() ? chain.npos : chain.find(mark);
    if (std::string step = words(chain.substr(0, at)); !step.empty())
      steps.push_back(std::move(step));
    if (at == chain.npos) break;
    chain.remove_prefix(at + mark.size());
  }
  return steps;
}

// The part of the output before its answer.
std::string_view chain_of(const Prediction& p, const std::string& chain_end) {
  return std::string_view(p.output).substr(0, p.output.rfind(chain_end));
}

}  // namespace

ItemMetric choice_accuracy() {
  return {{.name = "accuracy"}, [](const Instance& item, const Prediction& p) {
            if (p.scores.empty()) return 0.0;
            const double best = *std::ranges::max_element(p.scores);
            const auto ties = std::ranges::count(p.scores, best);
            const bool right = p.scores[item.correct] == best;
            return right ? 1.0 / static_cast<double>(ties) : 0.0;
          }};
}

ItemMetric share_of_right_choices() {
  return {{.name = "probability of right choices"}, [](const Instance& item, const Prediction& p) {
            if (p.scores.empty() || item.right.size() != p.scores.size()) return 0.0;
            const double most = *std::ranges::max_element(p.scores);
            double right = 0, all = 0;
            for (size_t i = 0; i < p.scores.size(); ++i) {
              const double share = std::exp(p.scores[i] - most);
              all += share;
              if (item.right[i]) right += share;
            }
            return right / all;
          }};
}

ItemMetric answer_match(PromptSpec::Match match) {
  // The name goes into the digest of a scenario and shows the comparison of answers in the report.
  const auto name = [&]() -> std::string {
    switch (match) {
      case PromptSpec::Match::squad:
        return "quasi-exact match";
      case PromptSpec::Match::number:
        return "equal number";
      default:
        return "exact match";
    }
  };
  return {{.name = name()}, [match](const Instance& item, const Prediction& p) {
            const std::string given = canonical_answer(p.answer, match);
            const bool right = std::ranges::any_of(item.answers, [&](const Part& a) {
              return canonical_answer(a.text, match) == given;
            });
            return right && !given.empty() ? 1.0 : 0.0;
          }};
}

ItemMetric graded() {
  return {.info = {.name = "graded"},
          .score =
              [](const Instance& item, const Prediction& p) {
                return p.output.empty() || !item.grade ? 0.0 : item.grade(p.output);
              },
          .open = true};
}

ItemMetric probability() {
  return {{.name = "probability", .has_chance = false},
          [](const Instance&, const Prediction& p) { return std::exp(p.log_prob); }};
}

ItemMetric step_accuracy(const PromptSpec& prompting) {
  return {{.name = "step accuracy"}, [prompting](const Instance& item, const Prediction& p) {
            const auto gold = steps_of(item.chain.text, prompting.step_mark);
            const auto given = steps_of(chain_of(p, prompting.chain_end), prompting.step_mark);
            if (gold.empty()) return 0.0;
            std::vector<size_t> common(given.size() + 1, 0);  // with the first j of given
            for (const std::string& step : gold)
              for (size_t j = 1, diagonal = 0; j <= given.size(); ++j) {
                const size_t above = common[j];
                common[j] = given[j - 1] == step ? diagonal + 1 : std::max(above, common[j - 1]);
                diagonal = above;
              }
            return static_cast<double>(common.back()) / static_cast<double>(gold.size());
          }};
}

ItemMetric correct_prefix(const PromptSpec& prompting) {
  return {{.name = "correct prefix"}, [prompting](const Instance& item, const Prediction& p) {
            const auto gold = steps_of(item.chain.text, prompting.step_mark);
            const auto given = steps_of(chain_of(p, prompting.chain_end), prompting.step_mark);
            const auto ends = std::ranges::mismatch(gold, given);
            return gold.empty() ? 0.0
                                : static_cast<double>(ends.in1 - gold.begin()) /
                                      static_cast<double>(gold.size());
          }};
}

}  // namespace lineage::metrics
