#pragma once

#include <map>
#include <string>
#include <vector>

#include "lineage/data/tokens_seen.h"
#include "lineage/stages/recipe.h"

namespace lineage {

// Tokens of the corpora and sets of demonstrations that the recipe's nodes train on. Answers that
// models write themselves (feedme) are unknown beforehand and not counted. `sizes`: tokens of the
// sets of demonstrations, for stages whose length follows from them.
std::vector<TokensSeen> tokens_seen(const Recipe&, const std::map<std::string, int64_t>& sizes);

// Tokens of each text that the node and its first parents were pretrained on. The node's own
// `pretraining` must be filled in.
std::map<std::string, double> pretraining_through(const RecipeNode&, const Recipe&);

}  // namespace lineage
