#pragma once

#include <functional>

#include "lineage/data/batch.h"
#include "lineage/nn/gpt.h"
#include "lineage/train/train_config.h"
#include "lineage/train/trainer.h"
#include "lineage/train/training_loop.h"

namespace lineage {

// Next-token prediction: cross-entropy of each target, times its weight, over `total_weight`; ->
// (1)
Tensor language_model_loss(const Gpt&, const Batch&, float total_weight);
// The same as a part of a step. `gpt` outlives it.
MicroBatch language_model_batch(const Gpt&, Batch);

// Rows [first, first + count) of a stage's data. A pure function, so a resumed run reads the same.
using BatchSource = std::function<Batch(int64_t first, int64_t count)>;

// Trains a model on rows of text, from the last saved state to the end: all of pretraining and of
// supervised tuning. `trained` are the model's parameters, or with `lora` its adapters.
void train_language_model(const Gpt&, Parameters& trained, const TrainConfig&, const BatchSource&,
                          const LoopContext&, const std::optional<LoraConfig>& lora = {});

}  // namespace lineage
