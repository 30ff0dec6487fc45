#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>

#include "lineage/base/error.h"
#include "lineage/base/file.h"
#include "lineage/data/permutation.h"
#include "lineage/data/prompts.h"
#include "lineage/eval/statistics.h"
#include "lineage/rlhf/losses.h"
#include "lineage/rlhf/request_scores.h"
#include "lineage/stages/best_weights.h"
#include "lineage/stages/moderation_report.h"
#include "lineage/stages/node_run.h"
#include "lineage/stages/recipe_effects.h"
#include "lineage/stages/requests.h"
#include "lineage/stages/stage_of.h"
#include "lineage/train/trainer.h"
#include "lineage/world/feedback/prompts.h"
#include "lineage/world/feedback/same_wording.h"

namespace lineage {
namespace {

struct ModerationConfig {
  int64_t prompts = 4000, set_aside = 1000, heldout = 2000;
  RequestsConfig requests;  // not its files, which come in two sets
  double same_wording = 0.2;
  std::string improper_files{}, harmless_files{};
  double max_flagged = 0.01;
  int64_t batch = 32;
  int64_t micro_tokens = 16384;
  int64_t epochs = 1;
  OptimizerConfig optimizer;
  ScheduleConfig schedule;
  GuardConfig guard;

  bool of_files() const { return !improper_files.empty() || !harmless_files.empty(); }
};

template <class V>
void fields(V& v, ModerationConfig& c) {
  v("prompts", c.prompts, "requests to train on", between(1, kFirstProbe - kFirstAnswered));
  v("set_aside", c.set_aside,
    "further requests of the trained intents, persons and topics: they choose the threshold, and "
    "with several epochs the weights; of files a tenth of those to train on",
    between(10, 100000));
  v("heldout", c.heldout,
    "requests of other intents, persons and topics that are drawn to measure on, each text once; "
    "of files their own share is held out",
    between(0, 100000));
  v("kinds", c.requests.kinds,
    "shares of the kinds of request, as in [ppo]; improper is to be flagged, the others are not; "
    "empty: improper and look_alike .35 each, and .03 of each other kind of single request",
    between(0, 1e9));
  v("mixture", c.requests.mixture,
    "the sets of [demonstrations.NAME] whose types the instructions among them are of; empty: all",
    from_above_to(0, 1e9));
  v("same_wording", c.same_wording,
    "share of all requests that are harmless ones in the wordings of improper ones, with other "
    "verbs "
    "(\"how do i fix the bridge ?\"); `kinds` are shares of the rest",
    from_to_below(0, 1));
  v("improper_files", c.improper_files,
    "a set of [conversations.NAME] whose prompts nobody should help with; with harmless_files it "
    "takes the place of the micro-world's requests");
  v("harmless_files", c.harmless_files, "a set of [conversations.NAME] with harmless prompts");
  v("max_flagged", c.max_flagged,
    "of the harmless requests set aside, the threshold flags at most this share", between(0, 1));
  v("batch", c.batch, "requests of one optimizer step, over all ranks", between(1, 1e6));
  v("micro_tokens", c.micro_tokens,
    "at most so many tokens of a rank's batch are in memory at once", between(1, 1e12));
  v("epochs", c.epochs,
    "how often to go through the requests; the weights of the pass with the least loss on those "
    "set "
    "aside are kept",
    between(1, 1000));
  v("optimizer", c.optimizer, "");
  v("schedule", c.schedule, "");
  v("guard", c.guard, "what to do when the run diverges");
}

// Half of what matters most, the border between improper requests and their look-alikes, is seen
// as often as the other half; the rest is there so that no other kind is flagged.
PromptShares moderation_shares() {
  constexpr double kOfEachOther = 0.03;
  PromptShares shares = single_turn_shares();
  for (auto& [kind, share] : shares)
    share = kind == prompt_kind_name(PromptKind::improper) ||
                    kind == prompt_kind_name(PromptKind::look_alike)
                ? 0.35
                : kOfEachOther;
  return shares;
}

void check_shares(const PromptShares& kinds, const std::string& place) {
  const std::string_view improper = prompt_kind_name(PromptKind::improper);
  const auto one = [&](bool wanted) {
    return std::ranges::any_of(
        kinds, [&](const auto& k) { return k.second > 0 && (k.first == improper) == wanted; });
  };
  require(one(true) && one(false), place, ".kinds has no ", one(true) ? "harmless" : "improper",
          " requests; wanted some of both, to tell them apart");
}

void validate_moderation(const ModerationConfig& config, const RecipeNode& node,
                         const Recipe& recipe) {
  const std::string place = fmt::format("{}: nodes.{}", node.place, node.name);
  const std::string table = fmt::format("{}.{}", place, node.stage);
  require(node.parents.size() == 1, place, " has ", node.parents.size(),
          " parents; a stage moderation wants one, the language model that it starts from");
  require(!recipe.node(node.parents[0]).model.scalar_head, place,
          "'s parent has a scalar head; wanted a language model");
  if (!config.of_files()) {
    if (recipe.tokenizer.kind != TokenizerKind::world)
      throw Error(table +
                      " has no requests; wanted improper_files and harmless_files, each the "
                      "name of a [conversations.NAME]",
                  "requests of the micro-world take tokenizer.kind = \"world\"");
    validate_requests(config.requests, node, recipe);
    check_shares(config.requests.kinds, table);
    return;
  }
  for (const auto& [key, name] : {std::pair("improper_files", config.improper_files),
                                  std::pair("harmless_files", config.harmless_files)})
    require(recipe.conversations.contains(name), table, ".", key, " is \"", name,
            "\"; wanted the name of a [conversations.NAME]");
  require(config.improper_files != config.harmless_files, table,
          ".harmless_files is that of improper_files, \"", config.harmless_files,
          "\"; wanted another set");
}

StageRemarks moderation_remarks(const ModerationConfig& config, const RecipeNode& node) {
  TrainConfig train;
  train.optimizer = config.optimizer, train.schedule = config.schedule, train.guard = config.guard;
  train.batch_tokens = train.micro_tokens = node.model.context;
  StageRemarks remarks = train_remarks(train, node);
  remarks.idle.erase("ramp_from");
  if (config.of_files())
    for (const char* key : {"prompts", "set_aside", "heldout", "kinds", "mixture", "same_wording"})
      remarks.idle[key] = "the requests come from files";
  return remarks;
}

// A conversation up to the assistant's turn, and what is known of its last request.
struct LabeledRequest {
  Tokens context;
  JudgedRequest judged;  // without its logit
};

struct ModerationData {
  std::vector<LabeledRequest> train, set_aside, heldout;
  std::map<std::string, nlohmann::json> records;
};

int64_t request_tokens(const std::vector<LabeledRequest>& all) {
  int64_t tokens = 0;
  for (const LabeledRequest& r : all) tokens += std::ssize(r.context);
  return tokens;
}

// Both sides of the training requests must be there; what is held out is measured as far as it is.
void require_both(const std::vector<LabeledRequest>& all, const RecipeNode& node,
                  const char* what) {
  const auto improper =
      std::ranges::count_if(all, [](const LabeledRequest& r) { return r.judged.improper; });
  require(improper > 0 && improper < std::ssize(all), node.name, ": of ", all.size(), " requests ",
          what, " ", improper, " are improper; wanted some that are and some that are not");
}

ModerationData world_moderation(const ModerationConfig& config, const RecipeNode& node,
                                const StageContext& context) {
  const auto requests = open_requests(config.requests, node, context, node.model.context);
  const World world(context.recipe.world);
  const auto at = [&](int64_t i, ItemUse use) {
    const auto index = static_cast<uint64_t>(i);
    if (item_rng(world, "whether of the same wording", index).uniform_double(0) <
        config.same_wording) {
      SameWording r = same_wording_request(world, index, use);
      return LabeledRequest{std::move(r.context), {kSameWording, "verb " + r.verb, false}};
    }
    const std::string kind = requests->kind(i, use);
    return LabeledRequest{
        requests->context(i, use),
        {kind, requests->about(i, use), kind == prompt_kind_name(PromptKind::improper)}};
  };
  ModerationData data;
  for (int64_t i = 0; i < config.prompts; ++i) data.train.push_back(at(i, ItemUse::training));
  for (int64_t i = 0; i < config.set_aside; ++i)
    data.set_aside.push_back(at(config.prompts + i, ItemUse::training));
  std::set<Tokens> seen;  // few intents in few wordings come again and again
  for (int64_t i = 0; i < config.heldout; ++i)
    if (LabeledRequest r = at(i, ItemUse::test); seen.insert(r.context).second)
      data.heldout.push_back(std::move(r));
  SourceRecord record;
  record.name = node.stage;
  record.kind = "improper and harmless requests";
  record.documents = std::ssize(data.train);
  record.tokens = request_tokens(data.train);
  record.heldout_documents = std::ssize(data.heldout);
  record.heldout_tokens = request_tokens(data.heldout);
  record.epochs = static_cast<double>(config.epochs);
  data.records[record.name] = record;
  return data;
}

ModerationData file_moderation(const ModerationConfig& config, const RecipeNode& node,
                               const StageContext& context) {
  constexpr int64_t kSetAside = 10;  // one of so many
  ModerationData data;
  for (const bool improper : {true, false}) {
    const std::string& name = improper ? config.improper_files : config.harmless_files;
    SourceRecord record;
    int64_t trained = 0;
    for (FilePrompt& p : file_prompts(name, context.recipe.conversations.at(name),
                                      *context.tokenizer, node.model.context, record)) {
      LabeledRequest r{std::move(p.prompt), {improper ? "improper" : "harmless", "", improper}};
      auto& part = p.heldout                    ? data.heldout
                   : trained++ % kSetAside == 0 ? data.set_aside
                                                : data.train;
      part.push_back(std::move(r));
    }
    record.epochs = static_cast<double>(config.epochs);
    const std::string left_out = describe_dropped(record);
    context.progress.note(fmt::format("{}: {} prompts of {} within {} tokens, {} more held out{}{}",
                                      node.name, record.documents, name, node.model.context,
                                      record.heldout_documents, left_out.empty() ? "" : "; ",
                                      left_out));
    data.records[name] = record;
  }
  return data;
}

class ModerationRun {
 public:
  ModerationRun(const ModerationConfig& config, const RecipeNode& node, const StageContext& context,
                const ModerationData& data)
      : config_(config),
        node_(node),
        context_(context),
        data_(data),
        best_(context.folder),
        model_(first_model(node, context)),
        trainer_(node.name, *model_.parameters, config.optimizer, config.guard, context.ranks) {
    a_pass_ = (std::ssize(data.train) + config.batch - 1) / config.batch;
    tokens = config.epochs * request_tokens(data.train);
    steps = config.epochs * a_pass_;
  }

  void run() {
    LoopContext loop = loop_context(node_, context_);
    if (!data_.heldout.empty())
      loop.measurement.run = [&](bool, const std::function<void(double)>&) { return measure(); };
    LoopSteps all;
    all.count = steps;
    all.tokens = tokens;
    all.flops_per_token = training_flops_per_token(node_.model);
    all.shown = {"logistic_loss"};
    all.step = [&](int64_t index) { return step(index); };
    all.save = [&](TrainingState& state) { trainer_.save(state); };
    all.restore = [&](const TrainingState& state) { trainer_.restore(state); };
    run_loop(loop, all);
    context_.ranks.barrier();
    if (config_.epochs > 1) best_.load(*model_.parameters);
  }

  // Once the node is written: a run that is killed before that needs it.
  void remove_best() const {
    if (context_.ranks.rank() == 0) best_.remove();
    context_.ranks.barrier();
  }
  Model& model() { return model_; }

  std::vector<JudgedRequest> judged(const std::vector<LabeledRequest>& requests) const {
    std::vector<std::span<const Token>> contexts;
    std::vector<JudgedRequest> out;
    for (const LabeledRequest& r : requests)
      contexts.emplace_back(r.context), out.push_back(r.judged);
    const std::vector<float> logits = request_logits(*model_.gpt, contexts, config_.micro_tokens);
    for (size_t i = 0; i < out.size(); ++i) out[i].logit = logits[i];
    return out;
  }

  int64_t tokens = 0, steps = 0;

 private:
  // The requests of a step, in an order of each pass's own.
  std::vector<const LabeledRequest*> requests_of(int64_t step) const {
    const auto n = std::ssize(data_.train);
    const Permutation order(Rng(context_.recipe.seed)
                                .fold("moderation order")
                                .fold(static_cast<uint64_t>(step / a_pass_)),
                            n);
    const int64_t first = step % a_pass_ * config_.batch;
    std::vector<const LabeledRequest*> out;
    for (int64_t i = first; i < std::min(first + config_.batch, n); ++i)
      out.push_back(&data_.train[order(i)]);
    return out;
  }

  // Some requests that are in memory together, at most micro_tokens or one alone.
  MicroBatch micro_batch(std::span<const LabeledRequest* const> some, double& right) {
    auto labels = std::make_shared<std::vector<uint8_t>>();
    std::vector<std::span<const Token>> contexts;
    for (const LabeledRequest* r : some)
      contexts.emplace_back(r->context), labels->push_back(r->judged.improper);
    auto rows = std::make_shared<AnswerRows>(request_rows(contexts, node_.model.context));
    return {static_cast<double>(some.size()), [this, rows, labels, &right](float total) {
              const Tensor logits = answer_rewards(*model_.gpt, *rows);
              const LogisticLoss loss = logistic_loss(logits.data<float>(), *labels, total);
              right += static_cast<double>(loss.right) / total;
              return differentiable(logits, loss);
            }};
  }

  StepReport step(int64_t index) {
    const std::vector<const LabeledRequest*> all = requests_of(index);
    std::vector<const LabeledRequest*> mine;
    for (const RowRange& r : micro_batches({0, std::ssize(all)}, std::ssize(all),
                                           context_.ranks.rank(), context_.ranks.size()))
      mine.insert(mine.end(), all.begin() + r.first, all.begin() + r.first + r.count);
    std::array<double, 1> right{};
    std::vector<MicroBatch> micro;
    for (size_t begin = 0; begin < mine.size();) {
      size_t end = begin;
      for (int64_t n = 0; end < mine.size(); ++end) {
        n += std::ssize(mine[end]->context);
        if (end > begin && n > config_.micro_tokens) break;
      }
      micro.push_back(micro_batch(std::span(mine).subspan(begin, end - begin), right[0]));
      begin = end;
    }
    const double scale = lr_scale(config_.schedule, tokens * (index + 1) / steps, tokens);
    const Trainer::Step s = trainer_.step(micro, scale, right);
    StepReport report;
    for (const LabeledRequest* r : all) report.tokens += std::ssize(r->context);
    report.lr = scale * config_.optimizer.lr;
    report.grad_norm = s.grad_norm;
    report.values[{"logistic_loss"}] = s.loss;
    report.values[{"accuracy"}] = right[0];
    report.event = s.why;
    report.skipped = trainer_.skipped();
    if (config_.epochs > 1 && (index + 1) % a_pass_ == 0) {
      const double loss = loss_of(judged(data_.set_aside));
      report.values[{"validation_loss"}] = loss;
      if (context_.ranks.rank() == 0) best_.consider(loss, *model_.parameters);
    }
    return report;
  }

  static double loss_of(std::span<const JudgedRequest> requests) {
    std::vector<float> logits;
    std::vector<uint8_t> labels;
    for (const JudgedRequest& r : requests) logits.push_back(r.logit), labels.push_back(r.improper);
    return logistic_loss(logits, labels, static_cast<double>(logits.size())).loss;
  }

  MetricValues measure() const {
    const std::vector<JudgedRequest> requests = judged(data_.heldout);
    std::vector<double> improper, harmless;
    for (const JudgedRequest& r : requests) (r.improper ? improper : harmless).push_back(r.logit);
    MetricValues values;
    values[{"logistic_loss", true}] = loss_of(requests);
    if (!improper.empty() && !harmless.empty())
      values[{"auroc", true}] = auroc(improper, harmless).value;
    return values;
  }

  const ModerationConfig& config_;
  const RecipeNode& node_;
  const StageContext& context_;
  const ModerationData& data_;
  BestWeights best_;
  Model model_;
  Trainer trainer_;
  int64_t a_pass_ = 0;  // steps
};

void run_moderation(const ModerationConfig& config, const RecipeNode& node,
                    const StageContext& context) {
  const ModerationData data = config.of_files() ? file_moderation(config, node, context)
                                                : world_moderation(config, node, context);
  require_both(data.train, node, "to train on");
  require_both(data.set_aside, node, "set aside");
  ModerationRun run(config, node, context, data);
  run.run();
  if (context.ranks.rank() == 0) {
    const std::vector<JudgedRequest> set_aside = run.judged(data.set_aside);
    write_file_atomic(context.folder / kModerationReport,
                      moderation_report(flag_threshold(set_aside, config.max_flagged),
                                        config.max_flagged, set_aside, run.judged(data.heldout))
                              .dump(1) +
                          "\n");
  }
  write_node(node, context, run.steps, run.tokens, data.records, run.model());
  run.remove_best();
}

StagePlan moderation_plan(const ModerationConfig& config, const RecipeNode& node, const Recipe&,
                          int ranks) {
  constexpr int64_t kTokensARequest = 16;  // with the template, about
  StagePlan plan;
  plan.estimated = true;
  plan.tokens = config.prompts * config.epochs * kTokensARequest;
  plan.steps = (config.prompts + config.batch - 1) / config.batch * config.epochs;
  plan.parameters = parameter_count(node.model);
  plan.flops = training_flops_per_token(node.model) * static_cast<double>(plan.tokens);
  TrainConfig train;
  train.optimizer = config.optimizer;
  train.micro_tokens = config.micro_tokens;
  plan.memory_bytes = training_bytes(node.model, train, ranks);
  // Two states, the best weights, and the model.
  plan.disk_bytes = 9 * plan.parameters * size_of(DType::f32) + metrics_bytes(plan.steps);
  return plan;
}

}  // namespace

// A content filter: the parent with a scalar head, trained to say how likely it is that nobody
// should help with a request before another model reads it (Markov et al. 2023, "A Holistic
// Approach to Undesired Content Detection in the Real World").
const Stage& moderation_stage() {
  static const StageOf<ModerationConfig> stage({
      .name = "moderation",
      .text = {StageKind::feedback, "content filter",
               "The model learns to say of each request how likely it is that nobody should help "
               "with it, beside harmless requests in the same words."},
      .tunes_on_conversations = true,
      .model =
          [](GptConfig parent) {
            parent.scalar_head = true;
            return parent;
          },
      .complete =
          [](ModerationConfig& config, const RecipeNode&) {
            if (config.requests.kinds.empty() && !config.of_files())
              config.requests.kinds = moderation_shares();
          },
      .validate = validate_moderation,
      .remarks = moderation_remarks,
      .reads =
          [](const ModerationConfig& config, const RecipeNode&, const Recipe& recipe) {
            StageReads reads;
            if (config.of_files())
              reads.prompts = {config.improper_files, config.harmless_files};
            else
              add_request_sets(config.requests, recipe, reads);
            return reads;
          },
      .plan = moderation_plan,
      .run = run_moderation,
  });
  return stage;
}

}  // namespace lineage
