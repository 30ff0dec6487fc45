#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "lineage/checkpoint/adapters.h"
#include "lineage/stages/stage.h"
#include "lineage/train/training_loop.h"

namespace lineage {

// Shared by the stages' run(): the beginning and end of a node.

// The node's model with gradients: initialized from the recipe's seed, or with the first parent's
// weights. A scalar head that the parent lacks is initialized. With `lora` it has adapters, which
// alone have gradients.
Model first_model(const RecipeNode&, const StageContext&,
                  const std::optional<LoraConfig>& lora = {});
// Whether its table STAGE.lora is possible for the node.
void validate_lora(const std::optional<LoraConfig>&, const RecipeNode&);

// Without a measurement.
LoopContext loop_context(const RecipeNode&, const StageContext&);

// Writes the checkpoint of a node after `steps` on `tokens` of these datasets, by source, and
// removes its saved states. Adapters are merged into the weights, and written beside them.
// `chats`: the model has learned conversations, whatever the stage and the parents say. Every rank
// calls it.
void write_node(const RecipeNode&, const StageContext&, int64_t steps, int64_t tokens,
                const std::map<std::string, nlohmann::json>& datasets, Model&, bool chats = false);

}  // namespace lineage
