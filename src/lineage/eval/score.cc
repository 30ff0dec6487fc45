#include "lineage/eval/score.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <map>
#include <set>
#include <unordered_map>

#include "lineage/eval/answer.h"

namespace lineage {
namespace {

const std::string& gold(const Instance& item, bool choose) {
  if (!item.contexts.empty()) return item.contexts[item.correct].text;
  return item.answers[choose ? static_cast<size_t>(item.correct) : 0].text;
}

bool accepts(const Instance& item, const std::string& answer, bool choose,
             PromptSpec::Match match) {
  if (choose) return gold(item, true) == answer;
  const std::string form = canonical_answer(answer, match);
  return std::ranges::any_of(
      item.answers, [&](const Part& a) { return canonical_answer(a.text, match) == form; });
}

template <class Key, class Items, class KeyOf>
Key most_frequent(const Items& items, const KeyOf& key_of) {
  std::map<Key, int64_t> counts;
  for (const auto& item : items) ++counts[key_of(item)];
  return std::ranges::max_element(counts, {}, [](const auto& c) { return c.second; })->first;
}

// The distinct answers among aliases.
std::set<std::string> forms_of(const std::vector<Part>& answers, PromptSpec::Match match) {
  std::set<std::string> forms;
  for (const Part& a : answers) forms.insert(canonical_answer(a.text, match));
  return forms;
}

template <class F>
double share(std::span<const Instance> items, const F& holds) {
  return static_cast<double>(std::ranges::count_if(items, holds)) /
         static_cast<double>(items.size());
}

// The expected score of these answers against the answers of a random item of the same cell.
double shuffled_chance(std::span<const Instance> items, std::span<const Prediction> predictions,
                       bool choose, PromptSpec::Match match) {
  const auto cells = cell_ids(items);
  std::vector<std::unordered_map<std::string, double>> given(items.size());
  std::vector<double> size(items.size(), 0.0);
  const auto key = [&](size_t i) {  // by place where every item has its own choices
    return choose ? std::to_string(predictions[i].chosen)
                  : canonical_answer(predictions[i].answer, match);
  };
  for (size_t i = 0; i < items.size(); ++i) given[cells[i]][key(i)] += 1, size[cells[i]] += 1;
  double sum = 0;
  for (size_t i = 0; i < items.size(); ++i) {
    const auto& in_cell = given[cells[i]];
    double right = 0;
    const auto add = [&](const std::string& answer) {
      if (const auto found = in_cell.find(answer); found != in_cell.end()) right += found->second;
    };
    if (choose)
      add(std::to_string(items[i].correct));
    else
      for (const std::string& a : forms_of(items[i].answers, match)) add(a);
    sum += right / size[cells[i]];
  }
  return sum / static_cast<double>(items.size());
}

Score score_items(const ScenarioSpec& spec, std::span<const Instance> items,
                  std::span<const Prediction> predictions, std::span<const Instance> dev) {
  Score s;
  std::vector<double> values, log_likelihoods;
  for (size_t i = 0; i < items.size(); ++i) {
    values.push_back(spec.metric.score(items[i], predictions[i]));
    log_likelihoods.push_back(predictions[i].log_prob);
    s.format += predictions[i].format / static_cast<double>(items.size());
    s.truncated += predictions[i].truncated;
  }
  s.n = static_cast<int64_t>(items.size());
  if (items.empty()) return s;
  const auto clusters = cluster_ids(items), cells = cell_ids(items);
  s.estimate = mean_estimate({values, clusters, cells}, spec.metric.info.kind);
  s.log_likelihood = clustered_mean({log_likelihoods, clusters, cells});
  s.chance = measure_chance(spec, items, predictions, dev);
  return s;
}

template <class Name>
std::vector<uint32_t> numbered(std::span<const Instance> items, const Name& name) {
  std::unordered_map<std::string_view, uint32_t> ids;
  std::vector<uint32_t> result;
  uint32_t next = 0;
  for (const Instance& item : items) {
    const std::string& s = name(item);
    if (s.empty() && &s == &item.cluster)
      result.push_back(next++);
    else if (const auto [at, fresh] = ids.emplace(s, next); fresh)
      result.push_back(next++);
    else
      result.push_back(at->second);
  }
  return result;
}

}  // namespace

std::vector<uint32_t> cluster_ids(std::span<const Instance> items) {
  return numbered(items, [](const Instance& i) -> const std::string& { return i.cluster; });
}

std::vector<uint32_t> cell_ids(std::span<const Instance> items) {
  return numbered(items, [](const Instance& i) -> const std::string& { return i.cell; });
}

Chance measure_chance(const ScenarioSpec& spec, std::span<const Instance> items,
                      std::span<const Prediction> predictions, std::span<const Instance> dev) {
  Chance c;
  if (items.empty()) return c;
  const bool choose = spec.prompt.method == PromptSpec::Method::choose;
  const PromptSpec::Match match = spec.prompt.match;
  for (const Instance& item : items) {
    const auto choices = static_cast<double>(std::max(item.answers.size(), item.contexts.size()));
    const double uniform = choose ? 1 / choices : 0;
    c.uniform += std::max(uniform, item.baseline) / static_cast<double>(items.size());
  }
  // A probability of several right choices is no guess at one place.
  const bool one_is_right = items[0].right.empty();
  if (!dev.empty() && one_is_right) {
    const auto answer =
        most_frequent<std::string>(dev, [&](const Instance& i) { return gold(i, choose); });
    c.majority = share(items, [&](const Instance& i) { return accepts(i, answer, choose, match); });
    if (choose) {
      const int place = most_frequent<int>(dev, [](const Instance& i) { return i.correct; });
      c.majority =
          std::max(c.majority, share(items, [&](const Instance& i) { return i.correct == place; }));
    }
  }
  c.shuffled = shuffled_chance(items, predictions, choose, match);
  return c;
}

namespace {

struct Kept {
  std::vector<Instance> items;
  std::vector<Prediction> predictions;
};

Kept those_that_fit(std::span<const Instance> items, std::span<const Prediction> predictions) {
  assert(items.size() == predictions.size());
  Kept kept;
  for (size_t i = 0; i < items.size(); ++i)
    if (predictions[i].fits)
      kept.items.push_back(items[i]), kept.predictions.push_back(predictions[i]);
  return kept;
}

// Calls f(items, predictions) for each cell where there are several.
template <class F>
void each_cell(const Kept& kept, const F& f) {
  const auto cells = cell_ids(kept.items);
  const size_t count = cells.empty() ? 0 : *std::ranges::max_element(cells) + size_t{1};
  for (uint32_t cell = 0; count > 1 && cell < count; ++cell) {
    Kept in_cell;
    for (size_t i = 0; i < kept.items.size(); ++i)
      if (cells[i] == cell) {
        in_cell.items.push_back(kept.items[i]);
        in_cell.predictions.push_back(kept.predictions[i]);
      }
    f(in_cell);
  }
}

}  // namespace

std::vector<Score> score(const ScenarioSpec& spec, std::span<const Instance> items,
                         std::span<const Prediction> predictions, std::span<const Instance> dev) {
  const Kept kept = those_that_fit(items, predictions);
  std::vector<Score> scores = {score_items(spec, kept.items, kept.predictions, dev)};
  scores[0].skipped = static_cast<int64_t>(items.size() - kept.items.size());
  each_cell(kept, [&](const Kept& in_cell) {
    std::vector<Instance> dev_in_cell;
    for (const Instance& d : dev)
      if (d.cell == in_cell.items[0].cell) dev_in_cell.push_back(d);
    Score s = score_items(spec, in_cell.items, in_cell.predictions, dev_in_cell);
    s.cell = in_cell.items[0].cell;
    scores.push_back(std::move(s));
  });
  return scores;
}

std::vector<Score> score(const AggregateMetric& metric, std::span<const Instance> items,
                         std::span<const Prediction> predictions) {
  const Kept kept = those_that_fit(items, predictions);
  std::vector<Score> scores;
  const auto add = [&](const Kept& of, const std::string& cell) {
    if (of.items.empty()) return;
    const auto measured = metric.compute(of.items, of.predictions);
    if (!measured) return;
    Score& s = scores.emplace_back();
    s.cell = cell;
    s.estimate = measured->estimate, s.log_likelihood = measured->log_likelihood;
    if (s.log_likelihood.n == 0)
      s.log_likelihood.value = s.log_likelihood.low = s.log_likelihood.high = std::nan("");
    s.chance.uniform = measured->chance;
    s.format = std::nan("");
    s.n = measured->estimate.n;
  };
  add(kept, "");
  if (metric.by_cell && !scores.empty())
    each_cell(kept, [&](const Kept& in_cell) { add(in_cell, in_cell.items[0].cell); });
  return scores;
}

}  // namespace lineage
