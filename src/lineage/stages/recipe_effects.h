#pragma once

#include <string>
#include <vector>

#include "lineage/stages/recipe.h"

namespace lineage {

// One line for each thing that a recipe says and that has no effect as the rest of it stands, or
// another one than it seems: keys of another kind of source, a batch that is no whole number of
// rows. What a preset says is left out.
std::vector<std::string> without_effect(const ConfigNode& document, const Recipe&);

}  // namespace lineage
