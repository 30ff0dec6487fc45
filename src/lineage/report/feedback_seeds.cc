#include "lineage/report/feedback_seeds.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "lineage/report/format.h"

namespace lineage {
namespace {

// The median of several before their texts; the text of one alone.
std::string with_median(const std::string& of_all, const std::vector<std::string>& each) {
  if (each.empty()) return "";
  return each.size() == 1 ? each[0] : fmt::format("{} ({})", of_all, fmt::join(each, ", "));
}

}  // namespace

double median(std::vector<double> values) {
  std::ranges::sort(values);
  const size_t half = values.size() / 2;
  if (values.empty()) return 0;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

BeforeAfter median(const std::vector<BeforeAfter>& seeds) {
  std::vector<double> parent, model;
  for (const BeforeAfter& b : seeds) parent.push_back(b.parent), model.push_back(b.model);
  return {median(parent), median(model)};
}

AnswersOfSeeds answers_called(const OfNode<ReportFeedback>& of, const std::string& measure) {
  AnswersOfSeeds all;
  for (const ReportFeedback* f : of.seeds)
    for (const AnswerMeans& a : f->answers) {
      if (a.measure != measure) continue;
      all.parent.push_back(a.parent);
      all.model.push_back(a.model);
      all.best_of_4.push_back(a.best_of_4);
      all.win_rate.push_back(a.win_rate);
      all.model_less_parent.push_back(a.model_less_parent);
      all.model_less_best_of_4.push_back(a.model_less_best_of_4);
    }
  return all;
}

RatesOfSeeds rates_called(const std::vector<const KindRates*>& kind, const std::string& behaviour) {
  RatesOfSeeds all;
  for (const KindRates* seed : kind)
    for (const BehaviourRate& b : seed->behaviours)
      if (b.id == behaviour) all.shares.push_back(b.share), all.n.push_back(seed->n);
  return all;
}

std::string seeds_text(const Intervals& seeds, Sign sign) {
  const auto number = [&](double x) {
    return sign == Sign::always ? signed_number(x) : short_number(x);
  };
  std::vector<double> values;
  std::vector<std::string> each;
  for (const CountedInterval& i : seeds) {
    values.push_back(i.value);
    each.push_back(fmt::format("{} [{}, {}]", number(i.value), number(i.low), number(i.high)));
  }
  return with_median(number(median(values)), each);
}

std::string seeds_text(const std::vector<double>& seeds, int digits) {
  std::vector<std::string> each;
  for (const double x : seeds) each.push_back(short_number(x, digits));
  return with_median(short_number(median(seeds), digits), each);
}

std::string significant_text(const std::vector<double>& seeds) {
  std::vector<std::string> each;
  for (const double x : seeds) each.push_back(fmt::format("{:.3g}", x));
  return with_median(fmt::format("{:.3g}", median(seeds)), each);
}

std::string change_text(const std::vector<BeforeAfter>& seeds, int digits) {
  const BeforeAfter middle = median(seeds);
  const std::string text = fmt::format("{} → {}", short_number(middle.parent, digits),
                                       short_number(middle.model, digits));
  std::vector<std::string> each;
  for (const BeforeAfter& b : seeds) each.push_back(short_number(b.model, digits));
  return seeds.size() < 2 ? text : fmt::format("{} ({})", text, fmt::join(each, ", "));
}

std::string counts_text(const std::vector<int64_t>& seeds) {
  if (!seeds.empty() && std::ranges::count(seeds, seeds[0]) == std::ssize(seeds))
    return std::to_string(seeds[0]);
  return fmt::format("{}", fmt::join(seeds, ", "));
}

std::string counts_text(const Intervals& seeds) {
  std::vector<int64_t> n;
  for (const CountedInterval& i : seeds) n.push_back(i.n);
  return counts_text(n);
}

std::string word_name(const Report& report, const std::string& id) {
  const auto word = std::ranges::find(report.words, id, &ReportWord::id);
  return word == report.words.end() ? id : word->name;
}

const ReportCurve* curve_called(const Report& report, const std::string& node, uint64_t seed,
                                const std::string& metric) {
  for (const ReportCurve& c : report.curves)
    if (c.node == node && c.seed == seed && c.metric == metric && c.tag.empty() && !c.heldout)
      return &c;
  return nullptr;
}

bool learns_from_answers(const Report& report, const std::string& node) {
  return std::ranges::any_of(report.seeds, [&](uint64_t seed) {
    return curve_called(report, node, seed, "reward") && curve_called(report, node, seed, "kl");
  });
}

}  // namespace lineage
