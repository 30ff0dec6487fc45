#include "lineage/report/score_differences.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "lineage/base/error.h"
#include "lineage/report/score_rows.h"

namespace lineage {
namespace {

struct MeasuredScenario {
  std::string name, ability, parent_row;
};

// Those of any of some nodes.
std::vector<MeasuredScenario> measured_scenarios(const Database& database,
                                                 const std::vector<std::string>& nodes) {
  std::vector<MeasuredScenario> all;
  std::set<std::string> seen;
  for (const std::string& node : nodes)
    for (const DatabaseRow& r : database.query(
             "SELECT DISTINCT c.name, c.ability, c.parent_row FROM scores s JOIN scenarios c "
             "USING(scenario) WHERE s.node = (SELECT node FROM nodes WHERE key = ?1) AND s.cell "
             "= ''",
             {node}))
      if (seen.insert(r.text("name")).second)
        all.push_back({r.text("name"), r.text("ability"), r.text("parent_row")});
  return all;
}

// The scenario of a row of its own, which has the ability's name when no other has; "" if none.
std::string headline_scenario(const std::vector<MeasuredScenario>& all, const std::string& row) {
  std::string found;
  for (const MeasuredScenario& s : all) {
    const bool below = !s.parent_row.empty() &&
                       std::ranges::find(all, s.parent_row, &MeasuredScenario::name) != all.end();
    if (s.ability != row || below) continue;
    if (!found.empty()) return "";
    found = s.name;
  }
  return found;
}

struct RowOfScenario {
  std::string scenario, cell;
};

// A row's id is that of a scenario, or that and "/CELL".
RowOfScenario scenario_of_row(const std::vector<MeasuredScenario>& all, const std::string& row) {
  for (size_t end = row.size(); end != std::string::npos && end > 0;
       end = row.find_last_of('/', end - 1)) {
    const std::string head = row.substr(0, end);
    const std::string cell = end == row.size() ? "" : row.substr(end + 1);
    if (std::ranges::find(all, head, &MeasuredScenario::name) != all.end()) return {head, cell};
    if (const std::string name = headline_scenario(all, head); !name.empty()) return {name, cell};
  }
  return {};
}

struct AskedScenario {
  std::string digest;
  MetricInfo metric;
};

// The measurement that the report shows; none: not measured.
std::optional<AskedScenario> asked(const Database& database, const std::string& node,
                                   const std::string& scenario) {
  const auto rows = database.query(
      "SELECT digest, kind, better, target FROM current WHERE node_key = ?1 AND name = ?2 AND "
      "cell = ''",
      {node, scenario});
  if (rows.empty()) return {};
  const DatabaseRow& r = rows[0];
  AskedScenario found;
  found.digest = r.text("digest");
  found.metric.kind = metric_kind(r.text("kind")).value_or(MetricKind::real);
  found.metric.better = better(r.text("better")).value_or(Better::neither);
  found.metric.target = r.number("target");
  return found;
}

ComparedAnswer compared(const RecordedAnswer& a, const MetricInfo& metric) {
  ComparedAnswer answer{a.output, a.score, {}};
  if (metric.kind == MetricKind::share && metric.better == Better::higher)
    answer.right = a.score >= 1;
  return answer;
}

}  // namespace

ScoreDifferences score_differences(const Database& database, const std::vector<std::string>& tree,
                                   const std::string& row, const std::string& node,
                                   const std::string& from) {
  const RowOfScenario of = scenario_of_row(measured_scenarios(database, tree), row);
  require(!of.scenario.empty(), database.path().string(), ": no row ", row,
          " was measured of this tree; wanted the id of one of the report's");
  const auto child = asked(database, node, of.scenario),
             parent = asked(database, from, of.scenario);
  require(child && parent, database.path().string(), ": ", of.scenario,
          " was not put to both nodes; wanted two that were asked it");
  require(child->digest == parent->digest, database.path().string(), ": ", of.scenario,
          " was put to the two nodes in different ways, so that no answer can be compared");
  ScoreDifferences result;
  result.scenario = of.scenario, result.cell = of.cell;
  const auto answers = recorded_answers(database, child->digest, {node, from});
  std::map<std::string, const RecordedAnswer*> of_parent;
  for (const RecordedAnswer& a : answers)
    if (a.node == from) of_parent[a.item] = &a;
  for (const RecordedAnswer& a : answers) {
    const auto other = of_parent.find(a.item);
    if (a.node != node || other == of_parent.end()) continue;
    if (!of.cell.empty() && a.cell != of.cell) continue;
    const double gain = improvement(child->metric, other->second->score, a.score);
    ++(std::isnan(gain) ? result.unscored
       : gain > 0       ? result.gained
       : gain < 0       ? result.lost
                        : result.same);
    if (gain > 0 || gain < 0)
      result.items.push_back({a.item, a.prompt, a.wanted, compared(*other->second, child->metric),
                              compared(a, child->metric), gain});
  }
  std::ranges::stable_sort(result.items, std::greater(),
                           [](const ItemDifference& d) { return std::abs(d.gain); });
  return result;
}

}  // namespace lineage
