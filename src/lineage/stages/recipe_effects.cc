#include "lineage/stages/recipe_effects.h"

#include <fmt/format.h>

#include <set>

#include "lineage/stages/stage.h"

namespace lineage {
namespace {

// Gathers what has no effect. A key of a table that several nodes share is seen once for each, and
// needs an effect on one of them.
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
  effects.key(table, "rotary_theta", config.positions == Positions::rotary,
              "it takes positions = \"rotary\"");
  effects.key(table, "position_offset", config.positions == Positions::learned,
              "it takes positions = \"learned\"");
}

// The keys of several stages that say whether others have an effect.
struct StageKeys {
  double pretrain_share = 0;
  std::string ratings;
  TrainConfig train;
};
template <class V>
void fields(V& v, StageKeys& c) {
  v("pretrain_share", c.pretrain_share, "");
  v("ratings", c.ratings, "");
  fields(v, c.train);
}

void stage_effects(Effects& effects, const RecipeNode& node) {
  const ConfigNode& table = node.stage_table;
  StageKeys keys;
  ConfigReader reader(table);
  fields(reader, keys);  // without finish(): the table has other keys, too
  const TrainConfig& train = keys.train;
  for (const char* key : {"muon_lr", "muon_momentum"})
    effects.key(inner(table, "optimizer"), key, train.optimizer.kind == OptimizerKind::muon,
                "it takes optimizer.kind = \"muon\"");
  for (const char* key : {"final", "decay_tokens"})
    effects.key(inner(table, "schedule"), key, train.schedule.kind != ScheduleKind::constant,
                "schedule.kind is \"constant\"");
  effects.key(inner(table, "guard"), "spike_sigmas", train.guard.spike != GuardAction::ignore,
              "guard.spike is \"ignore\"");
  effects.key(table, "ramp_from", train.ramp_tokens > 0, "it takes ramp_tokens");
  effects.key(table, "epochs", train.tokens == 0, "tokens says how long the stage is");
  effects.key(table, "pretrain_mixture", keys.pretrain_share > 0, "pretrain_share is 0");
  for (const char* key : {"prompts", "samples", "temperature", "max_tokens"})
    effects.key(table, key, keys.ratings.empty(), "the answers come from ratings");
}

// A step takes whole rows, and a warm-up ends within the run.
void other_than_said(std::vector<std::string>& lines, const RecipeNode& node) {
  const int64_t T = node.model.context;
  StageKeys keys;
  ConfigReader reader(node.stage_table);
  fields(reader, keys);
  const int64_t batch = keys.train.batch_tokens, micro = keys.train.micro_tokens;
  if (batch % T != 0)
    lines.push_back(fmt::format("{}: batch_tokens is {}; a step takes {}, whole rows of {} tokens",
                                node.name, batch, batch / T * T, T));
  if (keys.train.tokens > 0 && keys.train.schedule.warmup_tokens > keys.train.tokens)
    lines.push_back(warmup_note(node.name, keys.train));
  if (micro < T && node.stage_table.has("micro_tokens"))
    lines.push_back(fmt::format("{}: micro_tokens is {}; {} are in memory at once, a whole row",
                                node.name, micro, T));
}

// Tables of data that nothing reads, and of stages that no node has.
void unread_tables(Effects& effects, const ConfigNode& document, const Recipe& recipe) {
  std::set<std::string> read, stages;
  for (const RecipeNode& n : recipe.nodes) {
    stages.insert(n.stage);
    for (const std::string& s : stage_of(n).reads(n, recipe).names()) read.insert(s);
  }
  const TokenizerConfig& tokenizer = recipe.tokenizer;
  const bool trains = tokenizer.kind == TokenizerKind::bpe && tokenizer.path.empty();
  read.insert(tokenizer.sources.begin(), tokenizer.sources.end());
  if (trains && tokenizer.sources.empty())
    for (const auto& [name, source] : recipe.sources) read.insert(name);
  for (const char* tables : {"sources", "corpora", "conversations", "demonstrations"}) {
    const ConfigNode named = inner(document, tables);
    for (const std::string& name : named.keys())
      effects.key(named, name, read.contains(name), "no node reads it");
  }
  for (const std::string_view stage : stage_names())
    effects.key(document, stage, stages.contains(std::string(stage)),
                fmt::format("no node has the stage {}", stage));
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

std::vector<std::string> without_effect(const ConfigNode& document, const Recipe& recipe) {
  Effects effects;
  tokenizer_effects(effects, inner(document, "tokenizer"), recipe.tokenizer);
  for (const auto& [name, source] : recipe.sources)
    source_effects(effects, inner(inner(document, "sources"), name), source);
  for (const auto& [name, corpus] : recipe.corpora)
    effects.key(inner(inner(document, "corpora"), name), "code", corpus.kind == CorpusKind::code,
                "kind is \"text\"");
  for (const RecipeNode& n : recipe.nodes) {
    if (n.parents.empty()) model_effects(effects, n.model_table, n.model);
    stage_effects(effects, n);
  }
  unread_tables(effects, document, recipe);
  std::vector<std::string> lines = effects.lines();
  for (const RecipeNode& n : recipe.nodes) other_than_said(lines, n);
  return lines;
}

}  // namespace lineage
