#pragma once

#include <algorithm>

#include "lineage/report/edges.h"
#include "lineage/report/report.h"
#include "lineage/report/score_estimates.h"

namespace lineage::testing {

// A model with a child and the child's control, two seeds, three abilities of which one has a finer
// row and one cannot be measured in the child.
inline Report small_report() {
  Report r;
  r.name = "small";
  r.created = "2025-01-31T12:00:00Z";
  r.code = "0.1.0";
  r.seeds = {1, 2};
  const auto node = [](const char* name, const char* stage, std::vector<std::string> parents) {
    ReportNode n;
    n.name = name;
    n.stage = stage;
    n.parents = std::move(parents);
    n.parameters = 350000;
    n.tokens = 20000000;
    n.steps = 4883;
    n.data = {{"text", "world", "generated", 10, 900, 1800, 2, "d1"},
              {"code", "world", "generated", 10, 100, 200, 2, "d2"}};
    n.grown = {{1, "w1", "i1", "2025-01-31T12:00:00Z", "0.1.0", 61.5},
               {2, "w2", "i2", "2025-01-31T12:00:00Z", "0.1.0", std::nullopt}};
    return n;
  };
  r.runs = {
      {"lineage grow small.toml --seeds 2", "a machine", "0.1.0", "2025-01-31T11:00:00Z", 75.0},
      {"lineage eval runs", "", "0.1.0", "2025-01-31T11:30:00Z", std::nullopt}};
  r.nodes = {node("davinci", "pretrain", {}), node("davinci-long", "pretrain", {"davinci"}),
             node("text-davinci-001", "sft", {"davinci"})};
  r.nodes[1].control = true;
  r.nodes[1].control_of = "text-davinci-001";
  const auto row = [](const char* id, const char* of, const char* name, const char* metric,
                      std::optional<double> chance) {
    ReportAbility a;
    a.id = id, a.ability = std::string(id).substr(0, 3), a.of = of;
    a.scenario = std::string(id) + ".x", a.name = name, a.metric = metric, a.chance = chance;
    a.label = a.of.empty() ? a.ability + " " + a.name : a.name;
    a.log_likelihood = "nats a token";
    return a;
  };
  r.abilities = {row("A01", "", "grammar", "pair accuracy", 0.5),
                 row("A08", "", "instructions", "exact match", 0.02),
                 row("A08/list", "A08", "list", "exact match", 0.01),
                 row("A22", "", "belief", "rate", std::nullopt)};
  r.explanations = {{.ability = "A08",
                     .measures = "An instruction with new inputs.",
                     .chance = "The most frequent answer.",
                     .low = "Nothing of what the model knows.",
                     .accepts = "Other forms count, too.",
                     .parts = "list: a family.",
                     .example = ReportExample{.prompt = "reverse : a\nb",
                                              .chat = "<user> reverse : a b <eot> <bot>",
                                              .answer = "b a"}}};
  // Over items half as wide as over seeds and items.
  const auto score = [&](const char* of, const char* ability, double value, double half,
                         const char* prompting) {
    r.scores.push_back({of,
                        ability,
                        Interval{value, value - half, value + half},
                        Interval{value, value - half / 2, value + half / 2},
                        std::nullopt,
                        0.9,
                        100,
                        {value, value},
                        prompting,
                        "",
                        false,
                        std::nullopt});
    const auto of_row = std::ranges::find(r.abilities, ability, &ReportAbility::id);
    r.scores.back().at_chance = at_chance(*of_row, *r.scores.back().score);
    r.scores.back().skill = skill_of(*of_row, {}, value);
  };
  score("davinci", "A01", 0.95, 0.02, "plain");
  r.scores[0].log_likelihood = Interval{-1, -2, 0};
  r.scores[0].per_seed[1].reset();
  score("davinci", "A08", 0.03, 0.02, "plain");
  score("davinci", "A08/list", 0.02, 0.02, "plain");
  score("davinci", "A22", 0.4, 0.1, "plain");
  score("text-davinci-001", "A01", 0.9, 0.02, "chat");
  score("text-davinci-001", "A08", 0.8, 0.05, "chat");
  score("text-davinci-001", "A08/list", 0.7, 0.1, "chat");
  r.scores.push_back({"text-davinci-001",
                      "A22",
                      std::nullopt,
                      std::nullopt,
                      std::nullopt,
                      std::nullopt,
                      100,
                      {},
                      "chat",
                      "fresh names .7",
                      false,
                      std::nullopt});
  const auto contrast = [&](const char* parent, const char* ability, ContrastKind kind,
                            double value, double half, std::optional<double> holm) {
    r.contrasts.push_back({"text-davinci-001",
                           parent,
                           ability,
                           kind,
                           {value, value - half, value + half},
                           {value, value - half / 2, value + half / 2},
                           0.03,
                           holm,
                           100,
                           2,
                           value > 0 ? Change::better : Change::worse});
  };
  contrast("davinci", "A01", ContrastKind::parent, -0.05, 0.02, 0.06);
  contrast("davinci", "A08", ContrastKind::parent, 0.77, 0.05, 0.0002);
  contrast("davinci", "A08/list", ContrastKind::parent, 0.68, 0.1, std::nullopt);
  contrast("davinci-long", "A08", ContrastKind::control, 0.7, 0.05, 0.0002);
  r.edges = edges_of(r);
  r.curves = {{"davinci", 1, "loss", "", false, {4096, 8192}, {3.5, 2.5}},
              {"davinci", 1, "loss", "grammar", false, {4096, 8192}, {3.5, 0.5}}};
  r.samples = {{"A08",
                "reverse: a b",
                "b a",
                {{"davinci", "a b", false}, {"text-davinci-001", "b a", true}}}};
  return r;
}

// Files of a node's folder as stages/reward_report.cc and stages/feedback_outcome.cc write them.
inline constexpr const char* kSomeReward = R"({
 "agreement": 0.75, "noise": 0.81,
 "labels": {"share": 0.68, "low": 0.66, "high": 0.7, "pairs": 2000.0},
 "utility": {"share": 0.74, "low": 0.73, "high": 0.75, "pairs": 5200.0},
 "length_only": {"share": 0.55, "low": 0.54, "high": 0.56, "pairs": 5200.0},
 "by_kind": {"told_400": {"share": 0.7, "low": 0.68, "high": 0.72, "pairs": 900.0},
             "improper": {"share": 0.9, "low": 0.87, "high": 0.93, "pairs": 400.0}},
 "length_only_by_kind": {"improper": {"share": 0.6, "low": 0.56, "high": 0.64, "pairs": 400.0}},
 "by_term": {"truth": {"share": 0.71, "low": 0.69, "high": 0.73, "pairs": 1100.0}},
 "calibration": [{"predicted": 0.5251234, "seen": 0.51, "pairs": 300.0}]
})";
inline constexpr const char* kSomeFeedback = R"({
 "answers": {
  "gold": {"parent": {"mean": -0.95, "low": -1.05, "high": -0.85, "n": 600},
           "model": {"mean": -0.25, "low": -0.35, "high": -0.15, "n": 600},
           "best_of_4": {"mean": -0.31, "low": -0.41, "high": -0.21, "n": 600},
           "win_rate": {"mean": 0.64, "low": 0.61, "high": 0.67, "n": 600},
           "model_less_parent": {"mean": 0.7, "low": 0.6, "high": 0.8, "n": 600},
           "model_less_best_of_4": {"mean": 0.06, "low": -0.04, "high": 0.16, "n": 600}},
  "length": {"model": 8.48, "parent": 7.63}},
 "behaviours": {
  "model": {"dialog": {"ends": 1.0, "refuses politely": 0.5, "n": 964, "utility": -1.2},
            "improper": {"ends": 0.98, "refuses politely": 0.95, "n": 975, "utility": -0.5}},
  "parent": {"dialog": {"ends": 1.0, "refuses politely": 0.53, "n": 964, "utility": -1.24},
             "improper": {"ends": 0.99, "refuses politely": 0.02, "n": 975, "utility": -0.72}}},
 "text": {"model": 1.14, "parent": 1.131}
})";

}  // namespace lineage::testing
