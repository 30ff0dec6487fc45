#pragma once

#include <vector>

#include "lineage/eval/database.h"
#include "lineage/report/report.h"

namespace lineage {

// The meaning of the report's own rows, in their order, with an item that these models answered.
// Rows without an explanation are left out.
std::vector<ReportExplanation> row_explanations(const Report&, const Database&);

}  // namespace lineage
