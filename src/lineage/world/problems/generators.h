#pragma once

#include "lineage/world/problems/problem.h"

namespace lineage {

// One draw each, without regard to the split; test_only is the side that the problem belongs to.
Problem draw_quantity(const ProblemSpec&, Draw&);
Problem draw_hop(const World&, const ProblemSpec&, Draw&);
Problem draw_state(const ProblemSpec&, Draw&);

}  // namespace lineage
