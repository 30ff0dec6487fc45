#pragma once

#include <string>
#include <vector>

#include "lineage/stages/recipe.h"
#include "lineage/stages/stage.h"
#include "lineage/train/train_config.h"

namespace lineage {

// One line for each part of a recipe that has no effect beside the rest of it, or another effect
// than it seems to have: keys of another kind of source, a batch that is no whole number of rows.
// Keys that a preset sets are left out.
std::vector<std::string> without_effect(const ConfigNode& document, const Recipe&);

// The remarks that every stage with a TrainConfig makes.
StageRemarks train_remarks(const TrainConfig&, const RecipeNode&);

}  // namespace lineage
