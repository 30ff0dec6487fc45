#pragma once

#include <string>
#include <vector>

#include "lineage/report/report.h"

namespace lineage {

// What the terminal says of a node: `of` names the measure, at most 12 letters.
struct FeedbackLine {
  std::string node, of, text;
};

// By node; none where the tree has no such node.
std::vector<FeedbackLine> reward_lines(const Report&);
std::vector<FeedbackLine> feedback_lines(const Report&);

}  // namespace lineage
