#pragma once

#include <string>
#include <vector>

#include "lineage/trace/report.h"

namespace lineage {

// What one node has more or less of than another: its contrasts by headline rows, largest gain
// first. Points into the report.
struct ReportEdge {
  struct Row {
    const ReportContrast* contrast;
    const ReportAbility* ability;
  };
  std::string node, from;  // `from`: its parent, or a control
  ContrastKind kind = ContrastKind::parent;
  std::vector<Row> rows;
};

// All edges that lead to a node: from its parent, then from each of its controls.
std::vector<ReportEdge> edges_to(const Report&, const std::string& node);

}  // namespace lineage
