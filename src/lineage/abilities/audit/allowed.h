#pragma once

#include <string_view>

#include "lineage/abilities/audit/audit.h"

namespace lineage {

// Why this overlap is acceptable, by its ability's list (AbilityDefinition::allowed); empty: it is
// a leak.
std::string_view allowed_reason(const Overlap&, TrainingKind);

}  // namespace lineage
