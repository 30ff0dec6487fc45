#pragma once

#include <string>
#include <string_view>

#include "lineage/checkpoint/manifest.h"
#include "lineage/stages/stage.h"
#include "lineage/train/trainer.h"

namespace lineage {

// What the manifest of a grown node says whatever its stage; the datasets are the stage's to add.
// `frozen` is its config.
Manifest node_manifest(std::string_view stage, const RecipeNode&, const StageContext&,
                       std::string frozen, const Trainer&);

}  // namespace lineage
