#include "lineage/run/group_scores.h"

#include <cmath>

#include "lineage/eval/distributions.h"

namespace lineage {
namespace {

// The sum of the tasks' scores, as it grows.
struct TaskSum {
  double score = 0, squared_errors = 0, chance = 0;
  int64_t items = 0;
};

bool add_task(TaskSum& sum, const Database& database, const std::string& node,
              const std::string& scenario) {
  const auto rows = database.query(
      "SELECT score, error, chance, n FROM current WHERE node_key = ?1 AND name = ?2 AND "
      "cell = '' AND n > 0",
      {node, scenario});
  if (rows.empty()) return false;
  sum.score += rows[0].number("score");
  sum.squared_errors += rows[0].number("error") * rows[0].number("error");
  sum.chance += rows[0].number("chance");
  sum.items += rows[0].integer("n");
  return true;
}

}  // namespace

std::string write_group_score(Database& database, const std::string& node,
                              const QuestionGroup& group) {
  TaskSum sum;
  for (const std::string& scenario : group.scenarios)
    if (!add_task(sum, database, node, scenario)) return "";
  const auto tasks = static_cast<double>(group.scenarios.size());
  ScenarioSpec spec;
  spec.name = group.name, spec.ability = group.ability;
  spec.title = "the mean of " + std::to_string(group.scenarios.size()) + " tasks";
  spec.metric.info = {.name = "mean of tasks"};
  Evaluation e;
  e.node = node;
  e.scenario = {"derived " + group.name, "", &spec, sum.items, 0};
  Score& s = e.scores.emplace_back();
  s.estimate.value = sum.score / tasks, s.estimate.error = std::sqrt(sum.squared_errors) / tasks;
  s.estimate.n = s.n = sum.items;
  const double half = normal_quantile(0.5 + kConfidence / 2) * s.estimate.error;
  s.estimate.low = s.estimate.value - half, s.estimate.high = s.estimate.value + half;
  s.estimate = within(s.estimate, spec.metric.info.kind);
  s.chance.uniform = sum.chance / tasks;
  s.format = s.log_likelihood.value = s.log_likelihood.low = s.log_likelihood.high = std::nan("");
  if (!database.has_same(e)) database.write(e);
  return e.scenario.digest;
}

}  // namespace lineage
