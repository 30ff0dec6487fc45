#include "lineage/eval/score.h"

#include <algorithm>
#include <cassert>
#include <map>
#include <unordered_map>

namespace lineage {
namespace {

const std::string& gold(const Instance& item, bool choose) {
  if (!item.contexts.empty()) return item.contexts[static_cast<size_t>(item.correct)].text;
  return item.answers[choose ? static_cast<size_t>(item.correct) : 0].text;
}

bool accepts(const Instance& item, const std::string& answer, bool choose) {
  if (choose) return gold(item, true) == answer;
  return std::ranges::any_of(item.answers, [&](const Part& a) { return a.text == answer; });
}

template <class Key, class Items, class KeyOf>
Key most_frequent(const Items& items, const KeyOf& key_of) {
  std::map<Key, int64_t> counts;
  for (const auto& item : items) ++counts[key_of(item)];
  return std::ranges::max_element(counts, {}, [](const auto& c) { return c.second; })->first;
}

template <class F>
double share(std::span<const Instance> items, const F& holds) {
  return static_cast<double>(std::ranges::count_if(items, holds)) /
         static_cast<double>(items.size());
}

// The expected score of these answers against the answers of a random item of the same cell.
double shuffled_chance(std::span<const Instance> items, std::span<const Prediction> predictions,
                       bool choose) {
  const auto cells = cell_ids(items);
  std::vector<std::unordered_map<std::string, double>> given(items.size());
  std::vector<double> size(items.size(), 0.0);
  const auto key = [&](size_t i) {  // by place where every item has its own choices
    return choose ? std::to_string(predictions[i].chosen) : predictions[i].answer;
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
      for (const Part& a : items[i].answers) add(a.text);
    sum += right / size[cells[i]];
  }
  return sum / static_cast<double>(items.size());
}

Score score_items(const ScenarioSpec& spec, std::span<const Instance> items,
                  std::span<const Prediction> predictions, std::span<const Instance> dev) {
  Score s;
  std::vector<double> headline, graded;
  for (size_t i = 0; i < items.size(); ++i) {
    headline.push_back(spec.metric.score(items[i], predictions[i]));
    graded.push_back(predictions[i].log_prob);
    s.format += predictions[i].format / static_cast<double>(items.size());
    s.truncated += predictions[i].truncated;
  }
  s.n = static_cast<int64_t>(items.size());
  if (items.empty()) return s;
  const auto clusters = cluster_ids(items), cells = cell_ids(items);
  s.headline = proportion({headline, clusters, cells});
  s.graded = clustered_mean({graded, clusters, cells});
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
  const bool choose = spec.prompting.method == Prompting::Method::choose;
  if (choose)
    for (const Instance& item : items) {
      const size_t choices = std::max(item.answers.size(), item.contexts.size());
      c.uniform += 1 / static_cast<double>(choices) / static_cast<double>(items.size());
    }
  if (!dev.empty()) {
    const auto answer =
        most_frequent<std::string>(dev, [&](const Instance& i) { return gold(i, choose); });
    c.majority = share(items, [&](const Instance& i) { return accepts(i, answer, choose); });
    if (choose) {
      const int place = most_frequent<int>(dev, [](const Instance& i) { return i.correct; });
      c.majority =
          std::max(c.majority, share(items, [&](const Instance& i) { return i.correct == place; }));
    }
  }
  c.shuffled = shuffled_chance(items, predictions, choose);
  return c;
}

std::vector<Score> score(const ScenarioSpec& spec, std::span<const Instance> items,
                         std::span<const Prediction> predictions, std::span<const Instance> dev) {
  assert(items.size() == predictions.size());
  std::vector<Instance> kept;
  std::vector<Prediction> kept_predictions;
  for (size_t i = 0; i < items.size(); ++i)
    if (predictions[i].fits) kept.push_back(items[i]), kept_predictions.push_back(predictions[i]);
  std::vector<Score> scores = {score_items(spec, kept, kept_predictions, dev)};
  scores[0].skipped = static_cast<int64_t>(items.size() - kept.size());

  const auto cells = cell_ids(kept);
  const size_t count = cells.empty() ? 0 : *std::ranges::max_element(cells) + size_t{1};
  for (uint32_t cell = 0; count > 1 && cell < count; ++cell) {
    std::vector<Instance> in_cell, dev_in_cell;
    std::vector<Prediction> predictions_in_cell;
    for (size_t i = 0; i < kept.size(); ++i)
      if (cells[i] == cell) {
        in_cell.push_back(kept[i]);
        predictions_in_cell.push_back(kept_predictions[i]);
      }
    for (const Instance& d : dev)
      if (d.cell == in_cell[0].cell) dev_in_cell.push_back(d);
    Score s = score_items(spec, in_cell, predictions_in_cell, dev_in_cell);
    s.cell = in_cell[0].cell;
    scores.push_back(std::move(s));
  }
  return scores;
}

}  // namespace lineage
