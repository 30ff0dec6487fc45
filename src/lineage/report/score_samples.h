#pragma once

#include <map>
#include <string>
#include <vector>

#include "lineage/report/report.h"
#include "lineage/report/score_rows.h"

namespace lineage {

// The items of a row on which nodes differ most, in that order, with each node's output. `nodes`:
// their names by their keys in the database.
std::vector<ReportSample> telling_samples(const std::string& row,
                                          const std::vector<RecordedAnswer>&,
                                          const std::map<std::string, std::string>& nodes);

}  // namespace lineage
