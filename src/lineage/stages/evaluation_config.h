#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lineage/base/config.h"

namespace lineage {

// What `grow` asks of the nodes once they are grown. No part of a node's identity.
struct EvaluationConfig {
  bool enabled = true;
  std::vector<std::string> abilities;
  int64_t n = 0, tokens = 30'000, dev = 64;
  uint64_t seed = 1;
};

template <class V>
void fields(V& v, EvaluationConfig& c) {
  v("enabled", c.enabled, "ask nodes of the micro-world the ability suite once they are grown");
  v("abilities", c.abilities,
    "only these abilities (A01) or scenarios (A12.hop.chain); empty: all");
  v("n", c.n, "items a scenario; 0: its own number, within tokens", between(0, 1e9));
  v("tokens", c.tokens,
    "a scenario's prompts take about so many tokens; 0: its own number of items", between(0, 1e9));
  v("dev", c.dev, "at most so many further items choose the template", between(0, 1e9));
  v("seed", c.seed, "of demonstrations and draws");
}

}  // namespace lineage
