#include <algorithm>
#include <map>

#include "lineage/base/clock.h"
#include "lineage/base/folder.h"
#include "lineage/checkpoint/model.h"
#include "lineage/data/files.h"
#include "lineage/stages/grow.h"
#include "lineage/stages/preflight.h"
#include "lineage/train/language_model.h"
#include "lineage/train/machine.h"
#include "lineage/world/vocabulary.h"

namespace lineage {
namespace {

constexpr int64_t kStepTokens = 4096, kSmallStepTokens = 1024;
constexpr double kSecondsToMeasure = 2;  // of all the models of a plan together
constexpr int64_t kMostOfMemory = 4;     // a step may take 1/kMostOfMemory of the free memory

// Tokens/s of a training step of this model here: one real step on few rows, after one to warm up.
// A large model's rate hardly depends on the rows; a small one's step is short.
double measured_rate(const GptConfig& config, int64_t tokens) {
  const int64_t T = config.context, B = std::max<int64_t>(1, tokens / T);
  Model model = make_model(config, true);
  model.parameters->initialize(1);
  Batch batch;
  batch.tokens = Tensor::zeros({B, T}, DType::i32);
  batch.targets = Tensor::zeros({B * T}, DType::i32);
  batch.weights = Tensor::full({B * T}, 1);
  batch.total_weight = static_cast<double>(B * T);
  const auto alone = single_process();
  Trainer trainer("plan", *model.parameters, {}, {}, *alone);
  const MicroBatch micro = language_model_batch(*model.gpt, batch);
  double seconds = 0;
  for (int i = 1; i <= 2; ++i) {
    const auto start = Clock::now();
    trainer.step({&micro, 1}, 0);
    seconds = seconds_since(start);
  }
  return static_cast<double>(B * T) / seconds;
}

// A model of the same kind, so small that a step takes a fraction of a second.
GptConfig small_model_like(GptConfig c) {
  c.layers = 1;
  c.width = 256, c.heads = 4;
  c.kv_heads = c.head_width = c.mlp_width = c.rotary_width = 0;
  c.embedding_width = std::min(c.embedding_width, c.width);
  c.context = std::min<int64_t>(c.context, 256);
  c.vocab = std::min<int64_t>(c.vocab, 4096);
  c.window = std::min(c.window, c.context);
  return c;
}

// Measured where two steps take at most `seconds`, otherwise by the share of the machine's peak
// that a small model of the same kind reaches.
double expected_rate(const GptConfig& config, const StagePlan& plan, double peak_gflops,
                     double seconds) {
  constexpr double kUsualShare = 0.3;  // of the peak, to guess how long a step will take
  const double flops = training_flops_per_token(config), peak = 1e9 * peak_gflops;
  const auto tokens = static_cast<double>(std::max(kStepTokens, config.context));
  const bool short_step = 2 * tokens * flops < seconds * kUsualShare * peak;
  if (short_step && plan.memory_bytes < available_memory() / kMostOfMemory)
    return measured_rate(config, kStepTokens);
  const GptConfig small = small_model_like(config);
  const double share =
      measured_rate(small, kSmallStepTokens) * training_flops_per_token(small) / peak;
  return std::min(1.0, share) * peak / flops;
}

}  // namespace

GrowPlan plan_growth(const Recipe& recipe, const GrowOptions& options, int ranks) {
  const auto nodes = chosen_nodes(recipe, options.nodes);
  check_writable_folder(options.out, "--out");
  for (const auto& [name, source] : recipe.sources) list_files(source, name);  // they are there
  check_inputs(recipe, nodes);
  GrowPlan result;
  result.peak_gflops = matmul_peak_gflops();
  const std::shared_ptr<const Tokenizer> loaded =
      recipe.tokenizer.kind == TokenizerKind::world ? Vocabulary::get().tokenizer()
      : recipe.tokenizer.path.empty()               ? nullptr
                                                    : Tokenizer::load(recipe.tokenizer.path);
  struct Architecture {
    GptConfig config;
    StagePlan plan;
    double rate = 0;
  };
  std::map<std::string, Architecture> architectures;
  std::vector<Architecture*> of_node;
  for (const RecipeNode* n : nodes) {
    RecipeNode node = *n;
    if (node.model.vocab == 0) node.model.vocab = loaded ? loaded->vocab() : recipe.tokenizer.vocab;
    const StagePlan plan = stage_of(node).plan(node, recipe, ranks);
    result.nodes.push_back({n, plan});
    of_node.push_back(
        &architectures.try_emplace(to_toml(node.model), Architecture{node.model, plan})
             .first->second);
  }
  const double seconds_each = kSecondsToMeasure / static_cast<double>(architectures.size());
  for (auto& [key, a] : architectures)
    a.rate = expected_rate(a.config, a.plan, result.peak_gflops, seconds_each);
  for (size_t i = 0; i < result.nodes.size(); ++i) {
    PlannedNode& planned = result.nodes[i];
    planned.tokens_per_s = of_node[i]->rate;
    planned.seconds =
        (static_cast<double>(planned.plan.tokens) + kReadingShare * planned.plan.measured_tokens) /
        planned.tokens_per_s;
  }
  return result;
}

}  // namespace lineage
