#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "lineage/base/error.h"
#include "lineage/data/files.h"
#include "lineage/data/text_data.h"
#include "lineage/stages/heldout.h"
#include "lineage/stages/node_run.h"
#include "lineage/stages/recipe_effects.h"
#include "lineage/stages/stage_of.h"
#include "lineage/train/language_model.h"

namespace lineage {
namespace {

// Next-token prediction on a mixture of texts, from scratch or on from a parent (a code model is a
// language model trained on with another mixture).
struct PretrainConfig {
  std::map<std::string, double> mixture;
  RowsConfig rows;
  TrainConfig train;
};

template <class V>
void fields(V& v, PretrainConfig& c) {
  v("mixture", c.mixture, "weight of each source used; empty: all, with their own weights",
    from_above_to(0, 1e9));
  fields(v, c.rows);
  fields(v, c.train);
}

// The texts a node trains on, with the weights of its mixture.
std::map<std::string, double> mixed(const RecipeNode& node, const PretrainConfig& config,
                                    const Recipe& recipe) {
  return chosen_texts(recipe, config.mixture,
                      fmt::format("{}: nodes.{}.pretrain.mixture", node.place, node.name));
}

void validate_pretrain(const PretrainConfig& config, const RecipeNode& node, const Recipe& recipe) {
  const std::string& place = node.place;
  require(node.parents.size() <= 1, place, " has ", node.parents.size(),
          " parents; a pretrain stage wants none, or the model to train on");
  GptConfig model = node.model;
  if (model.vocab == 0) model.vocab = 1;  // the tokenizer's, which is not known yet
  model.validate(place);
  require(!model.scalar_head, place,
          ": model.scalar_head is true; wanted false in a language model");
  config.train.validate(place + ".pretrain", node.model.context);
  mixed(node, config, recipe);
}

StageReads pretrain_reads(const PretrainConfig& config, const RecipeNode& node,
                          const Recipe& recipe) {
  StageReads reads;
  reads.texts = mixed(node, config, recipe);
  reads.text_share = 1;
  reads.tokens = config.train.plan(node.model.context).all_rows() * node.model.context;
  return reads;
}

// Held-out tokens that the evaluations of a run read, as far as known before its texts are read:
// those during the run, and all at the end.
double tokens_to_measure(const std::map<std::string, double>& texts, const TrainConfig& train,
                         int64_t steps, const Recipe& recipe) {
  constexpr double kTextBytesAToken = 4;
  const auto each =
      static_cast<double>(measured_tokens(recipe.run, train.tokens, steps, texts.size()));
  const double times = static_cast<double>(steps / steps_between_measurements(recipe.run, steps));
  double tokens = 0;
  for (const auto& [name, weight] : texts) {
    double held_out = 0;
    if (const auto corpus = recipe.corpora.find(name); corpus != recipe.corpora.end()) {
      held_out = static_cast<double>(corpus->second.heldout_tokens);
    } else {
      const SourceConfig& source = recipe.sources.at(name);
      for (const InputFile& f : list_files(source, name).files)
        held_out += static_cast<double>(f.size) * source.heldout / kTextBytesAToken;
    }
    tokens += times * std::min(each, held_out) + held_out;
  }
  return tokens;
}

StagePlan pretrain_plan(const PretrainConfig& config, const RecipeNode& node, const Recipe& recipe,
                        int ranks) {
  const GptConfig& model = node.model;
  const BatchPlan rows = config.train.plan(model.context);
  StagePlan plan;
  plan.tokens = rows.all_rows() * model.context;
  plan.steps = rows.steps();
  plan.parameters = parameter_count(model);
  plan.flops = training_flops_per_token(model) * static_cast<double>(plan.tokens);
  plan.memory_bytes = training_bytes(model, config.train, ranks);
  plan.measured_tokens =
      tokens_to_measure(mixed(node, config, recipe), config.train, plan.steps, recipe);
  // Two training states exist side by side for a moment: weights and both moments each.
  plan.disk_bytes = 7 * plan.parameters * size_of(DType::f32) + metrics_bytes(plan.steps);
  return plan;
}

// The values of all sources together, of each, and of the parts of each.
MetricValues values_of(const std::map<std::string, HeldoutScore>& scores) {
  MetricValues values;
  for (const auto& [source, score] : scores) {
    values[{"loss", true, source}] = score.nats_per_token();
    values[{"bits_per_byte", true, source}] = score.bits_per_byte;
    for (const auto& [label, part] : score.labels)
      values[{"loss", true, source + "/" + label}] = part.nats_per_token();
  }
  return values;
}

void run_pretrain(const PretrainConfig& config, const RecipeNode& node,
                  const StageContext& context) {
  const int64_t T = node.model.context;
  const TextData data(
      prepare_texts(context.recipe, mixed(node, config, context.recipe), *context.tokenizer,
                    {.cache = context.data_cache, .verify = false}),  // the runner has just done so
      config.rows, *context.tokenizer, T,
      Rng(context.recipe.seed).fold(node.stage).fold("mixture").key());
  Model model = first_model(node, context);
  const BatchPlan plan = config.train.plan(T);

  LoopContext loop = loop_context(node, context);
  const int64_t on_the_way =
      measured_tokens(loop.run, config.train.tokens, plan.steps(), data.sources().size());
  loop.measurement.tokens = heldout_rows(data, on_the_way) * T;
  loop.measurement.tokens_at_end = heldout_rows(data, 0) * T;
  std::map<std::string, HeldoutScore> scores;  // after the last step, on all that is held out
  if (loop.measurement.tokens_at_end > 0)
    loop.measurement.run = [&](bool last, const std::function<void(double)>& done) {
      const int64_t tokens = last ? 0 : on_the_way;
      const auto all = static_cast<double>(std::max<int64_t>(1, heldout_rows(data, tokens)));
      auto measured = score_heldout(*model.gpt, data, tokens, context.ranks,
                                    [&](int64_t rows) { done(static_cast<double>(rows) / all); });
      auto values = values_of(measured);
      if (last) scores = std::move(measured);
      return values;
    };
  train_language_model(
      *model.gpt, *model.parameters, config.train,
      [&](int64_t first, int64_t count) { return data.batch(first, count); }, loop);

  std::map<std::string, nlohmann::json> datasets;
  for (const SourceRecord& record : data.records(plan.all_rows())) {
    nlohmann::json json = record;
    if (const auto it = scores.find(record.name); it != scores.end()) {
      json["heldout_nats_per_token"] = it->second.nats_per_token();
      json["heldout_bits_per_byte"] = it->second.bits_per_byte;
    }
    datasets[record.name] = std::move(json);
  }
  write_node(node, context, plan.steps(), plan.all_rows() * T, datasets, model);
}

}  // namespace

const Stage& pretrain_stage() {
  static const StageOf<PretrainConfig> stage({
      .name = "pretrain",
      .text = {StageKind::base, "pretraining",
               "The model starts from random weights and learns to predict the next token of plain "
               "text."},
      .with_parent = {StageKind::base, "continued pretraining",
                      "The same training goes on from the parent’s weights, with other text. Where "
                      "most of that text is programs, this is the code stage."},
      .validate = validate_pretrain,
      .remarks = [](const PretrainConfig& config,
                    const RecipeNode& node) { return train_remarks(config.train, node); },
      .reads = pretrain_reads,
      .plan = pretrain_plan,
      .run = run_pretrain,
  });
  return stage;
}

}  // namespace lineage
