#include "lineage/trace/scores.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "lineage/eval/statistics.h"
#include "lineage/trace/score_rows.h"
#include "lineage/trace/seeds.h"

namespace lineage {
namespace {

constexpr size_t kSamplesAnAbility = 3;

using Rows = std::vector<const RecordedScore*>;  // of a node by seed; null: not asked

// A scenario with what was answered to it.
struct Answered {
  const RecordedScenario* scenario;
  std::map<std::string, ItemScores> items;  // by the node's key
};

size_t common_prefix(const std::string& a, const std::string& b) {
  return static_cast<size_t>(std::ranges::mismatch(a, b).in1 - a.begin());
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
    Answered answered{&scenario, {}};
    std::map<std::string, int64_t> digests;
    std::set<std::string, decltype(&natural_less)> cells(&natural_less);
    for (const RecordedScore& s : scenario.scores) {
      if (s.cell.empty())
        ++digests[s.digest];
      else
        cells.insert(s.cell);
    }
    for (const auto& [digest, nodes] : digests)
      for (auto& [key, items] : recorded_items(database_, digest))
        if (std::ranges::any_of(scenario.scores, [&, &node = key](const RecordedScore& s) {
              return s.node == node && s.digest == digest;
            }))
          answered.items[key] = std::move(items);
    add_row(answered, id, of, "", title);
    for (const std::string& cell : cells) {
      std::string words = cell;
      std::ranges::replace(words, '_', ' ');
      add_row(answered, id + "/" + cell, of.empty() ? id : of, cell,
              of.empty() ? words : title + " · " + words);
    }
    if (of.empty())
      add_samples(id,
                  std::ranges::max_element(digests, {}, [](auto& d) { return d.second; })->first);
  }

  void add_row(const Answered& answered, const std::string& id, const std::string& of,
               const std::string& cell, const std::string& name) {
    const RecordedScenario& s = *answered.scenario;
    ReportAbility row{
        id,       s.ability, of, s.name, name,
        s.metric, 0.0,       0,  1,      "nats a token, log-probability of the answer"};
    for (const RecordedScore& r : s.scores)
      if (r.cell == cell && !std::isnan(r.chance)) row.chance = std::max(*row.chance, r.chance);
    report_.abilities.push_back(row);
    for (const ReportNode& node : report_.nodes) add_score(answered, id, cell, node);
    for (const ReportNode& node : report_.nodes) {
      if (!node.parents.empty())
        add_contrast(answered, row, cell, node.name, node.parents[0], ContrastKind::parent);
      if (!node.control_of.empty())
        add_contrast(answered, row, cell, node.control_of, node.name, ContrastKind::control);
    }
  }

  Rows rows_of(const RecordedScenario& s, const std::string& cell, const std::string& node) const {
    Rows rows;
    for (const std::string& key : keys_.at(node)) {
      const auto found = std::ranges::find_if(s.scores, [&](const RecordedScore& r) {
        return !key.empty() && r.node == key && r.cell == cell;
      });
      rows.push_back(found == s.scores.end() ? nullptr : &*found);
    }
    return rows;
  }

  // What each of the seeds answered; null where it was not asked.
  std::vector<const ItemScores*> items_of(const Answered& answered, const std::string& node) const {
    std::vector<const ItemScores*> result;
    for (const std::string& key : keys_.at(node)) {
      const auto found = answered.items.find(key);
      result.push_back(found == answered.items.end() ? nullptr : &found->second);
    }
    return result;
  }

  void add_score(const Answered& answered, const std::string& id, const std::string& cell,
                 const ReportNode& node) {
    const Rows rows = rows_of(*answered.scenario, cell, node.name);
    Rows asked;
    ReportScore score;
    score.node = node.name, score.ability = id;
    std::vector<double> values, graded;
    int64_t closed = 0;
    for (const RecordedScore* r : rows) {
      const bool some = r && r->n > 0;
      score.per_seed.push_back(some ? std::optional(r->headline.value) : std::nullopt);
      if (!r) continue;
      closed += !r->gate.empty();
      if (score.gate.empty()) score.gate = r->gate;
      asked.push_back(r);
      if (some) values.push_back(r->headline.value), graded.push_back(r->graded.value);
    }
    if (asked.empty()) return;
    // Cells have no gate of their own.
    const bool measurable = 2 * closed < std::ssize(asked) && !values.empty();
    if (closed > 0 && asked.size() > 1)
      score.gate += fmt::format(" (in {} of {} seeds)", closed, asked.size());
    if (values.empty() && score.gate.empty()) score.gate = "no item fits the model's context";
    score.n = asked[0]->n;
    score.prompting = asked[0]->prompting;
    if (!std::isnan(asked[0]->format)) score.format = asked[0]->format;
    if (values.size() == 1) {
      const RecordedScore& r = **std::ranges::find_if(asked, [](auto* a) { return a->n > 0; });
      score.headline = score.items = r.headline;
      score.graded = r.graded;
    } else if (values.size() > 1) {
      combine(score, cell, values, graded, items_of(answered, node.name));
    }
    // Student's t knows nothing of the metric's ends.
    if (score.headline)
      score.headline = Interval{score.headline->value, std::max(score.headline->low, 0.0),
                                std::min(score.headline->high, 1.0)};
    if (!measurable) {
      score.headline.reset(), score.items.reset();
      gated_.emplace(id, node.name);
    }
    if (score.graded && std::isnan(score.graded->value)) score.graded.reset();
    report_.scores.push_back(std::move(score));
  }

  static void combine(ReportScore& score, const std::string& cell,
                      const std::vector<double>& values, const std::vector<double>& graded,
                      std::vector<const ItemScores*> items) {
    std::erase(items, nullptr);
    const CommonItems common =
        items.size() == values.size() ? common_items(items, cell) : CommonItems{};
    if (common.clusters.empty()) {  // the seeds were asked different items
      const Estimate e = t_interval(values), g = t_interval(graded);
      score.headline = Interval{e.value, e.low, e.high};
      score.graded = Interval{g.value, g.low, g.high};
      return;
    }
    const SeedsEstimate e = over_seeds(common.headline, common, true);
    score.headline = e.value;
    score.items = e.items;
    score.graded = over_seeds(common.graded, common, false).value;
  }

  void add_contrast(const Answered& answered, const ReportAbility& row, const std::string& cell,
                    const std::string& child, const std::string& parent, ContrastKind kind) {
    if (!keys_.contains(child) || !keys_.contains(parent)) return;
    if (gated_.contains({row.id, child}) || gated_.contains({row.id, parent})) return;
    const auto after = items_of(answered, child), before = items_of(answered, parent);
    std::vector<const ItemScores*> models;  // the parent's seeds, then the child's
    for (const auto& own : {before, after})
      for (size_t s = 0; s < own.size(); ++s)
        if (before[s] && after[s]) models.push_back(own[s]);
    const size_t seeds = models.size() / 2;
    const CommonItems common = seeds ? common_items(models, cell) : CommonItems{};
    if (common.clusters.empty()) return;
    const auto middle = common.headline.begin() + static_cast<std::ptrdiff_t>(seeds);
    const SeedsEstimate e = paired_over_seeds({common.headline.begin(), middle},
                                              {middle, common.headline.end()}, common);
    report_.contrasts.push_back({child, parent, row.id, kind, e.value, e.items, e.p, std::nullopt,
                                 std::ssize(common.headline[0]), static_cast<int64_t>(seeds)});
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

  // The items on which the nodes differ most, of each node's first seed.
  void add_samples(const std::string& id, const std::string& digest) {
    std::map<std::string, std::string> name_of;
    for (const auto& [name, keys] : keys_)
      if (!keys.empty() && !keys[0].empty()) name_of[keys[0]] = name;
    struct Asked {
      ReportSample sample;
      std::vector<double> got;
    };
    std::vector<std::string> order;
    std::map<std::string, Asked> asked;  // by item
    for (const RecordedAnswer& a : recorded_answers(database_, digest)) {
      const auto node = name_of.find(a.node);
      if (node == name_of.end()) continue;
      const auto [at, fresh] = asked.try_emplace(a.item);
      if (fresh) {
        at->second.sample = {id, a.prompt, a.wanted, {}};
        order.push_back(a.item);
      }
      const bool scored = !std::isnan(a.headline);
      at->second.sample.answers.push_back(
          {node->second, a.output, scored ? std::optional(a.headline >= 1) : std::nullopt});
      at->second.got.push_back(scored ? a.headline : 0);
    }
    const auto spread = [&](const std::string& item) {
      const auto& got = asked[item].got;
      const auto [low, high] = std::ranges::minmax(got);
      double sum = 0;
      for (const double g : got) sum += g;
      const double mean = sum / static_cast<double>(got.size());
      return (mean - low) * (high - mean);
    };
    std::ranges::stable_sort(order, std::greater(), spread);
    for (size_t i = 0; i < std::min(order.size(), kSamplesAnAbility); ++i)
      report_.samples.push_back(std::move(asked[order[i]].sample));
  }

  Report& report_;
  const Database& database_;
  std::map<std::string, std::vector<std::string>> keys_;  // of a node by seed; "": not grown
  std::set<std::string> known_;
  std::set<std::pair<std::string, std::string>> gated_;  // row, node
};

}  // namespace

void add_scores(Report& report, const std::filesystem::path& path) {
  const Database database(path);
  Scores(report, database).add();
}

}  // namespace lineage
