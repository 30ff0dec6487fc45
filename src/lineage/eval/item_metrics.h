#pragma once

#include <string>
#include <string_view>

#include "lineage/eval/scenario.h"

namespace lineage::metrics {

// 1 when the correct choice has the best score, shared with those that tie.
ItemMetric choice_accuracy();
// The probability of the right choices among all of them: softmax over their log-probabilities
// (TruthfulQA's MC2, Lin et al. 2022, section 4.2).
ItemMetric share_of_right_choices();
// The answer is one of the accepted ones.
ItemMetric answer_match(PromptSpec::Match);
// The item's own grade of the whole output; 0 where there is no output.
ItemMetric graded();
// The reference's mean probability a token, exp(log_prob).
ItemMetric probability();
// The share of the reference chain's steps that the output has in order (longest common
// subsequence), and the share that it has from the first on without an error.
ItemMetric step_accuracy(const PromptSpec&);
ItemMetric correct_prefix(const PromptSpec&);

}  // namespace lineage::metrics
