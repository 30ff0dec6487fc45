#pragma once

#include "lineage/trace/report.h"

namespace lineage::testing {

// Two models, three abilities, one of which cannot be measured in the child.
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
    n.grown = {{1, "w1", "i1", "2025-01-31T12:00:00Z", "0.1.0", 61.5, "a machine", "grow"},
               {2, "w2", "i2", "2025-01-31T12:00:00Z", "0.1.0", std::nullopt, "", ""}};
    return n;
  };
  r.nodes = {node("davinci", "pretrain", {}), node("text-davinci-001", "sft", {"davinci"})};
  r.abilities = {{"A01", "grammar", "pair accuracy", 0.5, 0, 1, "margin"},
                 {"A08", "instructions", "exact match", 0.02, 0, 1, "nats a token"},
                 {"A22", "belief", "rate", std::nullopt, 0, 1, ""}};
  r.scores = {
      {"davinci",
       "A01",
       Interval{0.95, 0.94, 0.96},
       Interval{-1, -2, 0},
       100,
       {0.94, 0.96},
       "plain",
       ""},
      {"davinci", "A08", Interval{0.03, 0.01, 0.05}, std::nullopt, 100, {0.03, 0.03}, "plain", ""},
      {"davinci", "A22", Interval{0.4, 0.3, 0.5}, std::nullopt, 100, {0.4, 0.4}, "plain", ""},
      {"text-davinci-001",
       "A01",
       Interval{0.9, 0.88, 0.92},
       std::nullopt,
       100,
       {0.9, 0.9},
       "chat",
       ""},
      {"text-davinci-001",
       "A08",
       Interval{0.8, 0.75, 0.85},
       std::nullopt,
       100,
       {0.8, 0.8},
       "chat",
       ""},
      {"text-davinci-001", "A22", std::nullopt, std::nullopt, 100, {}, "chat", "fresh names .7"},
  };
  r.contrasts = {{"text-davinci-001", "davinci", "A01", {-0.05, -0.07, -0.03}, 0.001, 100, 2},
                 {"text-davinci-001", "davinci", "A08", {0.77, 0.7, 0.8}, 0.0001, 100, 2}};
  r.curves = {{"davinci", 1, "", false, {4096, 8192}, {3.5, 2.5}},
              {"davinci", 1, "grammar", false, {4096, 8192}, {3.5, 0.5}}};
  r.samples = {{"A08",
                "reverse: a b",
                "b a",
                {{"davinci", "a b", false}, {"text-davinci-001", "b a", true}}}};
  return r;
}

}  // namespace lineage::testing
