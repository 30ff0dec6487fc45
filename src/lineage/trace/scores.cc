#include "lineage/trace/scores.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "lineage/eval/database.h"
#include "lineage/eval/distributions.h"
#include "lineage/eval/statistics.h"

namespace lineage {
namespace {

constexpr int64_t kReplicates = 1000;
constexpr size_t kSamplesAnAbility = 3;

// A row of the database's newest scores, for all cells together.
struct Row {
  std::string node, digest, scenario, ability, title, metric, gate, prompting;
  int64_t n = 0;
  Interval headline, graded;
  double chance = 0;
};

// What one model got, item by item; only items that fit its context.
struct ItemScores {
  std::string digest;  // of the scenario
  std::vector<std::string> items, cells, clusters;
  std::vector<double> headline, graded;
};

double number(const std::string& text) {
  return text.empty() ? std::numeric_limits<double>::quiet_NaN() : std::stod(text);
}

std::string prompting_of(const std::string& form, const std::string& shots,
                         const std::string& reasoning) {
  std::string text = form == "chat" ? "chat template" : "plain text";
  text += shots == "0" || shots.empty() ? ", 0-shot" : fmt::format(", {}-shot", shots);
  if (reasoning == "chain") text += ", chain of thought";
  return text;
}

std::vector<Row> headline_rows(const Database& database) {
  std::vector<Row> rows;
  for (const auto& r : database.query(
           "SELECT node, scenario, name, ability, title, metric, gate, template, shots, reasoning,"
           " n, headline, low, high, graded, graded_low, graded_high, chance"
           " FROM current WHERE cell = '' AND of_ability = 1 ORDER BY ability, name"))
    rows.push_back({r[0],
                    r[1],
                    r[2],
                    r[3],
                    r[4],
                    r[5],
                    r[6],
                    prompting_of(r[7], r[8], r[9]),
                    static_cast<int64_t>(r[10].empty() ? 0 : std::stoll(r[10])),
                    {number(r[11]), number(r[12]), number(r[13])},
                    {number(r[14]), number(r[15]), number(r[16])},
                    number(r[17])});
  return rows;
}

std::string quoted(const std::string& text) {
  std::string result = "'";
  for (const char c : text) result += c == '\'' ? std::string("''") : std::string(1, c);
  return result + "'";
}

std::map<std::string, ItemScores> item_scores(const Database& database, const std::string& digest) {
  std::map<std::string, ItemScores> result;  // by the node's key
  for (const auto& r : database.query(
           "SELECT p.node, p.item, p.headline, p.graded, i.cell, i.cluster FROM predictions p"
           " JOIN items i ON i.scenario = p.scenario AND i.item = p.item WHERE p.scenario = " +
           quoted(digest) + " AND p.skipped = 0 AND p.headline IS NOT NULL ORDER BY i.position")) {
    ItemScores& s = result[r[0]];
    s.digest = digest;
    s.items.push_back(r[1]);
    s.headline.push_back(number(r[2]));
    s.graded.push_back(number(r[3]));
    s.cells.push_back(r[4]);
    s.clusters.push_back(r[5]);
  }
  return result;
}

// Names to 0, 1, ... in the order they come; an empty one is alone when `alone`.
std::vector<uint32_t> ids(const std::vector<std::string>& names, bool alone) {
  std::map<std::string, uint32_t> seen;
  std::vector<uint32_t> result;
  uint32_t next = 0;
  for (const std::string& name : names) {
    if (alone && name.empty()) {
      result.push_back(next++);
      continue;
    }
    const auto [it, fresh] = seen.try_emplace(name, next);
    if (fresh) ++next;
    result.push_back(it->second);
  }
  return result;
}

// Of a JSON list of answers, the right one: that of the index, which is 0 where there is no choice.
std::string wanted(const std::string& answers, const std::string& correct) {
  const auto json = nlohmann::json::parse(answers, nullptr, false);
  const size_t index = correct.empty() ? 0 : std::stoul(correct);
  if (!json.is_array() || index >= json.size() || !json[index].is_string()) return "";
  return json[index];
}

bool same_items(const ItemScores& a, const ItemScores& b) {
  return a.digest == b.digest && a.items == b.items;
}

// An estimate over seeds and items, with the p-value of "it is 0".
struct Combined {
  Interval interval;
  double p = 1;
  std::vector<double> seed_means;
};

double two_sided(double value, double error, double df) {
  if (!(error > 0)) return value == 0 ? 1 : 0;
  return 2 * student_cdf(-std::abs(value) / error, df);
}

Combined over_seeds(const std::vector<std::vector<double>>& values, const ItemScores& items) {
  BootstrapOptions options;
  options.replicates = kReplicates;
  const SeedEstimate e =
      two_level_bootstrap(values, ids(items.clusters, true), ids(items.cells, false), options);
  const auto width = [](const Estimate& x) { return x.high - x.low; };
  const Estimate& wider = width(e.over_seeds) > width(e.two_level) ? e.over_seeds : e.two_level;
  const double z = normal_quantile(0.5 + kConfidence / 2);
  const double by_items = two_sided(e.two_level.value, width(e.two_level) / (2 * z),
                                    std::numeric_limits<double>::infinity());
  const double by_seeds = two_sided(e.over_seeds.value, e.over_seeds.error, e.over_seeds.df);
  return {{e.over_seeds.value, wider.low, wider.high}, std::max(by_items, by_seeds), e.seed_means};
}

// One report's scores, filled scenario by scenario.
class Scores {
 public:
  Scores(Report& report, const Database& database) : report_(report), database_(database) {
    for (const ReportNode& n : report.nodes)
      for (const GrownModel& g : n.grown)
        keys_[n.name].push_back(g.identity.empty() ? g.weights : g.identity);
  }

  void add() {
    std::map<std::string, std::vector<Row>> scenarios;  // by name
    std::map<std::string, std::set<std::string>> of_ability;
    for (Row& row : headline_rows(database_)) {
      if (!known(row.node)) continue;
      of_ability[row.ability].insert(row.scenario);
      scenarios[row.scenario].push_back(std::move(row));
    }
    for (const auto& [name, rows] : scenarios)
      add_scenario(of_ability[rows[0].ability].size() == 1 ? rows[0].ability : name, rows);
    std::ranges::stable_sort(report_.abilities, {}, &ReportAbility::id);
  }

 private:
  bool known(const std::string& key) const {
    return std::ranges::any_of(
        keys_, [&](const auto& k) { return std::ranges::find(k.second, key) != k.second.end(); });
  }

  void add_scenario(const std::string& id, const std::vector<Row>& rows) {
    ReportAbility ability{id,
                          rows[0].title,
                          rows[0].metric,
                          rows[0].chance,
                          0,
                          1,
                          "nats a token, log-probability of the answer"};
    for (const Row& r : rows) ability.chance = std::max(*ability.chance, r.chance);
    report_.abilities.push_back(ability);
    std::map<std::string, ItemScores> items;  // by the node's key
    std::set<std::string> digests;
    for (const Row& r : rows) digests.insert(r.digest);
    for (const std::string& digest : digests)
      for (auto& [key, s] : item_scores(database_, digest))
        for (const Row& r : rows)
          if (r.node == key && r.digest == digest) items[key] = s;
    for (const ReportNode& node : report_.nodes) {
      add_score(id, node, rows, items);
      add_contrast(id, node, items);
    }
    add_samples(id, *digests.begin());
  }

  // Those of a node's seeds that all have the same items; empty when one is missing.
  std::vector<const ItemScores*> seeds_of(const std::string& node,
                                          const std::map<std::string, ItemScores>& items) const {
    std::vector<const ItemScores*> result;
    const auto keys = keys_.find(node);
    if (keys == keys_.end()) return {};
    for (const std::string& key : keys->second) {
      const auto it = items.find(key);
      if (it == items.end() || it->second.items.empty()) return {};
      if (!result.empty() && !same_items(*result[0], it->second)) return {};
      result.push_back(&it->second);
    }
    return result;
  }

  void add_score(const std::string& id, const ReportNode& node, const std::vector<Row>& rows,
                 const std::map<std::string, ItemScores>& items) {
    std::vector<const Row*> own;
    for (const std::string& key : keys_[node.name])
      for (const Row& r : rows)
        if (r.node == key) own.push_back(&r);
    if (own.empty()) return;
    ReportScore score{node.name, id, own[0]->headline,  own[0]->graded,
                      own[0]->n, {}, own[0]->prompting, ""};
    for (const Row* r : own)
      if (!r->gate.empty()) score.gate = r->gate;
    if (own[0]->n == 0 && score.gate.empty()) score.gate = "no item fits the model's context";
    for (const Row* r : own) score.per_seed.push_back(r->headline.value);
    if (own.size() > 1) several_seeds(score, own, seeds_of(node.name, items));
    if (!score.gate.empty()) score.headline.reset();
    if (score.graded && std::isnan(score.graded->value)) score.graded.reset();
    report_.scores.push_back(std::move(score));
  }

  static void several_seeds(ReportScore& score, const std::vector<const Row*>& rows,
                            const std::vector<const ItemScores*>& seeds) {
    if (seeds.size() == rows.size()) {
      std::vector<std::vector<double>> headline, graded;
      for (const ItemScores* s : seeds) {
        headline.push_back(s->headline);
        graded.push_back(s->graded);
      }
      score.headline = over_seeds(headline, *seeds[0]).interval;
      score.graded = over_seeds(graded, *seeds[0]).interval;
      return;
    }
    const Estimate e = t_interval(score.per_seed);  // the seeds were asked different items
    score.headline = Interval{e.value, e.low, e.high};
    std::vector<double> graded;
    for (const Row* r : rows) graded.push_back(r->graded.value);
    const Estimate g = t_interval(graded);
    score.graded = Interval{g.value, g.low, g.high};
  }

  void add_contrast(const std::string& id, const ReportNode& node,
                    const std::map<std::string, ItemScores>& items) {
    if (node.parents.empty()) return;
    const auto child = seeds_of(node.name, items), parent = seeds_of(node.parents[0], items);
    if (child.empty() || child.size() != parent.size() || !same_items(*child[0], *parent[0]))
      return;
    ReportContrast contrast{node.name,
                            node.parents[0],
                            id,
                            {},
                            1,
                            static_cast<int64_t>(child[0]->items.size()),
                            static_cast<int64_t>(child.size())};
    if (child.size() == 1) {
      const auto clusters = ids(child[0]->clusters, true), strata = ids(child[0]->cells, false);
      const PairedDifference d =
          paired_difference({parent[0]->headline, clusters, strata}, child[0]->headline);
      contrast.difference = {d.difference.value, d.difference.low, d.difference.high};
      contrast.p = d.p;
    } else {
      std::vector<std::vector<double>> differences;
      for (size_t s = 0; s < child.size(); ++s) {
        differences.push_back(child[s]->headline);
        for (size_t i = 0; i < differences[s].size(); ++i)
          differences[s][i] -= parent[s]->headline[i];
      }
      const Combined c = over_seeds(differences, *child[0]);
      contrast.difference = c.interval;
      contrast.p = c.p;
    }
    if (!gated(id, node.name) && !gated(id, node.parents[0])) report_.contrasts.push_back(contrast);
  }

  bool gated(const std::string& id, const std::string& node) const {
    return std::ranges::any_of(report_.scores, [&](const ReportScore& s) {
      return s.ability == id && s.node == node && !s.headline;
    });
  }

  // The items on which the nodes differ most, of each node's first seed.
  void add_samples(const std::string& id, const std::string& digest) {
    std::map<std::string, std::string> name_of;
    for (const auto& [name, keys] : keys_) name_of[keys[0]] = name;
    std::map<std::string, ReportSample> samples;  // by item
    std::map<std::string, double> spread;
    std::vector<std::string> order;
    std::map<std::string, std::vector<double>> got;
    for (const auto& r : database_.query(
             "SELECT p.node, p.item, p.output, p.headline, i.question, i.answers, i.correct FROM "
             "predictions p"
             " JOIN items i ON i.scenario = p.scenario AND i.item = p.item WHERE p.scenario = " +
             quoted(digest) + " AND p.skipped = 0 ORDER BY i.position")) {
      const auto node = name_of.find(r[0]);
      if (node == name_of.end()) continue;
      auto [it, fresh] = samples.try_emplace(r[1]);
      if (fresh) {
        it->second = {id, r[4], wanted(r[5], r[6]), {}};
        order.push_back(r[1]);
      }
      const double headline = number(r[3]);
      it->second.answers.push_back(
          {node->second, r[2], std::isnan(headline) ? std::nullopt : std::optional(headline >= 1)});
      got[r[1]].push_back(std::isnan(headline) ? 0 : headline);
    }
    for (const auto& [item, values] : got) {
      const auto [low, high] = std::ranges::minmax(values);
      double sum = 0;
      for (const double v : values) sum += v;
      const double mean = sum / static_cast<double>(values.size());
      spread[item] = (mean - low) * (high - mean);
    }
    std::ranges::stable_sort(order, std::greater(), [&](const auto& item) { return spread[item]; });
    for (size_t i = 0; i < std::min(order.size(), kSamplesAnAbility); ++i)
      report_.samples.push_back(std::move(samples[order[i]]));
  }

  Report& report_;
  const Database& database_;
  std::map<std::string, std::vector<std::string>> keys_;  // of a node, by seed
};

}  // namespace

void add_scores(Report& report, const std::filesystem::path& path) {
  const Database database(path);
  Scores(report, database).add();
}

}  // namespace lineage
