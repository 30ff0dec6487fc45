#include "lineage/stages/pretraining_mix.h"

#include <fmt/format.h>

#include "lineage/base/error.h"
#include "lineage/train/language_model.h"

namespace lineage {

std::map<std::string, double> pretraining_shares(const RecipeNode& node) {
  double all = 0;
  for (const auto& [name, tokens] : node.pretraining) all += tokens;
  std::map<std::string, double> shares;
  for (const auto& [name, tokens] : node.pretraining) shares[name] = tokens / all;
  return shares;
}

void complete_mix(PretrainingMixConfig& config, const RecipeNode& node) {
  if (config.pretrain_mixture.empty()) config.pretrain_mixture = pretraining_shares(node);
}

void validate_mix(const PretrainingMixConfig& config, const RecipeNode& node,
                  const Recipe& recipe) {
  const std::string stage = fmt::format("{}: nodes.{}.{}", node.place, node.name, node.stage);
  if (config.ptx > 0 && config.pretrain_mixture.empty())
    throw Error(fmt::format("{}.ptx is {}, and its parent has no pretraining text that this recipe "
                            "names; wanted pretrain_mixture, or ptx = 0",
                            stage, config.ptx),
                "ptx adds the loss of pretraining text to the policy's");
  mix_texts(config, node, recipe);
}

std::map<std::string, std::string> idle_mix_keys(const PretrainingMixConfig& config) {
  if (config.ptx > 0) return {};
  return {{"ptx_relative", "ptx is 0"}, {"ptx_rows", "ptx is 0"}};
}

std::map<std::string, double> mix_texts(const PretrainingMixConfig& config, const RecipeNode& node,
                                        const Recipe& recipe) {
  if (config.pretrain_mixture.empty()) return {};
  return chosen_texts(
      recipe, config.pretrain_mixture,
      fmt::format("{}: nodes.{}.{}.pretrain_mixture", node.place, node.name, node.stage));
}

PretrainingMix::PretrainingMix(const PretrainingMixConfig& config, const RecipeNode& node,
                               const StageContext& context)
    : config_(config) {
  const auto texts = mix_texts(config, node, context.recipe);
  if (texts.empty()) return;
  text_ = std::make_unique<TextData>(prepare_texts(context.recipe, texts, *context.tokenizer,
                                                   {.cache = context.data_cache, .verify = false}),
                                     RowsConfig{}, *context.tokenizer, node.model.context,
                                     Rng(context.recipe.seed).fold(node.stage).fold("text").key());
}

std::vector<MicroBatch> PretrainingMix::micro_batches(const Gpt& gpt, int64_t step,
                                                      const Communicator& ranks) const {
  std::vector<MicroBatch> out;
  if (!used()) return out;
  for (const RowRange& r : lineage::micro_batches({step * config_.ptx_rows, config_.ptx_rows},
                                                  config_.ptx_rows, ranks.rank(), ranks.size()))
    if (r.count > 0) out.push_back(language_model_batch(gpt, text_->batch(r.first, r.count)));
  return out;
}

AddedLoss PretrainingMix::added(std::span<const MicroBatch> micro_batches) const {
  if (!used()) return {};
  return {micro_batches, config_.ptx, config_.ptx_relative};
}

}  // namespace lineage
