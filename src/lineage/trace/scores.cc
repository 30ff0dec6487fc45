#include "lineage/trace/scores.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "lineage/base/parallel.h"
#include "lineage/eval/statistics.h"
#include "lineage/trace/score_estimates.h"
#include "lineage/trace/score_explanations.h"
#include "lineage/trace/score_rows.h"
#include "lineage/trace/score_samples.h"
#include "lineage/trace/seeds.h"

namespace lineage {
namespace {

// A scenario with what was answered to it.
struct Answered {
  const RecordedScenario* scenario;
  MetricRange range;
  std::map<std::string, ItemScores> items;  // by the node's key
};

// A row of the report to be filled.
struct Row {
  ReportAbility ability;
  std::string cell;
  std::map<std::string, NodeAnswers> answers;  // by the node's name
  std::set<std::string> gated;                 // nodes for which it is not measurable
};

// Two nodes to compare.
struct Pair {
  std::string child, parent;
  ContrastKind kind;
};

size_t common_prefix(const std::string& a, const std::string& b) {
  return static_cast<size_t>(std::ranges::mismatch(a, b).in1 - a.begin());
}

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
        keys[static_cast<size_t>(seed)] = g.identity.empty() ? g.weights : g.identity;
        known_.insert(keys[static_cast<size_t>(seed)]);
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
    report_.explanations = row_explanations(report_, database_);
    // `grow` evaluates, too, and stands there already, with its time.
    for (ReportRun& r : recorded_runs(database_, {known_.begin(), known_.end()}))
      if (std::ranges::find(report_.runs, r.command, &ReportRun::command) == report_.runs.end())
        report_.runs.push_back(std::move(r));
    std::ranges::stable_sort(report_.runs, {}, &ReportRun::started);
  }

 private:
  // The headline scenarios are rows (all, where an ability has none); the others stand below the
  // row whose name is most like theirs.
  void add_ability(const std::string& ability, const std::vector<const RecordedScenario*>& own) {
    std::vector<const RecordedScenario*> heads, others;
    for (const RecordedScenario* s : own) (s->headline ? heads : others).push_back(s);
    if (heads.empty()) std::swap(heads, others);
    std::map<const RecordedScenario*, std::vector<const RecordedScenario*>> below;
    for (const RecordedScenario* s : others)
      below[*std::ranges::max_element(heads, {}, [&](const RecordedScenario* head) {
        return common_prefix(head->name, s->name);
      })].push_back(s);
    std::map<std::string, int64_t> titles;
    for (const RecordedScenario* s : own) ++titles[s->title];
    // Conditions that differ in a number share a title: the end of the name tells them apart.
    const auto title_of = [&](const RecordedScenario* s) {
      const std::string last = s->name.substr(s->name.find_last_of('.') + 1);
      return titles[s->title] > 1 ? s->title + ", " + last : s->title;
    };
    for (const RecordedScenario* head : heads) {
      const std::string id = heads.size() == 1 ? ability : head->name;
      add_scenario(*head, id, "", head->title);
      for (const RecordedScenario* s : below[head]) add_scenario(*s, s->name, id, title_of(s));
    }
  }

  // The scenario as a row and its cells as rows below that, or below the row that it stands below.
  void add_scenario(const RecordedScenario& scenario, const std::string& id, const std::string& of,
                    const std::string& title) {
    Answered answered{&scenario, metric_range(scenario.kind), {}};
    std::map<std::string, std::vector<std::string>> nodes;  // by what they were asked
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
    add_row_scores(rows, answered.range);
    add_row_contrasts(rows);
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
    std::optional<double> chance;
    if (has_chance(s.metric)) {
      chance = 0;
      for (const RecordedScore& r : s.scores)
        if (r.cell == cell && !std::isnan(r.chance)) chance = std::max(*chance, r.chance);
    }
    const MetricRange& range = answered.range;
    Row row{{id, s.ability, of, s.name, name, s.metric, chance, range.low, range.high, kGraded},
            cell,
            {},
            {}};
    for (const auto& [node, keys] : keys_) row.answers[node] = answers_of(answered, cell, keys);
    return row;
  }

  void add_row_scores(std::vector<Row>& rows, const MetricRange& range) {
    const size_t nodes = report_.nodes.size();
    std::vector<std::optional<ReportScore>> scores(rows.size() * nodes);
    each(scores.size(), [&](size_t i) {
      const Row& row = rows[i / nodes];
      scores[i] = combined_score(row.answers.at(report_.nodes[i % nodes].name), row.cell, range);
    });
    for (size_t i = 0; i < scores.size(); ++i) {
      if (!scores[i]) continue;
      Row& row = rows[i / nodes];
      scores[i]->node = report_.nodes[i % nodes].name, scores[i]->ability = row.ability.id;
      if (!scores[i]->headline) row.gated.insert(scores[i]->node);
      report_.scores.push_back(*std::move(scores[i]));
    }
    if (std::isfinite(range.high)) return;
    // To draw them: what there is is the range.
    const bool below = !std::isfinite(range.low);
    for (Row& row : rows) row.ability.low = row.ability.high = 0;
    for (const ReportScore& score : report_.scores)
      for (Row& row : rows)
        if (score.ability == row.ability.id && score.headline)
          for (const double end :
               {score.headline->value, score.headline->low, score.headline->high}) {
            if (!std::isfinite(end)) continue;
            row.ability.high = std::max(row.ability.high, end);
            if (below) row.ability.low = std::min(row.ability.low, end);
          }
  }

  void add_row_contrasts(const std::vector<Row>& rows) {
    std::vector<std::optional<ReportContrast>> contrasts(rows.size() * pairs_.size());
    each(contrasts.size(), [&](size_t i) {
      const Row& row = rows[i / pairs_.size()];
      const Pair& p = pairs_[i % pairs_.size()];
      if (!row.gated.contains(p.child) && !row.gated.contains(p.parent))
        contrasts[i] = paired_contrast(row.answers.at(p.child), row.answers.at(p.parent), row.cell);
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

  // Holm's adjustment over the headline rows of each pair: they are read as one list of claims.
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

  static constexpr const char* kGraded = "nats a token, log-probability of the answer";

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
