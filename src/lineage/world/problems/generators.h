#pragma once

#include "lineage/world/problems/problem.h"

namespace lineage {

// One draw each, without regard to the split; test_only says to which side the problem belongs.
Problem draw_quantity(const ProblemSpec&, Draw&);
Problem draw_hop(const World&, const ProblemSpec&, Draw&);
Problem draw_state(const ProblemSpec&, Draw&);

}  // namespace lineage
