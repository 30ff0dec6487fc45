#pragma once

#include <filesystem>

#include "lineage/report/report.h"

namespace lineage {

// Adds abilities with explanations, scores, contrasts, sample answers and the runs of `lineage
// eval` of the report's nodes from a database of scores (eval/database.h). Every headline scenario
// is a row; its cells and the ability's other scenarios are finer rows below it. With one seed the
// intervals are over items: the database's own, and for a contrast the paired difference's; with
// several see seeds.h. A score is not measurable here when its prerequisite is unmet in half of the
// seeds or more.
void add_scores(Report&, const std::filesystem::path& database);

}  // namespace lineage
