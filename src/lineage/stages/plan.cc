#include <chrono>
#include <map>

#include "lineage/checkpoint/model.h"
#include "lineage/data/files.h"
#include "lineage/ops/tape.h"
#include "lineage/stages/grow.h"
#include "lineage/train/machine.h"
#include "lineage/world/vocabulary.h"

namespace lineage {
namespace {

// Tokens/s of a training step of this model here: one real step on few rows, after one to warm up.
// A large model's rate hardly depends on the rows; a small one's step is short.
double measured_rate(const GptConfig& config) {
  constexpr int64_t kTokens = 4096;
  const int64_t T = config.context, B = std::max<int64_t>(1, kTokens / T);
  Model model = make_model(config, true);
  model.parameters->initialize(1);
  Batch batch;
  batch.tokens = Tensor::zeros({B, T}, DType::i32);
  batch.targets = Tensor::zeros({B * T}, DType::i32);
  batch.weights = Tensor::full({B * T}, 1);
  OptimizerConfig adamw;
  Optimizer optimizer(adamw, *model.parameters, 0, model.parameters->numel());
  double seconds = 0;
  for (int i = 1; i <= 2; ++i) {
    const auto start = std::chrono::steady_clock::now();
    Tape tape;
    model.parameters->watch(tape, false);
    tape.backward(language_model_loss(*model.gpt, batch, static_cast<float>(B * T)));
    optimizer.update(*model.parameters, 0, 1, i);
    seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }
  return static_cast<double>(B * T) / seconds;
}

}  // namespace

GrowPlan plan_growth(const Recipe& recipe, const GrowOptions& options, int ranks) {
  for (const auto& [name, source] : recipe.sources) list_files(source, name);  // they are there
  GrowPlan result;
  result.peak_gflops = matmul_peak_gflops();
  std::map<std::string, double> rates;  // by architecture
  for (const RecipeNode* n : chosen_nodes(recipe, options.nodes)) {
    RecipeNode node = *n;
    if (node.model.vocab == 0)
      node.model.vocab = recipe.tokenizer.kind == TokenizerKind::world
                             ? Vocabulary::get().tokenizer()->vocab()
                             : recipe.tokenizer.vocab;
    const StagePlan plan = stage_for(node.stage, node.place).plan(node, recipe, ranks);
    const std::string key = to_toml(node.model);
    if (!rates.contains(key) && plan.memory_bytes < available_memory())
      rates[key] = measured_rate(node.model);
    result.nodes.push_back(
        {n, plan, rates.contains(key) ? static_cast<double>(plan.tokens) / rates[key] : 0});
  }
  return result;
}

}  // namespace lineage
