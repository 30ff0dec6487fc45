#pragma once

#include <memory>

#include "lineage/data/dataset.h"
#include "lineage/world/instructions/registry.h"

namespace lineage {

// The demonstrations of a dose as training data, made when they are read. Shares ownership of the
// world.
DatasetPtr instruction_dataset(std::shared_ptr<const World>, const InstructionConfig&);

}  // namespace lineage
