#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "lineage/eval/database.h"

namespace lineage {

// The answers of one node to a scenario, those that reports show.
struct ScenarioAnswers {
  struct Item {
    std::string cell, cluster;
    double score = 0, log_likelihood = 0;
    std::vector<double> choices;  // the scores of all choices, where the scenario keeps them
  };
  std::map<std::string, Item> items;  // by id; skipped ones are not there
  double chance = 0, format = 0;
};

// One node's answers and training, for scores that follow from several scenarios, from a comparison
// with the node's first parent, or from the log of its training.
class NodeAnswers {
 public:
  // `parent`: the key of the node that it is compared with; empty: none.
  NodeAnswers(const Database&, std::string node, std::string parent, std::string folder);
  // Null where the scenario was not measured.
  const ScenarioAnswers* own(const std::string& scenario) const;
  const ScenarioAnswers* parents(const std::string& scenario) const;
  bool has_parent() const { return !parent_.empty(); }
  // The training loss of each step, in order; empty where the node's folder has no log.
  std::vector<double> training_losses() const;

 private:
  const ScenarioAnswers* answers(const std::string& node, const std::string& scenario) const;

  const Database& database_;
  std::string node_, parent_, folder_;
  mutable std::map<std::pair<std::string, std::string>, ScenarioAnswers> loaded_;
};

// A score that follows from others.
struct DerivedScore {
  std::string name, title;
  MetricInfo metric;
  std::string parent_row = {};  // as in ScenarioSpec
  Explanation about = {};
  std::string items = {};  // the scenario from which an example is taken; empty: none by itself
  struct Value {
    Measured measured;
    std::string not_measurable = {};  // the reason; empty: it is measurable
  };
  // None where its parts are missing.
  std::function<std::optional<Value>(const NodeAnswers&)> compute = nullptr;
};

MetricInfo difference_metric();

// The mean over the items, each cell weighing the same; with `less`, of the differences from
// others' answers to the same items. None for fewer than two items.
std::optional<Measured> mean_score(const ScenarioAnswers&, const ScenarioAnswers* less = nullptr);
// The mean of independent numbers of one kind, each weighing the same.
Measured mean_score(std::span<const Measured> parts);

// Writes the derived scores of the suite of every node whose parts are in the database. It depends
// on the other scores alone, so a repetition changes nothing.
void derive_scores(Database&);

}  // namespace lineage
