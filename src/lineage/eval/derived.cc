#include "lineage/eval/derived.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cmath>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

#include "lineage/eval/distributions.h"
#include "lineage/eval/score.h"
#include "lineage/eval/training_log.h"

namespace lineage {
namespace {

using Rows = std::vector<std::vector<std::string>>;

double number(const std::string& text) { return text.empty() ? std::nan("") : std::stod(text); }

std::string quoted(const std::string& text) {
  std::string result = "'";
  for (const char c : text) result += c == '\'' ? std::string("''") : std::string(1, c);
  return result + "'";
}

struct Item {
  std::string cell, cluster;
  double headline = 0, graded = 0;
};

// One node's answers to a scenario, those that reports show.
struct Answers {
  std::map<std::string, Item> items;  // by id
  double chance = 0, format = 0;
};

// A number of the same kind from several independent parts.
struct Mean {
  Estimate headline, graded;
  double chance = 0;
};

Mean mean_of(const std::vector<Mean>& parts) {
  const auto combined = [&](Estimate Mean::*of) {
    Estimate e;
    const auto n = static_cast<double>(parts.size());
    double squares = 0;
    for (const Mean& p : parts) {
      e.value += (p.*of).value / n;
      squares += (p.*of).error * (p.*of).error / (n * n);
      e.n += (p.*of).n;
    }
    e.error = std::sqrt(squares);
    const double half = normal_quantile(0.5 + kConfidence / 2) * e.error;
    e.low = e.value - half, e.high = e.value + half;
    return e;
  };
  Mean all{combined(&Mean::headline), combined(&Mean::graded)};
  for (const Mean& p : parts) all.chance += p.chance / static_cast<double>(parts.size());
  return all;
}

std::vector<uint32_t> ids(const std::vector<std::string>& names, bool alone) {
  std::map<std::string, uint32_t> seen;
  std::vector<uint32_t> result;
  uint32_t next = 0;
  for (const std::string& name : names) {
    const auto [at, fresh] =
        seen.try_emplace(alone && name.empty() ? fmt::format("\n{}", next) : name, next);
    if (fresh) ++next;
    result.push_back(at->second);
  }
  return result;
}

// The mean over the items, or of the differences from others' where both have them.
std::optional<Mean> part_of(const Answers& a, const Answers* less = nullptr) {
  std::vector<double> headline, graded;
  std::vector<std::string> cells, clusters;
  for (const auto& [id, item] : a.items) {
    const auto other = less ? less->items.find(id) : a.items.end();
    if (less && other == less->items.end()) continue;
    headline.push_back(item.headline - (less ? other->second.headline : 0));
    graded.push_back(item.graded - (less ? other->second.graded : 0));
    cells.push_back(item.cell), clusters.push_back(item.cluster);
  }
  if (headline.size() < 2) return {};
  const auto cluster = ids(clusters, true), cell = ids(cells, false);
  return Mean{clustered_mean({headline, cluster, cell}), clustered_mean({graded, cluster, cell}),
              less ? 0 : a.chance};
}

// All that is written of one node.
class Derivation {
 public:
  Derivation(Database& database, std::string node, std::string parent, std::string folder)
      : database_(database),
        node_(std::move(node)),
        parent_(std::move(parent)),
        folder_(std::move(folder)) {}

  void write() {
    for (const char* family : {"quantity", "hop", "state"}) gain(family);
    gap();
    tax();
    shift();
    spikes();
  }

 private:
  const Answers* answers(const std::string& node, const std::string& scenario) {
    const auto [at, fresh] = loaded_.try_emplace({node, scenario});
    if (fresh) at->second = load(node, scenario);
    return at->second.items.empty() ? nullptr : &at->second;
  }

  Answers load(const std::string& node, const std::string& scenario) const {
    Answers a;
    const Rows newest = database_.query(
        "SELECT scenario, chance, format FROM current WHERE node = " + quoted(node) +
        " AND name = " + quoted(scenario) + " AND cell = ''");
    if (newest.empty()) return a;
    a.chance = number(newest[0][1]), a.format = number(newest[0][2]);
    for (const auto& r :
         database_.query("SELECT p.item, i.cell, i.cluster, p.headline, p.graded FROM predictions "
                         "p JOIN items i"
                         " USING(scenario, item) WHERE p.skipped = 0 AND p.node = " +
                         quoted(node) + " AND p.scenario = " + quoted(newest[0][0])))
      a.items[r[0]] = {r[1], r[2], number(r[3]), number(r[4])};
    return a;
  }

  void gain(const std::string& family) {
    const std::string name = "A12." + family + ".asked_";
    const Answers *chain = answers(node_, name + "chain"),
                  *direct = answers(node_, name + "direct");
    if (!chain || !direct) return;
    const auto part = part_of(*chain, direct);
    if (!part) return;
    // What never comes to an answer tells nothing of what the chain is worth (section 10.7).
    constexpr double kFormat = 0.95;
    const std::string gate =
        chain->format >= kFormat
            ? ""
            : fmt::format("not measurable here: of {}chain {:.2f} come to an answer, below {:.2f}",
                          name, chain->format, kFormat);
    put("A12.gain." + family, *part, gate);
  }

  void gap() {
    std::vector<Mean> parts;
    for (const auto& [few, none] : {std::pair{"A07.known_tasks", "A07.known_tasks.k0"},
                                    std::pair{"A08.trained_types.k4", "A08.trained_types"}}) {
      const Answers *with = answers(node_, few), *without = answers(node_, none);
      const auto part = with && without ? part_of(*with, without) : std::nullopt;
      if (!part) return;
      parts.push_back(*part);
    }
    put("A15.gap", mean_of(parts));
  }

  std::optional<Mean> battery_score(bool against_parent) {
    std::vector<Mean> abilities;
    for (const auto& scenarios : battery()) {
      std::vector<Mean> parts;
      for (const std::string& scenario : scenarios) {
        const Answers* own = answers(node_, scenario);
        const Answers* other = against_parent ? answers(parent_, scenario) : nullptr;
        if (!own || (against_parent && !other)) return {};
        const auto part = part_of(*own, other);
        if (!part) return {};
        parts.push_back(*part);
      }
      abilities.push_back(mean_of(parts));
    }
    return mean_of(abilities);
  }

  void tax() {
    if (const auto all = battery_score(false)) put("A16.battery", *all);
    if (parent_.empty()) return;
    if (const auto all = battery_score(true)) put("A16.tax", *all);
  }

  // Of each item the log-probabilities of all words.
  std::map<std::string, std::vector<double>> next_tokens(const std::string& node) const {
    std::map<std::string, std::vector<double>> result;
    for (const auto& r :
         database_.query("SELECT p.item, p.choices FROM predictions p JOIN current c USING(node, "
                         "scenario) WHERE p.skipped = 0 AND c.cell = '' AND c.name = "
                         "'A26.next_token' AND p.node = " +
                         quoted(node))) {
      const auto scores = nlohmann::json::parse(r[1], nullptr, false);
      if (scores.is_array()) result[r[0]] = scores.get<std::vector<double>>();
    }
    return result;
  }

  void shift() {
    if (parent_.empty()) return;
    const auto own = next_tokens(node_), before = next_tokens(parent_);
    std::vector<double> divergence, agreement;
    for (const auto& [item, scores] : own) {
      const auto other = before.find(item);
      if (other == before.end() || other->second.size() != scores.size()) continue;
      double nats = 0;
      for (size_t t = 0; t < scores.size(); ++t)
        nats += std::exp(scores[t]) * (scores[t] - other->second[t]);
      divergence.push_back(std::max(0.0, nats));
      agreement.push_back(std::ranges::max_element(scores) - scores.begin() ==
                          std::ranges::max_element(other->second) - other->second.begin());
    }
    if (divergence.size() < 2) return;
    put("A26.kl", {t_interval(divergence), {}});
    put("A26.agreement", {proportion({agreement}), {}});
  }

  void spikes() {  // of a log that changes no more
    if (database_.has(node_, "derived A26.spikes")) return;
    const Estimate share = spike_score(training_losses(folder_ / "metrics.jsonl"));
    if (share.n > 0) put("A26.spikes", {share, {}});
  }

  // What stands there already stays, with the run that it belongs to.
  void put(const std::string& name, const Mean& part, const std::string& gate = {}) {
    const auto derived = std::ranges::find(derived_scenarios(), name, &DerivedScenario::name);
    assert(derived != derived_scenarios().end());
    ScenarioSpec spec;
    spec.name = name, spec.ability = name.substr(0, name.find('.')), spec.title = derived->title;
    spec.metric.name = derived->metric, spec.kind = derived->kind;
    spec.headline = derived->headline;
    Evaluation e;
    e.node = node_;
    e.gate = gate;
    e.scenario = {"derived " + name, "", &spec, part.headline.n, 0};
    Score& s = e.scores.emplace_back();
    s.headline = within(part.headline, derived->kind), s.graded = part.graded;
    if (s.graded.n == 0) s.graded.value = s.graded.low = s.graded.high = std::nan("");
    s.chance.uniform = part.chance;
    s.format = std::nan("");
    s.n = part.headline.n;
    if (!database_.has_same(e)) database_.write(e);
  }

  Database& database_;
  std::string node_, parent_;
  std::filesystem::path folder_;
  std::map<std::pair<std::string, std::string>, Answers> loaded_;
};

// Of the nodes with the first parent's weights that of the same seed, else any.
std::string parent_of(const std::string& parents, const std::string& seed, const Rows& nodes) {
  const auto list = nlohmann::json::parse(parents, nullptr, false);
  if (!list.is_array() || list.empty() || !list[0].is_string()) return {};
  std::string found;
  for (const auto& n : nodes)
    if (n[2] == list[0].get<std::string>() && (found.empty() || n[3] == seed)) found = n[0];
  return found;
}

DerivedScenario chain_gain(const std::string& family) {
  return {.name = "A12.gain." + family,
          .title = "what a chain of thought gives, " + family + " problems",
          .metric = "difference",
          .kind = MetricKind::difference};
}

}  // namespace

std::span<const DerivedScenario> derived_scenarios() {
  static const std::vector<DerivedScenario> all = {
      chain_gain("quantity"),
      chain_gain("hop"),
      chain_gain("state"),
      {.name = "A15.gap",
       .title = "four demonstrations less none",
       .metric = "difference",
       .kind = MetricKind::difference,
       .headline = true,
       .about =
           {.measures =
                "The share of right answers after four worked examples, less the share without "
                "any, over the tasks of A07 and A08.",
            .chance = "No difference: 0.",
            .low = "Below 0 the examples do harm: the model is right more often without them."},
       .items = "A07.known_tasks"},
      {.name = "A16.battery",
       .title = "mean over what few shots and scoring show",
       .metric = "mean of headlines",
       .headline = true,
       .about = {.measures =
                     "The mean of A01, A03, A05, A06, A10, A12 (with two worked examples) and A14: "
                     "what a model can do without following instructions.",
                 .chance = "The mean of the chances of these rows.",
                 .low =
                     "At chance none of the seven shows. A fall from parent to child is what the "
                     "child’s stage cost (the alignment tax, below)."}},
      {.name = "A16.tax",
       .title = "the battery less the parent's",
       .metric = "difference",
       .kind = MetricKind::difference},
      {.name = "A26.kl",
       .title = "divergence from the parent's next tokens",
       .metric = "nats",
       .kind = MetricKind::amount,
       .about =
           {.measures =
                "How far the model’s probabilities for the next token of fixed texts lie from "
                "its parent’s (Kullback-Leibler divergence).",
            .low =
                "0 says that the stage left these probabilities as they were. A great value says "
                "that the model writes differently, not that it is worse."},
       .items = "A26.next_token"},
      {.name = "A26.agreement",
       .title = "next tokens that the parent would choose too",
       .metric = "share",
       .about =
           {.measures =
                "At how many places of fixed texts the model and its parent find the same token "
                "likeliest.",
            .chance = "Two models with nothing in common agree at next to no place.",
            .low = "A low share says that the stage changed what the model writes, not that it is "
                   "worse."},
       .items = "A26.next_token"},
      {.name = "A26.spikes",
       .title = "steps of training whose loss stood out",
       .metric = "share of steps",
       .about = {.measures =
                     "The share of training steps whose loss lies far (seven standard deviations) "
                     "above that of the 128 steps before.",
                 .low = "0 is best: the training ran smoothly. It shows no ability."}}};
  return all;
}

std::span<const std::vector<std::string>> battery() {
  static const std::vector<std::vector<std::string>> all = {
      {"A01.grammar"},
      {"A03.cloze"},
      {"A05.binding.two_way.k4"},
      {"A06.function.k8"},
      {"A10.functions"},
      {"A12.quantity.chain", "A12.hop.chain", "A12.state.chain"},
      {"A14.boxes.moved"}};
  return all;
}

void derive_scores(Database& database) {
  const Rows nodes = database.query("SELECT node, parents, weights, seed, folder FROM nodes");
  for (const auto& n : nodes)
    Derivation(database, n[0], parent_of(n[1], n[3], nodes), n[4]).write();
}

}  // namespace lineage
