#include "lineage/report/scores.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "lineage/base/parallel.h"
#include "lineage/eval/statistics.h"
#include "lineage/report/edges.h"
#include "lineage/report/score_estimates.h"
#include "lineage/report/score_explanations.h"
#include "lineage/report/score_rows.h"
#include "lineage/report/score_samples.h"
#include "lineage/report/seeds.h"

namespace lineage {
namespace {

// A scenario with its answers.
struct Answered {
  const RecordedScenario* scenario;
  std::map<std::string, ItemScores> items;  // by the node's key
};

// A row of the report to be filled.
struct Row {
  ReportAbility ability;
  std::string cell;
  std::map<std::string, NodeAnswers> answers;  // by the node's name
  std::set<std::string> not_measurable;        // nodes
};

// Two nodes to compare.
struct Pair {
  std::string child, parent;
  ContrastKind kind;
};

// f(i) for i below n, on all threads.
template <class F>
void each(size_t n, const F& f) {
  parallel_blocks(
      static_cast<int64_t>(n), 1,
      [&](int64_t, int64_t begin, int64_t) { f(static_cast<size_t>(begin)); }, true);
}

// One report's scores, filled ability by ability.
class Scores {
 public:
  Scores(Report& report, const Database& database) : report_(report), database_(database) {
    for (const ReportNode& n : report.nodes) {
      auto& keys = keys_[n.name];
      keys.resize(report.seeds.size());
      for (const GrownModel& g : n.grown) {
        const auto seed = std::ranges::find(report.seeds, g.seed) - report.seeds.begin();
        keys[seed] = g.identity.empty() ? g.weights : g.identity;
        known_.insert(keys[seed]);
      }
      if (!keys.empty() && !keys[0].empty()) first_seed_[keys[0]] = n.name;
    }
    for (const ReportNode& n : report.nodes) {
      if (!n.parents.empty() && keys_.contains(n.parents[0]))
        pairs_.push_back({n.name, n.parents[0], ContrastKind::parent});
      if (keys_.contains(n.control_of))
        pairs_.push_back({n.control_of, n.name, ContrastKind::control});
    }
  }

  void add() {
    auto scenarios = recorded_scenarios(database_);
    for (RecordedScenario& s : scenarios)
      std::erase_if(s.scores, [&](const RecordedScore& r) { return !known_.contains(r.node); });
    std::erase_if(scenarios, [](const RecordedScenario& s) { return s.scores.empty(); });
    std::map<std::string, std::vector<const RecordedScenario*>> abilities;
    for (const RecordedScenario& s : scenarios) abilities[s.ability].push_back(&s);
    for (const auto& [ability, own] : abilities) add_ability(ability, own);
    adjust();
    report_.edges = edges_of(report_);
    report_.explanations = row_explanations(report_, database_);
    // A run of `grow`, which evaluates too, is there already, with its time.
    for (ReportRun& r : recorded_runs(database_, {known_.begin(), known_.end()}))
      if (std::ranges::find(report_.runs, r.command, &ReportRun::command) == report_.runs.end())
        report_.runs.push_back(std::move(r));
    std::ranges::stable_sort(report_.runs, {}, &ReportRun::started);
  }

 private:
  // A scenario whose parent row was not measured is a row of its own.
  void add_ability(const std::string& ability, const std::vector<const RecordedScenario*>& own) {
    std::vector<const RecordedScenario*> heads;
    std::map<std::string, std::vector<const RecordedScenario*>> below;  // by the parent row's name
    const auto measured = [&](const std::string& name) {
      return std::ranges::find(own, name, &RecordedScenario::name) != own.end();
    };
    std::map<std::string, int64_t> titles;
    for (const RecordedScenario* s : own) {
      ++titles[s->title];
      if (!s->parent_row.empty() && measured(s->parent_row))
        below[s->parent_row].push_back(s);
      else
        heads.push_back(s);
    }
    // Conditions that differ in a number share a title: the end of the name distinguishes them.
    const auto title_of = [&](const RecordedScenario* s) {
      const std::string last = s->name.substr(s->name.find_last_of('.') + 1);
      return titles[s->title] > 1 ? s->title + ", " + last : s->title;
    };
    for (const RecordedScenario* head : heads) {
      const std::string id = heads.size() == 1 ? ability : head->name;
      add_scenario(*head, id, "", head->title);
      for (const RecordedScenario* s : below[head->name])
        add_scenario(*s, s->name, id, title_of(s));
    }
  }

  // The scenario as a row, and its cells as finer rows of that or of its parent row.
  void add_scenario(const RecordedScenario& scenario, const std::string& id, const std::string& of,
                    const std::string& title) {
    Answered answered{&scenario, {}};
    std::map<std::string, std::vector<std::string>> nodes;  // by the scenario's digest
    std::set<std::string, decltype(&natural_less)> cells(&natural_less);
    for (const RecordedScore& s : scenario.scores) {
      if (s.cell.empty())
        nodes[s.digest].push_back(s.node);
      else
        cells.insert(s.cell);
    }
    for (const auto& [digest, asked] : nodes)
      answered.items.merge(recorded_items(database_, digest, asked));
    std::vector<Row> rows = {row_of(answered, id, of, "", title)};
    for (const std::string& cell : cells) {
      std::string words = cell;
      std::ranges::replace(words, '_', ' ');
      rows.push_back(row_of(answered, id + "/" + cell, of.empty() ? id : of, cell,
                            of.empty() ? words : title + " · " + words));
    }
    add_row_scores(rows, scenario.metric);
    add_row_contrasts(rows, scenario.metric);
    for (Row& row : rows) report_.abilities.push_back(std::move(row.ability));
    if (!of.empty()) return;
    const auto& [digest, asked] =
        *std::ranges::max_element(nodes, {}, [](const auto& d) { return d.second.size(); });
    for (ReportSample& s : telling_samples(
             id, recorded_answers(database_, digest, first_seeds_of(asked)), first_seed_))
      report_.samples.push_back(std::move(s));
  }

  std::vector<std::string> first_seeds_of(std::vector<std::string> keys) const {
    std::erase_if(keys, [&](const std::string& key) { return !first_seed_.contains(key); });
    return keys;
  }

  Row row_of(const Answered& answered, const std::string& id, const std::string& of,
             const std::string& cell, const std::string& name) const {
    const RecordedScenario& s = *answered.scenario;
    const MetricRange range = s.metric.range();
    Row row;
    row.cell = cell;
    ReportAbility& a = row.ability;
    a.id = id, a.ability = s.ability, a.of = of, a.scenario = s.name, a.name = name;
    a.label = of.empty() ? s.ability + " " + name : name;
    a.metric = s.metric.name, a.unit = s.metric.unit, a.better = s.metric.better;
    if (s.metric.better == Better::nearest) a.target = s.metric.target;
    if (s.metric.has_chance) {
      a.chance = 0;
      for (const RecordedScore& r : s.scores)
        if (r.cell == cell && !std::isnan(r.chance)) a.chance = std::max(*a.chance, r.chance);
    }
    a.low = range.low, a.high = range.high, a.log_likelihood = kLogLikelihood;
    for (const auto& [node, keys] : keys_) row.answers[node] = answers_of(answered, cell, keys);
    return row;
  }

  void add_row_scores(std::vector<Row>& rows, const MetricInfo& metric) {
    const size_t nodes = report_.nodes.size();
    std::vector<std::optional<ReportScore>> scores(rows.size() * nodes);
    each(scores.size(), [&](size_t i) {
      const Row& row = rows[i / nodes];
      scores[i] = combined_score(row.answers.at(report_.nodes[i % nodes].name), row.cell, metric);
    });
    for (size_t i = 0; i < scores.size(); ++i) {
      if (!scores[i]) continue;
      Row& row = rows[i / nodes];
      scores[i]->node = report_.nodes[i % nodes].name, scores[i]->ability = row.ability.id;
      if (!scores[i]->score) row.not_measurable.insert(scores[i]->node);
      if (scores[i]->score) {
        scores[i]->at_chance = at_chance(row.ability, *scores[i]->score);
        scores[i]->skill = skill_of(row.ability, metric, scores[i]->score->value);
      }
      report_.scores.push_back(*std::move(scores[i]));
    }
    if (!std::isfinite(metric.range().high)) fit_axes(rows);
  }

  // Where the metric has no end, the axis ends with the values.
  void fit_axes(std::vector<Row>& rows) const {
    for (Row& row : rows) {
      ReportAbility& a = row.ability;
      const bool open_below = !std::isfinite(a.low);
      a.high = 0;
      if (open_below) a.low = 0;
      for (const ReportScore& score : report_.scores) {
        if (score.ability != a.id || !score.score) continue;
        for (const double end : {score.score->value, score.score->low, score.score->high}) {
          if (!std::isfinite(end)) continue;
          a.high = std::max(a.high, end);
          if (open_below) a.low = std::min(a.low, end);
        }
      }
    }
  }

  void add_row_contrasts(const std::vector<Row>& rows, const MetricInfo& metric) {
    std::vector<std::optional<ReportContrast>> contrasts(rows.size() * pairs_.size());
    each(contrasts.size(), [&](size_t i) {
      const Row& row = rows[i / pairs_.size()];
      const Pair& p = pairs_[i % pairs_.size()];
      if (!row.not_measurable.contains(p.child) && !row.not_measurable.contains(p.parent))
        contrasts[i] =
            paired_contrast(row.answers.at(p.child), row.answers.at(p.parent), row.cell, metric);
    });
    for (size_t i = 0; i < contrasts.size(); ++i) {
      if (!contrasts[i]) continue;
      const Pair& p = pairs_[i % pairs_.size()];
      ReportContrast& c = report_.contrasts.emplace_back(*std::move(contrasts[i]));
      c.node = p.child, c.parent = p.parent, c.kind = p.kind;
      c.ability = rows[i / pairs_.size()].ability.id;
    }
  }

  static NodeAnswers answers_of(const Answered& answered, const std::string& cell,
                                const std::vector<std::string>& keys) {
    NodeAnswers of;
    for (const std::string& key : keys) {
      const auto row = std::ranges::find_if(answered.scenario->scores, [&](const auto& r) {
        return !key.empty() && r.node == key && r.cell == cell;
      });
      of.rows.push_back(row == answered.scenario->scores.end() ? nullptr : &*row);
      const auto items = answered.items.find(key);
      of.items.push_back(items == answered.items.end() ? nullptr : &items->second);
    }
    return of;
  }

  // Holm's adjustment over the rows of their own of each pair, which are read as one list of
  // claims.
  void adjust() {
    std::set<std::string> heads;
    for (const ReportAbility& a : report_.abilities)
      if (a.of.empty()) heads.insert(a.id);
    std::map<std::tuple<std::string, std::string, ContrastKind>, std::vector<ReportContrast*>> of;
    for (ReportContrast& c : report_.contrasts)
      if (heads.contains(c.ability)) of[{c.node, c.parent, c.kind}].push_back(&c);
    for (const auto& [pair, contrasts] : of) {
      std::vector<double> p;
      for (const ReportContrast* c : contrasts) p.push_back(c->p);
      const auto adjusted = holm(p);
      for (size_t i = 0; i < p.size(); ++i) contrasts[i]->holm = adjusted[i];
    }
  }

  static constexpr const char* kLogLikelihood = "nats a token, log-probability of the answer";

  Report& report_;
  const Database& database_;
  std::map<std::string, std::vector<std::string>> keys_;  // of a node by seed; "": not grown
  std::map<std::string, std::string> first_seed_;         // key -> node
  std::set<std::string> known_;
  std::vector<Pair> pairs_;
};

}  // namespace

void add_scores(Report& report, const std::filesystem::path& path) {
  const Database database(path, Database::Access::read);
  Scores(report, database).add();
}

}  // namespace lineage
