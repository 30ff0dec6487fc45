#pragma once

#include <string>
#include <string_view>

#include "lineage/eval/scenario.h"

namespace lineage::metrics {

// 1 when the correct choice has the best score, shared with those that tie.
Metric choice_accuracy();
// The answer is one of the accepted ones.
Metric answer_match(Prompting::Match);
// What the item's own check says of the whole output; 0 of none.
Metric checked();
// The reference's mean probability a token, exp(log_prob).
Metric probability();
// Of the reference chain's steps, the share that the output has, in order (longest common
// subsequence); and the share that it has from the first on without a fault.
Metric step_accuracy(const Prompting&);
Metric correct_prefix(const Prompting&);

}  // namespace lineage::metrics
