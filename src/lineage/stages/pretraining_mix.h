#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "lineage/base/config.h"
#include "lineage/data/text_data.h"
#include "lineage/nn/gpt.h"
#include "lineage/stages/stage.h"
#include "lineage/train/trainer.h"

namespace lineage {

// The shares, by tokens, of the texts that a node's parent was pretrained on (ADR 13).
std::map<std::string, double> pretraining_shares(const RecipeNode&);

// Pretraining text beside another loss, whose gradients share one update: PPO-ptx (Ouyang et al.
// 2022, eq. 2).
struct PretrainingMixConfig {
  double ptx = 1;
  bool ptx_relative = true;
  int64_t ptx_rows = 8;
  std::map<std::string, double> pretrain_mixture{};
};

template <class V>
void fields(V& v, PretrainingMixConfig& c) {
  v("ptx", c.ptx,
    "weight of the pretraining loss's gradient beside the other one's; 0: no pretraining text",
    between(0, 1e9));
  v("ptx_relative", c.ptx_relative,
    "ptx is the ratio of the two gradients' norms; false: a plain coefficient of the mean loss a "
    "token (InstructGPT's gamma)");
  v("ptx_rows", c.ptx_rows, "rows of pretraining text in an optimizer step", between(1, 1e6));
  v("pretrain_mixture", c.pretrain_mixture,
    "weight of each source of that text; empty: those that the parent was pretrained on, by tokens",
    from_above_to(0, 1e9));
}

void complete_mix(PretrainingMixConfig&, const RecipeNode&);
void validate_mix(const PretrainingMixConfig&, const RecipeNode&, const Recipe&);
std::map<std::string, std::string> idle_mix_keys(const PretrainingMixConfig&);
// The texts and their weights, also where ptx is 0: the loss on what is held out is measured.
std::map<std::string, double> mix_texts(const PretrainingMixConfig&, const RecipeNode&,
                                        const Recipe&);

// The rows of each optimizer step, a pure function of the step.
class PretrainingMix {
 public:
  PretrainingMix(const PretrainingMixConfig&, const RecipeNode&, const StageContext&);
  bool used() const { return config_.ptx > 0; }
  // The texts, to measure on what is held out of them, also where ptx is 0; null if there are none.
  const TextData* texts() const { return text_.get(); }
  // This rank's part of the rows of optimizer step `step`.
  std::vector<MicroBatch> micro_batches(const Gpt&, int64_t step, const Communicator&) const;
  // With the coefficient; `micro_batches` outlive it.
  AddedLoss added(std::span<const MicroBatch> micro_batches) const;

 private:
  PretrainingMixConfig config_;
  std::unique_ptr<const TextData> text_;
};

}  // namespace lineage
