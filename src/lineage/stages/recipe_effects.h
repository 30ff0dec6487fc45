#pragma once

#include <string>
#include <vector>

#include "lineage/stages/recipe.h"
#include "lineage/stages/stage.h"
#include "lineage/train/train_config.h"

namespace lineage {

// One line for each setting of a recipe that has no effect given the others, or another effect than
// it seems: keys of another kind of source, a batch that is no whole number of rows. Settings of a
// preset are left out.
std::vector<std::string> without_effect(const ConfigNode& document, const Recipe&);

// The remarks that every stage with a TrainConfig makes.
StageRemarks train_remarks(const TrainConfig&, const RecipeNode&);

}  // namespace lineage
