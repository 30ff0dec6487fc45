#include "lineage/eval/item_budget.h"

#include <algorithm>
#include <limits>

#include "lineage/eval/prompt.h"

namespace lineage {
namespace {

constexpr int64_t kSampled = 8;    // items from which the length of the others is estimated
constexpr int64_t kWritten = 3;    // tokens read in the time of one written
constexpr int64_t kMultiple = 20;  // so that cells get about as many each

// The cost of reading the prompt and its choices, and of writing the answers.
int64_t cost_of(const Instance& item, const PromptSpec& p, PromptSpec::Template form,
                const Tokenizer& tokenizer) {
  constexpr int64_t kUncut = std::numeric_limits<int64_t>::max() / 2;
  const Prompt prompt = render(item, {}, p, form, tokenizer, kUncut);
  const auto length = [](const auto& tokens) { return static_cast<int64_t>(tokens.size()); };
  int64_t cost = 0;
  const ScoreRequest* before = nullptr;
  for (const ScoreRequest& c : prompt.choices) {
    // One pass over the context gives the scores of all choices of one token.
    if (!before || c.continuation.size() > 1 || c.context != before->context)
      cost += length(c.context) + length(c.continuation);
    before = &c;
  }
  if (p.method == PromptSpec::Method::generate)
    cost += p.samples * kWritten *
            std::min(p.sampling.max_tokens, length(prompt.choices[0].continuation) + 1);
  return cost;
}

}  // namespace

double tokens_an_item(const Scenario& scenario, const Tokenizer& tokenizer) {
  const ScenarioSpec& spec = scenario.spec();
  const auto items = scenario.items(ItemSet::dev, kSampled);
  int64_t cost = 0;
  for (const Instance& item : items)
    cost += cost_of(item, spec.prompt, spec.templates.at(0), tokenizer);
  return items.empty() ? 0 : static_cast<double>(cost) / static_cast<double>(items.size());
}

int64_t items_within(const Scenario& scenario, const Tokenizer& tokenizer, int64_t tokens) {
  const ScenarioSpec& spec = scenario.spec();
  const double cost = tokens_an_item(scenario, tokenizer);
  if (cost <= 0) return spec.n;
  const auto n = static_cast<int64_t>(
      static_cast<double>(spec.parent_row.empty() ? tokens : tokens / 3) / cost);
  return std::min(spec.n, std::max(kLeastItems, n / kMultiple * kMultiple));
}

}  // namespace lineage
