#include "lineage/abilities/derived.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "lineage/abilities/suite.h"
#include "lineage/abilities/training_log.h"
#include "lineage/eval/distributions.h"
#include "lineage/eval/packed_scores.h"
#include "lineage/eval/score.h"

namespace lineage {
namespace {

std::vector<uint32_t> ids(const std::vector<std::string>& names, bool empty_is_alone) {
  std::map<std::string, uint32_t> seen;
  std::vector<uint32_t> result;
  uint32_t next = 0;
  for (const std::string& name : names) {
    if (empty_is_alone && name.empty()) {
      result.push_back(next++);
      continue;
    }
    const auto [at, fresh] = seen.try_emplace(name, next);
    next += fresh;
    result.push_back(at->second);
  }
  return result;
}

Estimate mean_of(std::span<const Measured> parts, Estimate Measured::*number) {
  Estimate e;
  const auto n = static_cast<double>(parts.size());
  double squares = 0;
  for (const Measured& p : parts) {
    e.value += (p.*number).value / n;
    squares += (p.*number).error * (p.*number).error / (n * n);
    e.n += (p.*number).n;
  }
  e.error = std::sqrt(squares);
  const double half = normal_quantile(0.5 + kConfidence / 2) * e.error;
  e.low = e.value - half, e.high = e.value + half;
  return e;
}

// The node with the first parent's weights: that of the same seed, else any.
std::string parent_of(const DatabaseRow& node, const std::vector<DatabaseRow>& nodes) {
  const auto parents = nlohmann::json::parse(node.text("parents"), nullptr, false);
  if (!parents.is_array() || parents.empty() || !parents[0].is_string()) return {};
  std::string found;
  for (const DatabaseRow& n : nodes)
    if (n.text("weights") == parents[0].get<std::string>() &&
        (found.empty() || n.integer("seed") == node.integer("seed")))
      found = n.text("key");
  return found;
}

void write(Database& database, const std::string& node, const std::string& ability,
           const DerivedScore& score, const DerivedScore::Value& value) {
  ScenarioSpec spec;
  spec.name = score.name, spec.ability = ability, spec.title = score.title;
  spec.parent_row = score.parent_row, spec.metric.info = score.metric;
  Evaluation e;
  e.node = node;
  e.not_measurable = value.not_measurable;
  const Measured& m = value.measured;
  e.scenario = {"derived " + score.name, "", &spec, m.estimate.n, 0};
  Score& s = e.scores.emplace_back();
  s.estimate = within(m.estimate, score.metric.kind), s.log_likelihood = m.log_likelihood;
  if (s.log_likelihood.n == 0)
    s.log_likelihood.value = s.log_likelihood.low = s.log_likelihood.high = std::nan("");
  s.chance.uniform = m.chance;
  s.format = std::nan("");
  s.n = m.estimate.n;
  // An unchanged score stays with the run that wrote it.
  if (!database.has_same(e)) database.write(e);
}

}  // namespace

NodeAnswers::NodeAnswers(const Database& database, std::string node, std::string parent,
                         std::string folder)
    : database_(database),
      node_(std::move(node)),
      parent_(std::move(parent)),
      folder_(std::move(folder)) {}

const ScenarioAnswers* NodeAnswers::own(const std::string& scenario) const {
  return answers(node_, scenario);
}

const ScenarioAnswers* NodeAnswers::parents(const std::string& scenario) const {
  return parent_.empty() ? nullptr : answers(parent_, scenario);
}

std::vector<double> NodeAnswers::training_losses() const {
  return lineage::training_losses(std::filesystem::path(folder_) / "metrics.jsonl");
}

const ScenarioAnswers* NodeAnswers::answers(const std::string& node,
                                            const std::string& scenario) const {
  const auto [at, fresh] = loaded_.try_emplace({node, scenario});
  ScenarioAnswers& a = at->second;
  if (fresh) {
    for (const DatabaseRow& r : database_.query(
             "WITH c AS MATERIALIZED (SELECT node, scenario, chance, format FROM current WHERE "
             "node_key = ?1 AND name = ?2 AND cell = '') "
             "SELECT i.item, i.cell, i.cluster, p.score, p.log_likelihood, p.choices, c.chance, "
             "c.format FROM c CROSS JOIN predictions p USING(node, scenario) CROSS JOIN items i "
             "USING(scenario, position) WHERE p.skipped = 0",
             {node, scenario})) {
      a.chance = r.number("chance"), a.format = r.number("format");
      a.items[r.text("item")] = {r.text("cell"), r.text("cluster"), r.number("score"),
                                 r.number("log_likelihood"), unpack_scores(r.text("choices"))};
    }
  }
  return a.items.empty() ? nullptr : &a;
}

MetricInfo difference_metric() { return {.name = "difference", .kind = MetricKind::difference}; }

std::optional<Measured> mean_score(const ScenarioAnswers& answers, const ScenarioAnswers* less) {
  std::vector<double> scores, log_likelihoods;
  std::vector<std::string> cells, clusters;
  for (const auto& [id, item] : answers.items) {
    const ScenarioAnswers::Item* other = nullptr;
    if (less) {
      const auto at = less->items.find(id);
      if (at == less->items.end()) continue;
      other = &at->second;
    }
    scores.push_back(item.score - (other ? other->score : 0));
    log_likelihoods.push_back(item.log_likelihood - (other ? other->log_likelihood : 0));
    cells.push_back(item.cell), clusters.push_back(item.cluster);
  }
  if (scores.size() < 2) return {};
  const auto cluster = ids(clusters, true), cell = ids(cells, false);
  return Measured{clustered_mean({scores, cluster, cell}),
                  clustered_mean({log_likelihoods, cluster, cell}), less ? 0 : answers.chance};
}

Measured mean_score(std::span<const Measured> parts) {
  Measured all{mean_of(parts, &Measured::estimate), mean_of(parts, &Measured::log_likelihood)};
  for (const Measured& p : parts) all.chance += p.chance / static_cast<double>(parts.size());
  return all;
}

void derive_scores(Database& database) {
  const auto nodes =
      database.query("SELECT key, parents, weights, seed, folder FROM nodes ORDER BY node");
  for (const DatabaseRow& n : nodes) {
    const NodeAnswers answers(database, n.text("key"), parent_of(n, nodes), n.text("folder"));
    for (const AbilityDefinition& ability : abilities())
      for (const DerivedScore& score : ability.derived)
        if (const auto value = score.compute(answers))
          write(database, n.text("key"), ability.id, score, *value);
  }
}

}  // namespace lineage
