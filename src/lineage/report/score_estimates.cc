#include "lineage/report/score_estimates.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "lineage/eval/statistics.h"

namespace lineage {
namespace {

constexpr double kShown = 0.005;  // a smaller difference is shown as .00

// t intervals can exceed the metric's range; without an interval the whole range is left.
Interval within(Interval i, const MetricRange& range) {
  return {i.value, std::isnan(i.low) ? range.low : std::clamp(i.low, range.low, range.high),
          std::isnan(i.high) ? range.high : std::clamp(i.high, range.low, range.high)};
}

void combine_seeds(ReportScore& score, const std::string& cell, const std::vector<double>& values,
                   const std::vector<double>& log_likelihoods, std::vector<const ItemScores*> items,
                   const MetricInfo& metric) {
  std::erase(items, nullptr);
  const CommonItems common =
      items.size() == values.size() ? common_items(items, cell) : CommonItems{};
  if (common.clusters.empty()) {  // the seeds were measured different items
    score.score = interval_of(t_interval(values));
    score.log_likelihood = interval_of(t_interval(log_likelihoods));
    return;
  }
  const SeedsEstimate e = over_seeds(common.scores, common, metric.kind == MetricKind::share);
  score.score = e.value;
  score.items = e.items;
  score.log_likelihood = over_seeds(common.log_likelihoods, common, false).value;
}

}  // namespace

std::optional<ReportScore> combined_score(const NodeAnswers& node, const std::string& cell,
                                          const MetricInfo& metric) {
  std::vector<const RecordedScore*> measured;
  ReportScore score;
  std::vector<double> values, log_likelihoods;
  int64_t closed = 0;
  for (const RecordedScore* r : node.rows) {
    const bool some = r && r->n > 0;
    score.per_seed.push_back(some ? std::optional(r->score.value) : std::nullopt);
    if (!r) continue;
    closed += !r->not_measurable.empty();
    if (score.not_measurable.empty()) score.not_measurable = r->not_measurable;
    measured.push_back(r);
    if (some) values.push_back(r->score.value), log_likelihoods.push_back(r->log_likelihood.value);
  }
  if (measured.empty()) return {};
  if (closed > 0 && measured.size() > 1)
    score.not_measurable += fmt::format(" (in {} of {} seeds)", closed, measured.size());
  if (values.empty() && score.not_measurable.empty())
    score.not_measurable = "no item fits the model's context";
  score.n = measured[0]->n;
  score.prompting = measured[0]->prompting;
  if (!std::isnan(measured[0]->format)) score.format = measured[0]->format;
  if (values.size() == 1) {
    const RecordedScore& r = **std::ranges::find_if(measured, [](auto* a) { return a->n > 0; });
    score.score = score.items = r.score;
    score.log_likelihood = r.log_likelihood;
  } else if (values.size() > 1) {
    combine_seeds(score, cell, values, log_likelihoods, node.items, metric);
  }
  for (std::optional<Interval>* i : {&score.score, &score.items})
    if (*i) *i = within(**i, metric.range());
  // Cells have no prerequisite of their own.
  const bool measurable = 2 * closed < std::ssize(measured) && !values.empty();
  if (!measurable) score.score.reset(), score.items.reset();
  if (score.log_likelihood && std::isnan(score.log_likelihood->value)) score.log_likelihood.reset();
  return score;
}

bool at_chance(const ReportAbility& row, const Interval& score) {
  return row.chance && score.low <= *row.chance && score.high >= *row.chance;
}

std::optional<double> skill_of(const ReportAbility& row, const MetricInfo& metric, double score) {
  const MetricRange range = metric.range();
  double best = range.high, worst = range.low;
  switch (metric.better) {
    case Better::higher:
      break;
    case Better::lower:
      std::swap(best, worst);
      break;
    case Better::nearest:
      best = metric.target;
      worst = score < best ? range.low : range.high;
      break;
    case Better::neither:
      return {};
  }
  const double from = row.chance.value_or(worst);
  if (!std::isfinite(best) || !std::isfinite(from)) return {};
  if (best == from || std::abs(score - from) < kShown) return 0;
  return std::clamp((score - from) / (best - from), -1.0, 1.0);
}

namespace {

// For a metric that is best at a target, the parent's and the child's distances from it decide.
Change change_of(const Interval& difference, const MetricInfo& metric, double parent) {
  if (!(difference.low > 0 || difference.high < 0)) return Change::open;
  if (std::abs(difference.value) < kShown) return Change::small;
  if (metric.better == Better::neither) return Change::other;
  const double gain = improvement(metric, parent, parent + difference.value);
  return gain > 0 ? Change::better : gain < 0 ? Change::worse : Change::other;
}

double mean_of_all(const std::vector<std::vector<double>>& models) {
  double sum = 0, n = 0;
  for (const auto& values : models)
    for (const double v : values) sum += v, ++n;
  return sum / n;
}

}  // namespace

std::optional<ReportContrast> paired_contrast(const NodeAnswers& child, const NodeAnswers& parent,
                                              const std::string& cell, const MetricInfo& metric) {
  std::vector<const ItemScores*> models;  // the parent's seeds, then the child's
  for (const auto* own : {&parent.items, &child.items})
    for (size_t s = 0; s < own->size(); ++s)
      if (parent.items[s] && child.items[s]) models.push_back((*own)[s]);
  const size_t seeds = models.size() / 2;
  const CommonItems common = seeds ? common_items(models, cell) : CommonItems{};
  if (common.clusters.empty()) return {};
  const auto middle = common.scores.begin() + static_cast<std::ptrdiff_t>(seeds);
  const std::vector<std::vector<double>> before{common.scores.begin(), middle},
      after{middle, common.scores.end()};
  const SeedsEstimate e = paired_over_seeds(before, after, common);
  ReportContrast contrast;
  contrast.difference = e.value, contrast.items = e.items, contrast.p = e.p;
  contrast.n = std::ssize(common.scores[0]), contrast.seeds = static_cast<int64_t>(seeds);
  contrast.change = change_of(e.value, metric, mean_of_all(before));
  return contrast;
}

}  // namespace lineage
