#pragma once

#include <vector>

#include "lineage/base/config.h"

namespace lineage {

// Every key that a recipe may have: "seed", "model.layers", "sources.NAME.paths",
// "nodes.NAME.pretrain.optimizer.lr".
const std::vector<ConfigKey>& recipe_keys();

// Throws an Error for the first key of the document that is none of them. It names the place where
// the key belongs, also for keys that are called otherwise in other programs.
void check_recipe_keys(const ConfigNode& document);

}  // namespace lineage
