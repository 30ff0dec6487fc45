#pragma once

#include <string>

#include "lineage/report/report.h"

namespace lineage {

// Kinds of request, behaviours and terms of the utility (world/feedback/) in words for readers. One
// that the world does not have, as of a file's requests, is called as it is.
ReportWord feedback_word(const std::string& id);
// 0, 1, ... in the order of the enums; those that the world does not have come last.
size_t place_of_word(const std::string& id);

}  // namespace lineage
