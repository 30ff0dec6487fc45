#pragma once

#include "lineage/checkpoint/node_files.h"
#include "lineage/stages/pretraining_mix.h"
#include "lineage/stages/rollouts.h"

namespace lineage {

// Measures a policy and its parent on held-out requests, and writes it all to kFeedbackOutcome in
// the node's folder on rank 0 (docs/formats.md; report/feedback_results.h reads it):
//
//   behaviours  by kind of request, how often answers sampled at temperature 1
//   (run.behaviour_samples) hold each
//               behaviour (world/feedback/utility.h), with their mean utility and reward
//   answers     to held-out requests in the training's shares: the utility of the parent's, of the
//               policy's, and of the best of four of the parent's by the same reward; differences
//               with 95 % intervals, paired by request
//   text        the loss on held-out pretraining text, of both
void write_feedback_outcome(const RolloutWorker&, const Model& policy, const TextData*,
                            const RecipeNode&, const StageContext&);

}  // namespace lineage
