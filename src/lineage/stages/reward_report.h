#pragma once

#include <nlohmann/json_fwd.hpp>
#include <vector>

#include "lineage/checkpoint/node_files.h"
#include "lineage/stages/comparisons.h"

namespace lineage {

// The content of kRewardReport (docs/formats.md; report/feedback_results.h reads it): the rewards
// of held-out answers against the annotators' ranks and against the gold utility, which has no
// noise: the shares of pairs in the right order, in all and by kind of request and by the term of
// the utility that differs most; the same of a model that prefers the shorter (or longer, whichever
// is better) answer; and how often the better one of a predicted probability wins. Of comparisons
// of files, which have neither gold utility nor kinds, the pairs are those of the ranks.
nlohmann::json reward_report(const LabeledComparisons&,
                             const std::vector<std::vector<float>>& rewards);

}  // namespace lineage
