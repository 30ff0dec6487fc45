#pragma once

#include <filesystem>

#include "lineage/trace/report.h"

namespace lineage {

// Adds abilities, scores, contrasts and sample answers of the report's nodes from a database of
// scores (eval/database.h). Every headline scenario is an ability's row. With one seed the
// intervals are over items: the database's own, and for a contrast the paired difference's. With
// several they are the wider of the two-level bootstrap's and Student's t over seeds, and so is the
// p-value (the larger).
void add_scores(Report&, const std::filesystem::path& database);

}  // namespace lineage
