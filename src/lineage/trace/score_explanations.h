#pragma once

#include <vector>

#include "lineage/eval/database.h"
#include "lineage/trace/report.h"

namespace lineage {

// What the report's headline rows mean, in their order, with an item that these models were asked.
// Rows of which nothing is known are left out.
std::vector<ReportExplanation> row_explanations(const Report&, const Database&);

}  // namespace lineage
