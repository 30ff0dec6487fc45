#include "lineage/run/group_scores.h"

#include <cmath>

namespace lineage {
namespace {

// The sum over tasks, as it grows; of errors and of the parts of the intervals below and above the
// scores the sum of squares.
struct TaskSum {
  double score = 0, chance = 0, errors = 0, below = 0, above = 0;
  int64_t items = 0;
};

bool add_task(TaskSum& sum, const Database& database, const std::string& node,
              const std::string& scenario) {
  const auto rows = database.query(
      "SELECT score, low, high, error, chance, n FROM current WHERE node_key = ?1 AND name = ?2 "
      "AND "
      "cell = '' AND n > 0",
      {node, scenario});
  if (rows.empty()) return false;
  const auto square = [](double x) { return x * x; };
  const double score = rows[0].number("score");
  sum.score += score, sum.chance += rows[0].number("chance");
  sum.errors += square(rows[0].number("error"));
  sum.below += square(score - rows[0].number("low"));
  sum.above += square(rows[0].number("high") - score);
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
  spec.metric.info = mean_of_tasks();
  Evaluation e;
  e.node = node;
  e.scenario = {"derived " + group.name, "", &spec, sum.items, 0};
  Score& s = e.scores.emplace_back();
  s.estimate = {.value = sum.score / tasks,
                .low = (sum.score - std::sqrt(sum.below)) / tasks,
                .high = (sum.score + std::sqrt(sum.above)) / tasks,
                .error = std::sqrt(sum.errors) / tasks,
                .n = sum.items};
  s.estimate = within(s.estimate, spec.metric.info.kind);
  s.n = sum.items;
  s.chance.uniform = sum.chance / tasks;
  s.format = s.log_likelihood.value = s.log_likelihood.low = s.log_likelihood.high = std::nan("");
  if (!database.has_same(e)) database.write(e);
  return e.scenario.digest;
}

}  // namespace lineage
