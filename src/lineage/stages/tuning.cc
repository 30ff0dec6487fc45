#include "lineage/stages/tuning.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "lineage/base/error.h"
#include "lineage/checkpoint/model.h"
#include "lineage/data/mixture.h"
#include "lineage/data/text_data.h"
#include "lineage/stages/best_weights.h"
#include "lineage/stages/heldout.h"
#include "lineage/stages/node_run.h"
#include "lineage/stages/pretraining_mix.h"
#include "lineage/stages/recipe_effects.h"
#include "lineage/train/language_model.h"

namespace lineage {
namespace {

namespace fs = std::filesystem;

// The sets of demonstrations that a node uses, with the weights of its mixture.
std::map<std::string, double> sets_of(const RecipeNode& node, const Recipe& recipe,
                                      const TuningConfig& config) {
  return chosen_sets(recipe, config.mixture,
                     fmt::format("{}: nodes.{}.{}.mixture", node.place, node.name, node.stage));
}

std::map<std::string, double> text_of(const RecipeNode& node, const Recipe& recipe,
                                      const TuningConfig& config) {
  if (config.pretrain_share == 0) return {};
  return chosen_texts(
      recipe, config.pretrain_mixture,
      fmt::format("{}: nodes.{}.{}.pretrain_mixture", node.place, node.name, node.stage));
}

// Demonstrations as rows, mixed with pretraining text.
struct TuningData {
  BatchOptions options;
  std::vector<SourceRecord> records;          // of the mixture's shares
  std::map<std::string, DatasetPtr> heldout;  // demonstrations by set, as rows
  std::unique_ptr<const Mixture> mixture;
  int64_t demonstration_rows = 0;
};

TuningData tuning_data(const TuningConfig& config, std::vector<TuningSet> sets,
                       const TextData* text, const RecipeNode& node, const Tokenizer& tokenizer,
                       uint64_t seed) {
  const int64_t T = node.model.context;
  TuningData data;
  data.options = {T, true, false, tokenizer.special(Special::end_of_text)};
  std::vector<Share> shares;
  double weights = 0;
  for (TuningSet& set : sets) {
    const auto rows = [&](std::vector<Example> examples) {
      return fitted_rows(examples_dataset(set.record.name, std::move(examples)), T,
                         config.packing != Packing::single);
    };
    shares.push_back({rows(std::move(set.train)), set.record.weight});
    weights += set.record.weight;
    data.demonstration_rows += shares.back().dataset->size();
    if (!set.heldout.empty()) data.heldout[set.record.name] = rows(std::move(set.heldout));
    data.records.push_back(std::move(set.record));
  }
  if (text) {
    double text_weights = 0;
    for (const Share& s : text->mixture().shares()) text_weights += s.weight;
    const double scale =
        config.pretrain_share / (1 - config.pretrain_share) * weights / text_weights;
    for (const Share& s : text->mixture().shares()) shares.push_back({s.dataset, s.weight * scale});
    for (SourceRecord& record : text->records(0)) data.records.push_back(std::move(record));
  }
  data.mixture = std::make_unique<Mixture>(std::move(shares), seed);
  return data;
}

// Tokens of the run: as configured, or so many that the demonstrations are gone through `epochs`
// times, in whole rows.
int64_t tokens_of(const TuningConfig& config, const TuningData& data) {
  if (config.train.tokens > 0) return config.train.tokens;
  const double rows =
      config.epochs * static_cast<double>(data.demonstration_rows) / (1 - config.pretrain_share);
  return std::max<int64_t>(1, std::llround(rows)) * data.options.context;
}

// Loss a token of the answers held out: all together under "", and set by set.
std::map<std::string, double> heldout_losses(const Gpt& gpt, const TuningData& data,
                                             Communicator& ranks, const RowsDone& done = {}) {
  int64_t before = 0;  // rows of the sets before this one
  std::map<std::string, double> losses;
  HeldoutScore all;
  for (const auto& [name, rows] : data.heldout) {
    const HeldoutScore score =
        score_rows(gpt, *rows, rows->size(), data.options, ranks, [&](int64_t passed) {
          if (done) done(before + passed);
        });
    before += rows->size();
    losses[name] = score.nats_per_token();
    all.nats += score.nats;
    all.tokens += score.tokens;
  }
  if (all.tokens > 0) losses[""] = all.nats_per_token();
  return losses;
}

// An estimate of the tokens of all epochs, before the demonstrations are read.
int64_t estimated_tokens(const RecipeNode& node, const Recipe& recipe, const TuningConfig& config) {
  double tokens = 0;
  for (const auto& [name, weight] : sets_of(node, recipe, config))
    tokens += estimated_tokens(recipe, name).train;
  return std::llround(tokens * config.epochs / (1 - config.pretrain_share));
}

// Held-out tokens that the evaluations read: all of them each time, and again at the end.
double tokens_to_measure(const RecipeNode& node, const Recipe& recipe, const TuningConfig& config,
                         int64_t steps) {
  double held_out = 0;
  for (const auto& [name, weight] : sets_of(node, recipe, config))
    held_out += estimated_tokens(recipe, name).heldout;
  const int64_t times = steps / steps_between_measurements(recipe.run, steps);
  return held_out * static_cast<double>(times + 1);
}

}  // namespace

void replay_pretraining(TuningConfig& config, const RecipeNode& node) {
  if (config.pretrain_share == 0 || !config.pretrain_mixture.empty()) return;
  config.pretrain_mixture = pretraining_shares(node);
}

void validate_tuning(const TuningConfig& config, const RecipeNode& node, const Recipe& recipe) {
  const std::string place = fmt::format("{}: nodes.{}", node.place, node.name);
  const std::string& stage = node.stage;
  require(!node.parents.empty(), place, " has no parent; a stage ", stage,
          " wants the model to tune");
  require(!node.model.scalar_head, place, "'s parent has a scalar head; a stage ", stage,
          " wants a language model");
  TrainConfig train = config.train;
  if (train.tokens == 0) train.tokens = node.model.context;  // by epochs
  train.validate(fmt::format("{}.{}", place, stage), node.model.context);
  require(config.packing != Packing::packed, place, ".", stage,
          ".packing is \"packed\"; wanted best_fit or single, which cut no demonstration");
  require(
      !sets_of(node, recipe, config).empty(), place,
      ": the recipe has no [conversations.NAME], [demonstrations.NAME] or [dialogs.NAME]; wanted "
      "some to tune on");
  text_of(node, recipe, config);
  validate_lora(config.lora, node);
}

StageRemarks tuning_remarks(const TuningConfig& config, const RecipeNode& node) {
  StageRemarks remarks = train_remarks(config.train, node);
  if (config.train.tokens > 0) remarks.idle["epochs"] = "tokens says how long the stage is";
  if (config.pretrain_share == 0) remarks.idle["pretrain_mixture"] = "pretrain_share is 0";
  return remarks;
}

StageReads tuning_reads(const TuningConfig& config, const RecipeNode& node, const Recipe& recipe) {
  return {.texts = text_of(node, recipe, config),
          .sets = sets_of(node, recipe, config),
          .text_share = config.pretrain_share,
          .tokens = config.train.tokens,
          .epochs = config.epochs,
          .others = {}};
}

StagePlan tuning_plan(const TuningConfig& config, const RecipeNode& node, const Recipe& recipe,
                      int ranks) {
  StagePlan plan;
  plan.estimated = config.train.tokens == 0;
  plan.tokens = plan.estimated ? estimated_tokens(node, recipe, config) : config.train.tokens;
  plan.steps = plan.tokens / std::max<int64_t>(1, config.train.batch_tokens);
  plan.measured_tokens = tokens_to_measure(node, recipe, config, plan.steps);
  plan.parameters = parameter_count(node.model);
  plan.flops = training_flops_per_token(node.model, config.lora) * static_cast<double>(plan.tokens);
  plan.memory_bytes = training_bytes(node.model, config.train, ranks, config.lora);
  // Two training states, the best weights so far and the checkpoint.
  plan.disk_bytes = 9 * plan.parameters * size_of(DType::f32) + metrics_bytes(plan.steps);
  return plan;
}

std::vector<TuningSet> load_tuning_sets(const TuningConfig& config, const RecipeNode& node,
                                        const StageContext& context) {
  std::vector<TuningSet> sets;
  for (const auto& [name, weight] : sets_of(node, context.recipe, config)) {
    sets.push_back(tuning_set(context.recipe, name, *context.tokenizer, node.model.context));
    sets.back().record.weight = weight;
  }
  return sets;
}

namespace {

// Measures the loss of the held-out demonstrations, and lets `best` keep the weights of the least.
Measurement heldout_measurement(const Model& model, const TuningData& data, Communicator& ranks,
                                BestWeights* best) {
  int64_t rows = 0;
  for (const auto& [name, set] : data.heldout) rows += set->size();
  if (rows == 0) return {};
  Measurement measurement;
  measurement.tokens = measurement.tokens_at_end = rows * data.options.context;
  measurement.run = [&, rows, best](bool, const std::function<void(double)>& done) {
    const auto losses = heldout_losses(*model.gpt, data, ranks, [&](int64_t read) {
      done(static_cast<double>(read) / static_cast<double>(rows));
    });
    MetricValues values;
    for (const auto& [set, loss] : losses) values[{"loss", true, set}] = loss;
    if (const auto all = losses.find(""); all != losses.end() && best && ranks.rank() == 0)
      best->consider(all->second, model.trained());
    return values;
  };
  return measurement;
}

}  // namespace

void tune(const TuningConfig& config, std::vector<TuningSet> sets, const RecipeNode& node,
          const StageContext& context, const MeasureTuned& measure) {
  Communicator& ranks = context.ranks;
  const Rng key = Rng(context.recipe.seed).fold(node.stage);

  std::unique_ptr<const TextData> text;
  if (config.pretrain_share > 0)
    text = std::make_unique<TextData>(
        prepare_texts(context.recipe, text_of(node, context.recipe, config), *context.tokenizer,
                      {.cache = context.data_cache, .verify = false}),
        RowsConfig{}, *context.tokenizer, node.model.context, key.fold("text").key());
  const TuningData data = tuning_data(config, std::move(sets), text.get(), node, *context.tokenizer,
                                      key.fold("mixture").key());
  TrainConfig train = config.train;
  train.tokens = tokens_of(config, data);
  if (config.train.tokens == 0 && train.schedule.warmup_tokens > train.tokens)
    context.progress.note(warmup_note(node.name, train));

  Model model = first_model(node, context, config.lora);
  const bool select = config.select == Select::heldout_loss && !data.heldout.empty();
  BestWeights best(context.folder);
  LoopContext loop = loop_context(node, context);
  loop.measurement = heldout_measurement(model, data, ranks, select ? &best : nullptr);
  train_language_model(
      *model.gpt, model.trained(), train,
      [&](int64_t first, int64_t count) { return data.mixture->batch(first, count, data.options); },
      loop, config.lora);

  ranks.barrier();
  if (select) best.load(model.trained());
  const auto losses = heldout_losses(*model.gpt, data, ranks);
  const BatchPlan plan = train.plan(node.model.context);
  std::map<std::string, nlohmann::json> datasets;
  for (size_t i = 0; i < data.records.size(); ++i) {
    SourceRecord record = data.records[i];
    record.epochs = data.mixture->epochs(static_cast<int64_t>(i), plan.all_rows());
    nlohmann::json json = record;
    if (const auto it = losses.find(record.name); it != losses.end())
      json["heldout_nats_per_token"] = it->second;
    datasets[record.name] = std::move(json);
  }
  if (measure) measure(model, text.get());
  write_node(node, context, plan.steps(), plan.all_rows() * node.model.context, datasets, model);
  if (ranks.rank() == 0) best.remove();
  ranks.barrier();
}

}  // namespace lineage
