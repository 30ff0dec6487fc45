#pragma once

#include <map>
#include <string>
#include <vector>

#include "lineage/stages/recipe.h"

namespace lineage {

// What the nodes of a recipe read: tokens of each corpus and set of demonstrations, in the node's
// own stage and with its first parents' stages. Answers that models write themselves (feedme) are
// not known beforehand and not counted.
struct ReadTokens {
  std::string node, parent;
  std::map<std::string, double> own, total;
};
// `sizes`: tokens of the sets of demonstrations, for stages that go through them so many times.
std::vector<ReadTokens> read_tokens(const Recipe&, const std::map<std::string, int64_t>& sizes);

}  // namespace lineage
