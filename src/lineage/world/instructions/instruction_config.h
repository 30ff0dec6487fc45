#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "lineage/base/config.h"

namespace lineage {

// The dose of instruction tuning (docs/abilities.md, section 3.6). davinci-instruct-beta has 16
// types and 2,000 examples; the text-davinci models have 1,024 and 20,000, the defaults.
struct InstructionConfig {
  int64_t types = 1024;
  int64_t examples = 20000;
  std::vector<std::string> families{};
  std::vector<std::string> compositions{};
  std::map<std::string, double> weights{};
  double chains = 0.5;
  double unknown_share = 0;
};

template <class V>
void fields(V& v, InstructionConfig& c) {
  v("types", c.types,
    "instructions of so many types: families, their variants, compositions "
    "and formats",
    between(1, 1024));
  v("examples", c.examples, "demonstrations", between(1, 999999));
  v("families", c.families,
    "of the types, only those of these families (F01 to F40 or names); empty: of all that are "
    "trained");
  v("compositions", c.compositions,
    "of the compositions, only these (\"reverse then keep animal\"); empty: all that are "
    "trained");
  v("weights", c.weights,
    "share of a family's demonstrations against the others', by code or name; what is not named "
    "keeps its own",
    between(0, 1e9));
  v("chains", c.chains,
    "share of worked chains among the problems that may be asked with or without one (F13, F28, "
    "F29)",
    between(0, 1));
  v("unknown_share", c.unknown_share,
    "share of the persons asked about whom training told of only once", between(0, 1));
}

}  // namespace lineage
