#pragma once

#include <vector>

#include "lineage/base/config.h"

namespace lineage {

// Every key that a recipe may have: "seed", "model.layers", "sources.NAME.paths",
// "nodes.NAME.pretrain.optimizer.lr".
const std::vector<ConfigKey>& recipe_keys();

// Throws an Error for the first unknown key of the document. It names the place where the key
// belongs, also for other programs' names of a key.
void check_recipe_keys(const ConfigNode& document);

}  // namespace lineage
