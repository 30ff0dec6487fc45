#pragma once

#include <string>

#include "lineage/report/report.h"

namespace lineage {

// Sections of the Markdown page, with their headings; empty where the tree has no such node.
std::string rewards_markdown(const Report&);
std::string feedback_markdown(const Report&);

}  // namespace lineage
