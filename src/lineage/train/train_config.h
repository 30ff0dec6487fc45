#pragma once

#include <string>
#include <string_view>

#include "lineage/base/config.h"
#include "lineage/nn/gpt_config.h"
#include "lineage/nn/lora.h"
#include "lineage/train/divergence_guard.h"
#include "lineage/train/optimizer.h"
#include "lineage/train/schedule.h"

namespace lineage {

// The keys shared by stages that train on rows of tokens. They determine the weights.
struct TrainConfig {
  int64_t tokens = 0;           // to train on
  int64_t batch_tokens = 4096;  // of one optimizer step, over all ranks
  int64_t ramp_from = 0, ramp_tokens = 0;
  int64_t micro_tokens = 16384;
  OptimizerConfig optimizer;
  ScheduleConfig schedule;
  GuardConfig guard;

  void validate(const std::string& place, int64_t context) const;
  // The steps of the run, in rows of `context` tokens.
  BatchPlan plan(int64_t context) const;
};

template <class V>
void fields(V& v, TrainConfig& c) {
  v("tokens", c.tokens, "tokens to train on", between(0, 1e15));
  v("batch_tokens", c.batch_tokens, "tokens of one optimizer step, over all ranks",
    between(1, 1e12));
  v("ramp_from", c.ramp_from, "tokens of the first step, when the batch grows (GPT-3's ramp)",
    between(0, 1e12));
  v("ramp_tokens", c.ramp_tokens, "tokens over which the batch grows; 0: no ramp",
    between(0, 1e15));
  v("micro_tokens", c.micro_tokens,
    "at most so many tokens of a rank's batch are in memory at once", between(1, 1e12));
  v("optimizer", c.optimizer, "");
  v("schedule", c.schedule, "");
  v("guard", c.guard, "what to do when the run diverges");
}

// The note that a node's warm-up is longer than its run.
std::string warmup_note(std::string_view node, const TrainConfig&);

// Bytes that training needs on one rank, at most 2^62: parameters, gradients, moments, activations
// of a micro-batch and the scratch of the loss. With `lora`, gradients and moments are those of the
// adapters.
int64_t training_bytes(const GptConfig&, const TrainConfig&, int ranks,
                       const std::optional<LoraConfig>& lora = {});

}  // namespace lineage
