#pragma once

#include <string>

#include "lineage/report/report.h"

namespace lineage {

// The numbers and names of a report as the terminal and the Markdown page write them; web/ has the
// same in TypeScript.

// ".83", "−.05": scores are in narrow columns.
std::string short_number(double value, int digits = 2);
std::string signed_number(double value, int digits = 2);
// "▲", "▼", "◆" for a significant change that is better, worse, or neither; else empty.
std::string_view change_mark(Change);
// The stage; for a control also the node that it is compared with.
std::string stage_text(const ReportNode&);

}  // namespace lineage
