#include "lineage/trace/score_estimates.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

#include "lineage/eval/statistics.h"

namespace lineage {
namespace {

Interval interval_of(const Estimate& e) { return {e.value, e.low, e.high}; }

// Student's t knows nothing of the metric's ends; an interval that there is none of is all of it.
Interval within(Interval i, const MetricRange& range) {
  return {i.value, std::isnan(i.low) ? range.low : std::clamp(i.low, range.low, range.high),
          std::isnan(i.high) ? range.high : std::clamp(i.high, range.low, range.high)};
}

void combine_seeds(ReportScore& score, const std::string& cell, const std::vector<double>& values,
                   const std::vector<double>& graded, std::vector<const ItemScores*> items,
                   const MetricRange& range) {
  std::erase(items, nullptr);
  const CommonItems common =
      items.size() == values.size() ? common_items(items, cell) : CommonItems{};
  if (common.clusters.empty()) {  // the seeds were asked different items
    score.headline = interval_of(t_interval(values));
    score.graded = interval_of(t_interval(graded));
    return;
  }
  const SeedsEstimate e =
      over_seeds(common.headline, common, range == metric_range(MetricKind::share));
  score.headline = e.value;
  score.items = e.items;
  score.graded = over_seeds(common.graded, common, false).value;
}

}  // namespace

bool has_chance(const std::string& metric) {
  constexpr std::array<std::string_view, 8> kWithout = {
      "words", "nats",        "nats a token",  "log-odds",
      "ECE",   "probability", "errors a step", "share of steps"};
  return std::ranges::find(kWithout, metric) == kWithout.end();
}

std::optional<ReportScore> combined_score(const NodeAnswers& node, const std::string& cell,
                                          const MetricRange& range) {
  std::vector<const RecordedScore*> asked;
  ReportScore score;
  std::vector<double> values, graded;
  int64_t closed = 0;
  for (const RecordedScore* r : node.rows) {
    const bool some = r && r->n > 0;
    score.per_seed.push_back(some ? std::optional(r->headline.value) : std::nullopt);
    if (!r) continue;
    closed += !r->gate.empty();
    if (score.gate.empty()) score.gate = r->gate;
    asked.push_back(r);
    if (some) values.push_back(r->headline.value), graded.push_back(r->graded.value);
  }
  if (asked.empty()) return {};
  if (closed > 0 && asked.size() > 1)
    score.gate += fmt::format(" (in {} of {} seeds)", closed, asked.size());
  if (values.empty() && score.gate.empty()) score.gate = "no item fits the model's context";
  score.n = asked[0]->n;
  score.prompting = asked[0]->prompting;
  if (!std::isnan(asked[0]->format)) score.format = asked[0]->format;
  if (values.size() == 1) {
    const RecordedScore& r = **std::ranges::find_if(asked, [](auto* a) { return a->n > 0; });
    score.headline = score.items = r.headline;
    score.graded = r.graded;
  } else if (values.size() > 1) {
    combine_seeds(score, cell, values, graded, node.items, range);
  }
  for (std::optional<Interval>* i : {&score.headline, &score.items})
    if (*i) *i = within(**i, range);
  // Cells have no gate of their own.
  const bool measurable = 2 * closed < std::ssize(asked) && !values.empty();
  if (!measurable) score.headline.reset(), score.items.reset();
  if (score.graded && std::isnan(score.graded->value)) score.graded.reset();
  return score;
}

std::optional<ReportContrast> paired_contrast(const NodeAnswers& child, const NodeAnswers& parent,
                                              const std::string& cell) {
  std::vector<const ItemScores*> models;  // the parent's seeds, then the child's
  for (const auto* own : {&parent.items, &child.items})
    for (size_t s = 0; s < own->size(); ++s)
      if (parent.items[s] && child.items[s]) models.push_back((*own)[s]);
  const size_t seeds = models.size() / 2;
  const CommonItems common = seeds ? common_items(models, cell) : CommonItems{};
  if (common.clusters.empty()) return {};
  const auto middle = common.headline.begin() + static_cast<std::ptrdiff_t>(seeds);
  const SeedsEstimate e =
      paired_over_seeds({common.headline.begin(), middle}, {middle, common.headline.end()}, common);
  ReportContrast contrast;
  contrast.difference = e.value, contrast.items = e.items, contrast.p = e.p;
  contrast.n = std::ssize(common.headline[0]), contrast.seeds = static_cast<int64_t>(seeds);
  return contrast;
}

}  // namespace lineage
