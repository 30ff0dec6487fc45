#pragma once

#include <array>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "lineage/checkpoint/model.h"
#include "lineage/data/conversations.h"
#include "lineage/data/packing.h"
#include "lineage/data/text_data.h"
#include "lineage/stages/stage.h"
#include "lineage/train/train_config.h"

namespace lineage {

// The model of a tuning run to keep.
enum class Select : uint8_t { last, heldout_loss };
constexpr std::array<std::string_view, 2> enum_names(Select) { return {"last", "heldout_loss"}; }

// The keys of stages that tune on demonstrations.
struct TuningConfig {
  std::map<std::string, double> mixture;
  double epochs = 2;
  Packing packing = Packing::best_fit;
  double pretrain_share = 0;
  std::map<std::string, double> pretrain_mixture;
  Select select = Select::heldout_loss;
  std::optional<LoraConfig> lora;
  TrainConfig train;
};

template <class V>
void fields(V& v, TuningConfig& c) {
  v("mixture", c.mixture, "weight of each set of demonstrations; empty: all, with their own",
    from_above_to(0, 1e9));
  v("epochs", c.epochs, "how often to go through the demonstrations, when tokens is 0",
    from_above_to(0, 1e6));
  v("packing", c.packing, "best_fit: several demonstrations a row; single: one");
  v("pretrain_share", c.pretrain_share, "share of the rows that come from pretraining text",
    between(0, 0.999));
  v("pretrain_mixture", c.pretrain_mixture,
    "weight of each source of that text; empty: those that the parent was pretrained on, by tokens",
    from_above_to(0, 1e9));
  v("select", c.select,
    "heldout_loss: keep the model of the measurement at which answers held out were predicted "
    "best; last: the last");
  v("lora", c.lora, kLoraDoc);
  fields(v, c.train);
}

// An empty `pretrain_mixture` becomes the parent's pretraining texts, in their shares, so that
// tuning retains all of them (InstructGPT's pretraining mix; Ouyang et al. 2022, section 3.5).
void replay_pretraining(TuningConfig&, const RecipeNode&);

// The parts of a stage that tunes on demonstrations (StageParts). Their nodes have at least one
// parent.
void validate_tuning(const TuningConfig&, const RecipeNode&, const Recipe&);
StageRemarks tuning_remarks(const TuningConfig&, const RecipeNode&);
StageReads tuning_reads(const TuningConfig&, const RecipeNode&, const Recipe&);
StagePlan tuning_plan(const TuningConfig&, const RecipeNode&, const Recipe&, int ranks);

// The node's sets, read; each record's weight is that of the node's mixture.
std::vector<TuningSet> load_tuning_sets(const TuningConfig&, const RecipeNode&,
                                        const StageContext&);

// Trains from the first parent's weights, with the loss on the answers, and writes the checkpoint.
// `measure` sees the model that is kept, on all ranks, before that, and the text beside the
// answers; nullptr without any.
using MeasureTuned = std::function<void(const Model&, const TextData*)>;
void tune(const TuningConfig&, std::vector<TuningSet>, const RecipeNode&, const StageContext&,
          const MeasureTuned& measure = {});

}  // namespace lineage
