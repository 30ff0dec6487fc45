#include "lineage/stages/stage_of.h"
#include "lineage/stages/tuning.h"

namespace lineage {

// Supervised fine-tuning: next-token prediction on demonstrations, with the loss on the answers
// alone (Ouyang et al. 2022, section 3.5, "SFT").
const Stage& sft_stage() {
  static const StageOf<TuningConfig> stage({
      .name = "sft",
      .text = {StageKind::tuned, "instruction tuning",
               "The model learns to answer: it trains on instructions with good answers "
               "(supervised fine-tuning, SFT)."},
      .tunes_on_conversations = true,
      .complete = replay_pretraining,
      .validate = validate_tuning,
      .remarks = tuning_remarks,
      .reads = tuning_reads,
      .plan = tuning_plan,
      .run =
          [](const TuningConfig& config, const RecipeNode& node, const StageContext& context) {
            tune(config, load_tuning_sets(config, node, context), node, context);
          },
  });
  return stage;
}

}  // namespace lineage
