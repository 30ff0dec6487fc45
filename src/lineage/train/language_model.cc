#include "lineage/train/language_model.h"

#include "lineage/ops/ops.h"

namespace lineage {

// Where fewer than this share of the rows have a weight, as in demonstrations, whose answers alone
// do, taking those rows out pays.
constexpr double kWorthTaking = 0.9;

Tensor language_model_loss(const Gpt& gpt, const Batch& batch, float weight) {
  std::vector<int32_t> rows;  // with a weight
  const auto weights = batch.weights.data<float>();
  for (size_t n = 0; n < weights.size(); ++n)
    if (weights[n] != 0) rows.push_back(static_cast<int32_t>(n));
  const double share = static_cast<double>(rows.size()) / static_cast<double>(weights.size());
  if (rows.empty() || share > kWorthTaking) {
    const Tensor hidden = gpt.hidden(batch.tokens, batch.positions, batch.starts);
    return ops::linear_cross_entropy(hidden, gpt.head(), batch.targets, batch.weights, weight);
  }
  const auto R = static_cast<int64_t>(rows.size());
  Tensor targets = Tensor::empty({R}, DType::i32), some_weights = Tensor::empty({R});
  for (size_t i = 0; i < rows.size(); ++i) {
    targets.data<int32_t>()[i] = batch.targets.data<int32_t>()[rows[i]];
    some_weights.data<float>()[i] = weights[rows[i]];
  }
  const Tensor hidden = gpt.hidden(batch.tokens, batch.positions, batch.starts,
                                   Tensor::from({R}, std::span<const int32_t>(rows)));
  return ops::linear_cross_entropy(hidden, gpt.head(), targets, some_weights, weight);
}

MicroBatch language_model_batch(const Gpt& gpt, Batch batch) {
  const double weight = batch.total_weight;
  return {weight, [&gpt, batch = std::move(batch)](float total_weight) {
            return language_model_loss(gpt, batch, total_weight);
          }};
}

void train_language_model(const Gpt& gpt, Parameters& trained, const TrainConfig& config,
                          const BatchSource& batches, const LoopContext& context,
                          const std::optional<LoraConfig>& lora) {
  const int64_t T = gpt.config.context;
  const BatchPlan plan = config.plan(T);
  const Communicator& ranks = context.ranks;
  Trainer trainer(context.name, trained, config.optimizer, config.guard, context.ranks);
  LoopSteps steps;
  steps.count = plan.steps();
  steps.tokens = config.tokens;
  steps.flops_per_token = training_flops_per_token(gpt.config, lora);
  steps.save = [&](TrainingState& state) { trainer.save(state); };
  steps.restore = [&](const TrainingState& state) { trainer.restore(state); };
  steps.step = [&](int64_t index) {
    const RowRange all = plan.range(index);
    std::vector<MicroBatch> micro;
    for (const RowRange& r :
         micro_batches(all, config.micro_tokens / T, ranks.rank(), ranks.size()))
      micro.push_back(language_model_batch(gpt, batches(r.first, r.count)));
    const double scale = lr_scale(config.schedule, (all.first + all.count) * T, config.tokens);
    const Trainer::Step s = trainer.step(micro, scale);
    StepReport report;
    report.tokens = all.count * T;
    report.lr = scale * config.optimizer.lr;
    report.grad_norm = s.grad_norm;
    report.values[{"loss"}] = s.loss;
    report.event = s.why;
    report.skipped = trainer.skipped();
    return report;
  };
  run_loop(context, steps);
}

}  // namespace lineage
