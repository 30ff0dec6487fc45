#include "lineage/eval/aggregate_metrics.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <set>
#include <sstream>

#include "lineage/eval/answer.h"
#include "lineage/eval/item_metrics.h"
#include "lineage/eval/score.h"

namespace lineage::aggregates {
namespace {

using Items = std::span<const Instance>;
using Predictions = std::span<const Prediction>;

// The mean of f over the items where it is a number; each cell weighs the same.
template <class F>
std::optional<Estimate> mean_over(Items items, Predictions predictions, MetricKind kind,
                                  const F& f) {
  std::vector<double> values;
  std::vector<Instance> where;
  for (size_t i = 0; i < items.size(); ++i) {
    const double value = f(items[i], predictions[i]);
    if (std::isnan(value)) continue;
    values.push_back(value);
    Instance& kept = where.emplace_back();
    kept.cell = items[i].cell, kept.cluster = items[i].cluster;
  }
  if (values.empty()) return {};
  const auto clusters = cluster_ids(where), cells = cell_ids(where);
  return mean_estimate({values, clusters, cells}, kind);
}

template <class F>
AggregateMetric mean_measure(std::string name, std::string title, MetricInfo metric, F f) {
  const MetricKind kind = metric.kind;
  return {.name = std::move(name),
          .title = std::move(title),
          .metric = std::move(metric),
          .compute = [f, kind](Items items, Predictions predictions) -> std::optional<Measured> {
            const auto mean = mean_over(items, predictions, kind, f);
            if (!mean) return {};
            return Measured{*mean};
          }};
}

std::vector<std::string> words_of(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> words;
  for (std::string word; in >> word;) words.push_back(word);
  return words;
}

double passes(const Instance& item, const std::string& output) {
  return !output.empty() && item.grade && item.grade(output) >= 1 ? 1.0 : 0.0;
}

double log_sum(std::span<const double> scores) {
  const double most = *std::ranges::max_element(scores);
  double sum = 0;
  for (double s : scores) sum += std::exp(s - most);
  return most + std::log(sum);
}

// Grows with the model's reasons to abstain.
double uncertainty(const Prediction& p, Uncertainty how, size_t abstain) {
  const std::span scores(p.scores);
  const auto values = scores.first(scores.size() - abstain);
  if (how == Uncertainty::abstains) return log_sum(scores.last(abstain)) - log_sum(values);
  return log_sum(values) - *std::ranges::max_element(values);
}

BootstrapOptions measure_bootstrap() {
  return {.method = BootstrapOptions::Method::percentile, .replicates = 200};
}

bool one_of(const std::string& cell, const std::vector<std::string>& cells) {
  return std::ranges::find(cells, cell) != cells.end();
}

}  // namespace

MetricInfo mean_share() { return {.name = "mean"}; }

AggregateMetric annotation(std::string name, std::string title, size_t index, MetricInfo metric) {
  return mean_measure(std::move(name), std::move(title), std::move(metric),
                      [index](const Instance& item, const Prediction& p) {
                        return item.annotate ? item.annotate(p.output).at(index)
                                             : std::numeric_limits<double>::quiet_NaN();
                      });
}

AggregateMetric pass_at(std::string name, int64_t k) {
  const std::string metric = "pass@" + std::to_string(k);
  return mean_measure(std::move(name), metric + ", unbiased", {.name = metric},
                      [k](const Instance& item, const Prediction& p) {
                        const auto n = static_cast<int64_t>(p.samples.size());
                        if (n < k) return std::numeric_limits<double>::quiet_NaN();
                        int64_t right = 0;
                        for (const DrawnAnswer& s : p.samples) right += passes(item, s.output) == 1;
                        return pass_at_k(n, right, k);
                      });
}

AggregateMetric vote(std::string name, std::string title, const PromptSpec& prompting,
                     PromptSpec::Vote who) {
  PromptSpec p = prompting;
  p.vote = who;
  return mean_measure(std::move(name), std::move(title), {.name = "graded"},
                      [p](const Instance& item, const Prediction& prediction) {
                        if (prediction.samples.empty())
                          return std::numeric_limits<double>::quiet_NaN();
                        const size_t winner = lineage::vote(prediction.samples, p);
                        return passes(item, prediction.samples[winner].output);
                      });
}

AggregateMetric answer_given_chain(std::string name) {
  return {.name = std::move(name),
          .title = "the right answer's probability after the right chain",
          .metric = {.name = "probability", .has_chance = false},
          .compute = [](Items items, Predictions predictions) -> std::optional<Measured> {
            const auto probability = mean_over(
                items, predictions, MetricKind::share,
                [](const Instance&, const Prediction& p) { return std::exp(p.answer_log_prob); });
            const auto log_likelihood =
                mean_over(items, predictions, MetricKind::real,
                          [](const Instance&, const Prediction& p) { return p.answer_log_prob; });
            if (!probability) return {};
            return Measured{*probability, *log_likelihood};
          }};
}

AggregateMetric youden(std::string name, std::string title, size_t index,
                       std::vector<std::string> yes, std::vector<std::string> no) {
  return {.name = std::move(name),
          .title = std::move(title),
          .metric = {.name = "Youden's J", .kind = MetricKind::difference},
          .by_cell = false,
          .compute = [=](Items items, Predictions predictions) -> std::optional<Measured> {
            const auto rate = [&](const std::vector<std::string>& cells) {
              return mean_over(items, predictions, MetricKind::share,
                               [&](const Instance& i, const Prediction& p) {
                                 return one_of(i.cell, cells)
                                            ? i.annotate(p.output).at(index)
                                            : std::numeric_limits<double>::quiet_NaN();
                               });
            };
            const auto a = rate(yes), b = rate(no);
            if (!a || !b) return {};
            // Newcombe (1998), method 10: of the difference of two proportions.
            Estimate e;
            e.value = a->value - b->value;
            e.low = e.value - std::hypot(a->value - a->low, b->high - b->value);
            e.high = e.value + std::hypot(a->high - a->value, b->value - b->low);
            e.error = std::hypot(a->error, b->error);
            e.n = a->n + b->n;
            return Measured{e};
          }};
}

AggregateMetric abstention_auroc(std::string name, std::string title, Uncertainty how,
                                 size_t abstain, std::vector<Scopes> pairs) {
  return {.name = std::move(name),
          .title = std::move(title),
          .metric = {.name = "AUROC"},
          .by_cell = false,
          .compute = [=](Items items, Predictions predictions) -> std::optional<Measured> {
            const auto doubts = [&](const std::vector<std::string>& cells) {
              std::vector<double> values;
              for (size_t i = 0; i < items.size(); ++i)
                if (one_of(items[i].cell, cells))
                  values.push_back(uncertainty(predictions[i], how, abstain));
              return values;
            };
            std::optional<Estimate> hardest;
            for (const Scopes& pair : pairs)
              for (const std::string& cell : pair.unknown) {
                const auto unknown = doubts({cell}), known = doubts(pair.known);
                if (unknown.empty() || known.empty()) return {};
                Estimate e = auroc(unknown, known);
                e.n = static_cast<int64_t>(unknown.size() + known.size());
                if (!hardest || e.value < hardest->value) hardest = e;
              }
            if (!hardest) return {};
            return Measured{*hardest, {}, 0.5};
          }};
}

AggregateMetric log_likelihood_gain(std::string name, std::string title, std::string less,
                                    std::string more) {
  return {.name = std::move(name),
          .title = std::move(title),
          .metric = {.name = "log-likelihood gain",
                     .kind = MetricKind::real,
                     .unit = "nats a token",
                     .has_chance = false},
          .by_cell = false,
          .compute = [=](Items items, Predictions predictions) -> std::optional<Measured> {
            std::map<std::string, std::array<std::optional<double>, 2>> pairs;
            for (size_t i = 0; i < items.size(); ++i) {
              if (items[i].cell == less) pairs[items[i].cluster][0] = predictions[i].log_prob;
              if (items[i].cell == more) pairs[items[i].cluster][1] = predictions[i].log_prob;
            }
            std::vector<double> gains;
            for (const auto& [cluster, pair] : pairs)
              if (pair[0] && pair[1]) gains.push_back(*pair[1] - *pair[0]);
            if (gains.size() < 2) return {};
            return Measured{t_interval(gains)};
          }};
}

AggregateMetric error_rate(std::string name, std::string title, size_t right, size_t wrong) {
  return {.name = std::move(name),
          .title = std::move(title),
          .metric = {.name = "errors a step", .better = Better::lower, .has_chance = false},
          .compute = [=](Items items, Predictions predictions) -> std::optional<Measured> {
            std::vector<double> steps;  // 1 for a wrong one
            std::vector<uint32_t> clusters;
            for (uint32_t i = 0; i < items.size(); ++i) {
              const std::vector<double> d = items[i].annotate(predictions[i].output);
              steps.insert(steps.end(), static_cast<size_t>(std::lround(d.at(right))), 0.0);
              steps.insert(steps.end(), static_cast<size_t>(std::lround(d.at(wrong))), 1.0);
              clusters.resize(steps.size(), i);
            }
            if (steps.empty()) return {};
            return Measured{proportion({steps, clusters})};
          }};
}

AggregateMetric annotation_at_length(std::string name, std::string title, size_t index,
                                     MetricInfo metric, int64_t least, int64_t most) {
  return mean_measure(std::move(name), std::move(title), std::move(metric),
                      [=](const Instance& item, const Prediction& p) {
                        const auto words = std::ssize(words_of(p.output));
                        return least <= words && words <= most
                                   ? item.annotate(p.output).at(index)
                                   : std::numeric_limits<double>::quiet_NaN();
                      });
}

AggregateMetric abstention_slope(std::string name, std::string title, size_t abstain,
                                 std::vector<std::pair<std::string, double>> cells) {
  return {.name = std::move(name),
          .title = std::move(title),
          .metric = {.name = "slope",
                     .kind = MetricKind::real,
                     .unit = "log-odds",
                     .better = Better::lower,
                     .has_chance = false},
          .by_cell = false,
          .compute = [=](Items items, Predictions predictions) -> std::optional<Measured> {
            std::vector<double> x, y;
            for (size_t i = 0; i < items.size(); ++i)
              for (const auto& [cell, at] : cells)
                if (items[i].cell == cell) {
                  x.push_back(at);
                  y.push_back(uncertainty(predictions[i], Uncertainty::abstains, abstain));
                }
            const auto slope = [&](std::span<const uint32_t> units) {
              const auto n = static_cast<double>(units.size());
              double sx = 0, sy = 0, sxx = 0, sxy = 0;
              for (uint32_t u : units)
                sx += x[u], sy += y[u], sxx += x[u] * x[u], sxy += x[u] * y[u];
              const double spread = sxx - sx * sx / n;
              return spread > 0 ? (sxy - sx * sy / n) / spread : 0;
            };
            if (x.size() < 3 || std::ranges::min(x) == std::ranges::max(x)) return {};
            return Measured{bootstrap(std::ssize(x), slope, measure_bootstrap())};
          }};
}

AggregateMetric distinct_triples(std::string name) {
  return {.name = std::move(name),
          .title = "different triples of words among all",
          .metric = {.name = "distinct-3", .has_chance = false},
          .by_cell = false,
          .compute = [](Items, Predictions predictions) -> std::optional<Measured> {
            std::set<std::vector<std::string>> seen;
            int64_t all = 0;
            for (const Prediction& p : predictions) {
              const auto words = words_of(p.output);
              for (size_t i = 0; i + 3 <= words.size(); ++i, ++all)
                seen.insert({words[i], words[i + 1], words[i + 2]});
            }
            if (all == 0) return {};
            Estimate e;
            e.value = static_cast<double>(seen.size()) / static_cast<double>(all);
            e.low = -std::numeric_limits<double>::infinity(), e.high = -e.low;  // has no interval
            e.n = static_cast<int64_t>(predictions.size());
            return Measured{e};
          }};
}

AggregateMetric mean_length(std::string name) {
  return mean_measure(std::move(name), "words an answer",
                      {.name = "length",
                       .kind = MetricKind::amount,
                       .unit = "words",
                       .better = Better::neither,
                       .has_chance = false},
                      [](const Instance&, const Prediction& p) {
                        return static_cast<double>(words_of(p.output).size());
                      });
}

AggregateMetric ended(std::string name) {
  return mean_measure(std::move(name), "answers that ended by themselves", {.name = "share"},
                      [](const Instance&, const Prediction& p) { return p.format; });
}

AggregateMetric choice_accuracy(std::string name, std::string title, PromptSpec::Normalise scored,
                                PromptSpec::Normalise judged) {
  using Normalise = PromptSpec::Normalise;
  const auto length = [](const Instance& item, size_t choice) {
    return std::max(1.0, static_cast<double>(item.answers[choice].text.size()));
  };
  AggregateMetric metric = mean_measure(
      std::move(name), std::move(title), {.name = "accuracy"},
      [=](const Instance& item, const Prediction& p) {
        if (p.scores.size() != item.answers.size()) return std::numeric_limits<double>::quiet_NaN();
        Prediction judgement;
        for (size_t i = 0; i < p.scores.size(); ++i)
          judgement.scores.push_back(p.scores[i] *
                                     (scored == Normalise::bytes ? length(item, i) : 1) /
                                     (judged == Normalise::bytes ? length(item, i) : 1));
        return metrics::choice_accuracy().score(item, judgement);
      });
  const auto mean = metric.compute;
  metric.compute = [mean](Items items, Predictions predictions) {
    auto measured = mean(items, predictions);
    if (!measured) return measured;
    for (const Instance& item : items)
      measured->chance += 1 / static_cast<double>(item.answers.size() * items.size());
    return measured;
  };
  return metric;
}

AggregateMetric of_subject(std::string name, std::string subject, ItemMetric metric) {
  AggregateMetric part = mean_measure(
      std::move(name), subject, metric.info,
      [subject, score = metric.score](const Instance& item, const Prediction& p) {
        return item.subject == subject ? score(item, p) : std::numeric_limits<double>::quiet_NaN();
      });
  part.by_cell = false;
  const auto mean = part.compute;
  part.compute = [mean, subject](Items items, Predictions predictions) {
    auto measured = mean(items, predictions);
    if (!measured) return measured;
    double choices = 0;
    for (const Instance& item : items)
      if (item.subject == subject) choices += 1 / static_cast<double>(item.answers.size());
    measured->chance = choices / static_cast<double>(measured->estimate.n);
    return measured;
  };
  return part;
}

AggregateMetric choice_calibration(std::string name) {
  return {.name = std::move(name),
          .title = "expected calibration error of choices",
          .metric = {.name = "ECE", .better = Better::lower, .has_chance = false},
          .by_cell = false,
          .compute = [](Items items, Predictions predictions) -> std::optional<Measured> {
            std::vector<double> confidence, right;
            for (size_t i = 0; i < items.size(); ++i) {
              const auto& scores = predictions[i].scores;
              if (scores.empty()) continue;
              confidence.push_back(std::exp(*std::ranges::max_element(scores) - log_sum(scores)));
              right.push_back(predictions[i].chosen == items[i].correct);
            }
            if (right.empty()) return {};
            const auto error = [&](std::span<const uint32_t> units) {
              std::vector<double> c, r;
              for (uint32_t u : units) c.push_back(confidence[u]), r.push_back(right[u]);
              return calibration_error(c, r);
            };
            if (right.size() < 2) return {};
            return Measured{bootstrap(std::ssize(right), error, measure_bootstrap())};
          }};
}

}  // namespace lineage::aggregates
