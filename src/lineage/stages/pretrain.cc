#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "lineage/base/error.h"
#include "lineage/checkpoint/model.h"
#include "lineage/checkpoint/training_state.h"
#include "lineage/data/files.h"
#include "lineage/data/text_data.h"
#include "lineage/stages/heldout.h"
#include "lineage/stages/node_manifest.h"
#include "lineage/stages/stage.h"
#include "lineage/train/trainer.h"

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

// What the manifest keeps: enough to run the same stage again.
struct FrozenPretrain {
  GptConfig model;
  PretrainConfig pretrain;
};

template <class V>
void fields(V& v, FrozenPretrain& c) {
  v("model", c.model, "");
  v("pretrain", c.pretrain, "");
}

class Pretrain final : public Stage {
 public:
  std::string_view name() const override { return "pretrain"; }
  void validate(const RecipeNode&, const Recipe&) const override;
  std::string frozen(const RecipeNode& node) const override {
    return to_toml(FrozenPretrain{node.model, read_config<PretrainConfig>(node.stage_table)});
  }
  std::string reference() const override { return config_reference<PretrainConfig>(); }
  std::vector<ConfigKey> keys() const override { return config_keys<PretrainConfig>(); }
  std::vector<std::string> sources(const RecipeNode&, const Recipe&) const override;
  StagePlan plan(const RecipeNode&, const Recipe&, int ranks) const override;
  void run(const RecipeNode&, const StageContext&) const override;
};

// The texts a node trains on, with the weights of its mixture.
std::map<std::string, double> mixed(const RecipeNode& node, const PretrainConfig& config,
                                    const Recipe& recipe) {
  return chosen_texts(recipe, config.mixture,
                      fmt::format("{}: nodes.{}.pretrain.mixture", node.place, node.name));
}

void Pretrain::validate(const RecipeNode& node, const Recipe& recipe) const {
  const auto config = read_config<PretrainConfig>(node.stage_table);
  const std::string& place = node.place;
  require(node.parents.size() <= 1, place, " has ", node.parents.size(),
          " parents; a pretrain stage wants none, or the model to train on");
  GptConfig model = node.model;
  if (model.vocab == 0) model.vocab = 1;  // the tokenizer's, which is not known yet
  model.validate(place);
  config.train.validate(place + ".pretrain", node.model.context);
  mixed(node, config, recipe);
}

std::vector<std::string> Pretrain::sources(const RecipeNode& node, const Recipe& recipe) const {
  std::vector<std::string> names;
  for (const auto& [name, weight] :
       mixed(node, read_config<PretrainConfig>(node.stage_table), recipe))
    names.push_back(name);
  return names;
}

BatchPlan batch_plan(const TrainConfig& c, int64_t context) {
  return BatchPlan(c.tokens / context, c.batch_tokens / context, c.ramp_from / context,
                   c.ramp_tokens / context);
}

// Held-out tokens that the measurements of a run read, as far as can be told before its texts are
// read: those on the way, and at the end all.
double tokens_to_measure(const std::map<std::string, double>& texts, const TrainConfig& train,
                         int64_t steps, const Recipe& recipe) {
  constexpr double kTextBytesAToken = 4;
  const auto each = static_cast<double>(measured_tokens(recipe.run, train, steps, texts.size()));
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

StagePlan Pretrain::plan(const RecipeNode& node, const Recipe& recipe, int ranks) const {
  const auto config = read_config<PretrainConfig>(node.stage_table);
  const GptConfig& model = node.model;
  const int64_t T = model.context;
  StagePlan plan;
  plan.tokens = config.train.tokens / T * T;
  plan.steps = batch_plan(config.train, T).steps();
  plan.parameters = parameter_count(model);
  plan.flops = training_flops_per_token(model) * static_cast<double>(plan.tokens);
  plan.memory_bytes = training_bytes(model, config.train, ranks);
  plan.measured_tokens =
      tokens_to_measure(mixed(node, config, recipe), config.train, plan.steps, recipe);
  // Two training states stand side by side for a moment: weights and both moments each.
  plan.disk_bytes = 7 * plan.parameters * size_of(DType::f32) + metrics_bytes(plan.steps);
  return plan;
}

void Pretrain::run(const RecipeNode& node, const StageContext& context) const {
  const auto config = read_config<PretrainConfig>(node.stage_table);
  Communicator& ranks = context.ranks;
  const uint64_t seed = context.recipe.seed;

  const TextData data(
      prepare_texts(context.recipe, mixed(node, config, context.recipe), *context.tokenizer,
                    {.cache = context.data_cache, .verify = false}),  // the runner has just done so
      config.rows, *context.tokenizer, node.model.context,
      Rng(seed).fold(name()).fold("mixture").key());

  Model model = make_model(node.model, true);
  if (context.parents.empty())
    model.parameters->initialize(seed);
  else
    Checkpoint::open(context.parents[0]).load(*model.parameters);

  const RunConfig& run = context.recipe.run;
  const int64_t on_the_way =
      measured_tokens(run, config.train, batch_plan(config.train, node.model.context).steps(),
                      data.sources().size());
  TrainContext train{
      node.name, context.folder,     ranks, context.progress, context.peak_gflops, {}, 0,
      0,         context.interrupted};
  train.measured_tokens = heldout_rows(data, on_the_way) * node.model.context;
  train.measured_last = heldout_rows(data, 0) * node.model.context;
  std::map<std::string, HeldoutScore> scores;  // after the last step, on all that is held out
  if (train.measured_last > 0)
    train.measure = [&](bool last, const std::function<void(double)>& done) {
      nlohmann::json json;
      const int64_t tokens = last ? 0 : on_the_way,
                    all = std::max<int64_t>(1, heldout_rows(data, tokens));
      auto measured = score_heldout(*model.gpt, data, tokens, ranks, [&](int64_t rows) {
        done(static_cast<double>(rows) / static_cast<double>(all));
      });
      for (const auto& [source, score] : measured) {
        const std::string suffix = source.empty() ? "" : "/" + source;
        json["heldout_loss" + suffix] = score.nats_per_token();
        json["heldout_bits_per_byte" + suffix] = score.bits_per_byte;
        for (const auto& [label, part] : score.labels)
          json["heldout_loss" + suffix + "/" + label] = part.nats_per_token();
      }
      if (last) scores = std::move(measured);
      return json;
    };
  Trainer trainer(*model.gpt, *model.parameters, config.train, run, std::move(train));
  trainer.run([&](int64_t first, int64_t count) { return data.batch(first, count); },
              language_model_loss, context.folder / "metrics.jsonl");

  if (ranks.rank() == 0) {
    Manifest manifest = node_manifest(name(), node, context, frozen(node), trainer);
    const int64_t rows = trainer.plan().first_row(trainer.steps());
    for (const SourceRecord& record : data.records(rows)) {
      nlohmann::json json = record;
      if (const auto it = scores.find(record.name); it != scores.end()) {
        json["heldout_nats_per_token"] = it->second.nats_per_token();
        json["heldout_bits_per_byte"] = it->second.bits_per_byte;
      }
      manifest.datasets[record.name] = std::move(json);
    }
    Checkpoint::write(context.folder, manifest, *model.parameters, context.tokenizer.get());
    remove_training_state(context.folder);
  }
  ranks.barrier();
}

}  // namespace

const Stage& pretrain_stage() {
  static const Pretrain stage;
  return stage;
}

}  // namespace lineage
