#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "lineage/data/conversations.h"
#include "lineage/world/instructions/instruction_config.h"
#include "lineage/world/world_config.h"

namespace lineage {

struct Recipe;

// The kind of such a set in a node's manifest.
inline constexpr std::string_view kDemonstrationsKind = "micro-world demonstrations";

// A set of demonstrations of the micro-world's instructions.
struct DemonstrationsConfig {
  double weight = 1;
  int64_t heldout = 500;
  InstructionConfig instructions{};
};

template <class V>
void fields(V& v, DemonstrationsConfig& c) {
  v("weight", c.weight, "share of the training rows, relative to the other sets'",
    from_above_to(0, 1e9));
  v("heldout", c.heldout, "further demonstrations of the same types, to measure on",
    between(0, 999999));
  fields(v, c.instructions);
}

// A set of the micro-world's conversations of several turns (world/dialogs/dialog.h).
struct DialogsConfig {
  double weight = 1;
  int64_t heldout = 300;
  int64_t examples = 8000;
};

template <class V>
void fields(V& v, DialogsConfig& c) {
  v("weight", c.weight, "share of the training rows, relative to the other sets'",
    from_above_to(0, 1e9));
  v("heldout", c.heldout, "further conversations, to measure on", between(0, 999999));
  v("examples", c.examples, "conversations", between(1, 999999));
}

// Throws an Error that names the place if a set names held-out or unknown content, or is left
// without a type.
void validate_demonstrations(const Recipe&, const std::string& place);

// The sets that models are tuned on share one namespace: files ([conversations.NAME]),
// demonstrations of the micro-world ([demonstrations.NAME]) and its conversations ([dialogs.NAME]).
// Like chosen_texts() of texts.h.
std::map<std::string, double> chosen_sets(const Recipe&,
                                          const std::map<std::string, double>& mixture,
                                          const std::string& place);

// About, before the set is read: of what it trains on, and of what it holds out.
struct SetTokens {
  double train = 0, heldout = 0;
};
SetTokens estimated_tokens(const Recipe&, const std::string& set);

// The set of this name, cut to the context.
TuningSet tuning_set(const Recipe&, const std::string& name, const Tokenizer&, int64_t context);

}  // namespace lineage
