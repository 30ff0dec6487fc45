#pragma once

#include <cstdint>
#include <vector>

#include "lineage/abilities/audit/audit.h"
#include "lineage/base/progress.h"
#include "lineage/stages/recipe.h"

namespace lineage {

// The micro-world's corpora and demonstrations that a recipe trains on, made as they are read. An
// Error if it has none.
std::vector<AuditSource> audit_sources(const Recipe&);

struct RecipeAudit {
  AuditReport report;
  std::vector<TokensSeen> seen;  // of all nodes, parents first
};

// Looks for the test items of the ability suite, at most `n` of each scenario, in the recipe's
// training data. Sources from files are left out; a note names each.
RecipeAudit audit_recipe(const Recipe&, int64_t n, Progress&);

}  // namespace lineage
