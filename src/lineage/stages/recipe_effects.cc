#include "lineage/stages/recipe_effects.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "lineage/stages/stage.h"

namespace lineage {
namespace {

// Gathers settings without effect. A key of a table that several nodes share is seen once for each,
// and must have an effect on one of them.
class Effects {
 public:
  void key(const ConfigNode& table, std::string_view key, bool effective, const std::string& why) {
    if (!table.has(key) || table.line(key).starts_with("preset ")) return;
    const std::string at = fmt::format("{} {}", table.line(key), key);
    for (Seen& s : seen_)
      if (s.at == at) {
        s.effective = s.effective || effective;
        return;
      }
    seen_.push_back({at, table.place(key), why, effective});
  }
  std::vector<std::string> lines() const {
    std::vector<std::string> lines;
    for (const Seen& s : seen_)
      if (!s.effective) lines.push_back(fmt::format("{} has no effect: {}", s.place, s.why));
    return lines;
  }

 private:
  struct Seen {
    std::string at, place, why;  // `at`: of the value, whichever table it was merged into
    bool effective;
  };
  std::vector<Seen> seen_;
};

ConfigNode inner(const ConfigNode& table, std::string_view key) {
  return table.is_table(key) ? table.child(key) : ConfigNode();
}

void tokenizer_effects(Effects& effects, const ConfigNode& table, const TokenizerConfig& config) {
  const bool world = config.kind == TokenizerKind::world;
  effects.key(table, "path", !world, "tokenizer.kind is \"world\"");
  for (const char* key : {"vocab", "pattern", "sources", "sample_bytes"})
    effects.key(table, key, !world && config.path.empty(),
                world ? "tokenizer.kind is \"world\"" : "tokenizer.path names a trained tokenizer");
}

void source_effects(Effects& effects, const ConfigNode& table, const SourceConfig& config) {
  const std::string kind = fmt::format("kind is \"{}\"", enum_name(config.kind));
  for (const char* key : {"field", "bad_record"})
    effects.key(table, key, config.kind == SourceKind::jsonl, kind);
  effects.key(table, "code", config.kind == SourceKind::code, kind);
  effects.key(table, "split", config.kind == SourceKind::text, kind);
  const bool text = config.kind == SourceKind::text;
  effects.key(table, "delimiter", text && config.split == Split::delimiter,
              text ? "it takes split = \"delimiter\"" : kind);
}

void model_effects(Effects& effects, const ConfigNode& table, const GptConfig& config) {
  for (const char* key : {"rotary_theta", "rotary_width", "rotary_scaling"})
    effects.key(table, key, config.positions == Positions::rotary,
                "it takes positions = \"rotary\"");
  for (const char* key : {"window_blocks", "window_from"})
    effects.key(table, key, config.window > 0, "it takes window");
  effects.key(table, "norm_bias", config.norm == Norm::layer, "it takes norm = \"layer\"");
  effects.key(table, "position_offset", config.positions == Positions::learned,
              "it takes positions = \"learned\"");
}

// The table and the last part of a dotted key.
std::pair<ConfigNode, std::string> at_key(ConfigNode table, std::string_view key) {
  for (size_t dot; (dot = key.find('.')) != std::string_view::npos; key.remove_prefix(dot + 1))
    table = inner(table, key.substr(0, dot));
  return {table, std::string(key)};
}

void stage_effects(Effects& effects, const RecipeNode& node) {
  const auto idle = stage_of(node).remarks(node).idle;
  for (const ConfigKey& key : stage_of(node).keys()) {
    const auto [table, name] = at_key(node.stage_table, key.path);
    const auto why = idle.find(key.path);
    effects.key(table, name, why == idle.end(), why == idle.end() ? "" : why->second);
  }
}

// Tables of data that nothing reads, and of stages that no node has.
void unread_tables(Effects& effects, const ConfigNode& document, const Recipe& recipe) {
  std::set<std::string> read, stages;
  for (const RecipeNode& n : recipe.nodes) {
    stages.insert(n.stage);
    const StageReads reads = stage_of(n).reads(n, recipe);
    for (const std::string& s : reads.names()) read.insert(s);
    read.insert(reads.prompts.begin(), reads.prompts.end());
  }
  const TokenizerConfig& tokenizer = recipe.tokenizer;
  const bool trains = tokenizer.kind == TokenizerKind::bpe && tokenizer.path.empty();
  read.insert(tokenizer.sources.begin(), tokenizer.sources.end());
  if (trains && tokenizer.sources.empty())
    for (const auto& [name, source] : recipe.sources) read.insert(name);
  for (const char* tables :
       {"sources", "corpora", "conversations", "demonstrations", "dialogs", "preferences"}) {
    const ConfigNode named = inner(document, tables);
    for (const std::string& name : named.keys())
      effects.key(named, name, read.contains(name), "no node reads it");
  }
  for (const std::string_view stage : stage_names())
    effects.key(document, stage, stages.contains(std::string(stage)),
                fmt::format("no node has the stage {}", stage));
  effects.key(document, "model",
              std::ranges::any_of(recipe.nodes,
                                  [](const RecipeNode& n) {
                                    return n.parents.empty() && stage_of(n).origin(n).empty();
                                  }),
              "each node without parents is imported, with its own architecture");
  const bool world = recipe.tokenizer.kind == TokenizerKind::world;
  effects.key(document, "world", world || !recipe.corpora.empty(),
              "it takes tokenizer.kind = \"world\"");
  const EvaluationConfig& evaluation = recipe.evaluation;
  const bool files = !evaluation.files.empty() || !evaluation.questions.empty();
  effects.key(document, "evaluation", world || files,
              "it takes tokenizer.kind = \"world\", or files");
  effects.key(inner(document, "evaluation"), "abilities", world || !files,
              "it takes tokenizer.kind = \"world\"");
}

}  // namespace

StageRemarks train_remarks(const TrainConfig& train, const RecipeNode& node) {
  StageRemarks remarks;
  const auto idle = [&](bool effective, std::initializer_list<const char*> keys, const char* why) {
    for (const char* key : keys)
      if (!effective) remarks.idle[key] = why;
  };
  idle(train.optimizer.kind == OptimizerKind::muon,
       {"optimizer.muon_lr", "optimizer.muon_momentum"}, "it takes optimizer.kind = \"muon\"");
  idle(train.schedule.kind != ScheduleKind::constant, {"schedule.final", "schedule.decay_tokens"},
       "schedule.kind is \"constant\"");
  idle(train.guard.spike != GuardAction::ignore, {"guard.spike_sigmas"},
       "guard.spike is \"ignore\"");
  idle(train.ramp_tokens > 0, {"ramp_from"}, "it takes ramp_tokens");

  // A step takes whole rows, and a warm-up ends within the run.
  const int64_t T = node.model.context, batch = train.batch_tokens, micro = train.micro_tokens;
  if (batch % T != 0)
    remarks.notes.push_back(
        fmt::format("{}: batch_tokens is {}; a step takes {}, whole rows of {} tokens", node.name,
                    batch, batch / T * T, T));
  if (train.tokens > 0 && train.schedule.warmup_tokens > train.tokens)
    remarks.notes.push_back(warmup_note(node.name, train));
  if (micro < T && node.stage_table.has("micro_tokens"))
    remarks.notes.push_back(fmt::format(
        "{}: micro_tokens is {}; {} are in memory at once, a whole row", node.name, micro, T));
  return remarks;
}

std::vector<std::string> without_effect(const ConfigNode& document, const Recipe& recipe) {
  Effects effects;
  tokenizer_effects(effects, inner(document, "tokenizer"), recipe.tokenizer);
  for (const auto& [name, source] : recipe.sources)
    source_effects(effects, inner(inner(document, "sources"), name), source);
  for (const auto& [name, corpus] : recipe.corpora)
    effects.key(inner(inner(document, "corpora"), name), "code", corpus.kind == CorpusKind::code,
                "kind is \"text\"");
  for (const RecipeNode& n : recipe.nodes) {
    if (n.parents.empty() && stage_of(n).origin(n).empty())
      model_effects(effects, n.model_table, n.model);
    stage_effects(effects, n);
  }
  unread_tables(effects, document, recipe);
  std::vector<std::string> lines = effects.lines();
  for (const RecipeNode& n : recipe.nodes)
    for (std::string& line : stage_of(n).remarks(n).notes) lines.push_back(std::move(line));
  return lines;
}

}  // namespace lineage
