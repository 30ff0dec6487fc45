#pragma once

#include <vector>

#include "lineage/report/report.h"

namespace lineage {

// The edges of a report, from its contrasts.
std::vector<ReportEdge> edges_of(const Report&);

}  // namespace lineage
