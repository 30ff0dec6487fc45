#include "lineage/stages/recipe_keys.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>

#include "lineage/base/error.h"
#include "lineage/checkpoint/renamed_keys.h"
#include "lineage/stages/recipe.h"
#include "lineage/stages/stage.h"

namespace lineage {
namespace {

// Another program's name for a key, its place here ("": nowhere), and a remark.
struct Foreign {
  std::string_view name, here, remark;
};

constexpr std::string_view kRows =
    "in tokens: sequences x model.context; what memory does not hold at once is accumulated";
constexpr std::string_view kSteps = "in tokens: steps x batch_tokens";
constexpr std::string_view kWarmup = "in tokens: warm-up steps x batch_tokens";

constexpr Foreign kForeign[] = {
    {"d_model", "model.width", ""},
    {"n_embd", "model.width", ""},
    {"n_embed", "model.width", ""},
    {"embed_dim", "model.width", ""},
    {"embedding_dim", "model.width", ""},
    {"emb_dim", "model.width", ""},
    {"hidden_size", "model.width", ""},
    {"hidden_dim", "model.width", ""},
    {"dim", "model.width", ""},
    {"n_layer", "model.layers", ""},
    {"n_layers", "model.layers", ""},
    {"num_layers", "model.layers", ""},
    {"num_hidden_layers", "model.layers", ""},
    {"depth", "model.layers", ""},
    {"n_head", "model.heads", ""},
    {"n_heads", "model.heads", ""},
    {"num_heads", "model.heads", ""},
    {"num_attention_heads", "model.heads", ""},
    {"n_kv_heads", "model.kv_heads", ""},
    {"num_key_value_heads", "model.kv_heads", ""},
    {"num_kv_heads", "model.kv_heads", ""},
    {"head_dim", "model.head_width", ""},
    {"d_ff", "model.mlp_width", ""},
    {"d_ffn", "model.mlp_width", ""},
    {"ffn_dim", "model.mlp_width", ""},
    {"n_inner", "model.mlp_width", ""},
    {"intermediate_size", "model.mlp_width", ""},
    {"block_size", "model.context", ""},
    {"n_ctx", "model.context", ""},
    {"n_positions", "model.context", ""},
    {"context_length", "model.context", ""},
    {"context_size", "model.context", ""},
    {"max_length", "model.context", ""},
    {"max_position_embeddings", "model.context", ""},
    {"max_seq_len", "model.context", ""},
    {"max_seq_length", "model.context", ""},
    {"seq_len", "model.context", ""},
    {"seq_length", "model.context", ""},
    {"sequence_length", "model.context", ""},
    {"vocab_size", "vocab", "model.vocab = 0, the default, takes the tokenizer's"},
    {"n_vocab", "vocab", "model.vocab = 0, the default, takes the tokenizer's"},
    {"rope_theta", "model.rotary_theta", ""},
    {"rope", "model.positions", "positions = \"rotary\""},
    {"layer_norm_eps", "model.norm_eps", ""},
    {"layer_norm_epsilon", "model.norm_eps", ""},
    {"rms_norm_eps", "model.norm_eps", ""},
    {"normalization", "model.norm", ""},
    {"hidden_act", "model.activation", ""},
    {"activation_function", "model.activation", ""},
    {"tie_word_embeddings", "model.tied", ""},
    {"tie_weights", "model.tied", ""},
    {"initializer_range", "model.init_std", ""},
    {"sliding_window", "model.window", ""},
    {"dropout", "", "there is no dropout: models are trained on fresh text for about one pass"},
    {"attn_pdrop", "", "there is no dropout: models are trained on fresh text for about one pass"},
    {"resid_pdrop", "", "there is no dropout: models are trained on fresh text for about one pass"},
    {"lora_dropout", "",
     "there is no dropout: models are trained on fresh text for about one pass"},
    {"lora_r", "lora.rank", ""},
    {"lora_rank", "lora.rank", ""},
    {"lora_alpha", "lora.alpha", ""},
    {"target_modules", "lora.targets", "by names of ours: q, k, v, qkv, mlp_in and others"},
    {"learning_rate", "optimizer.lr", ""},
    {"max_lr", "optimizer.lr", ""},
    {"peak_lr", "optimizer.lr", ""},
    {"min_lr", "schedule.final", "as a share of the peak rate"},
    {"adam_beta1", "optimizer.beta1", ""},
    {"adam_beta2", "optimizer.beta2", ""},
    {"betas", "optimizer.beta1", "and optimizer.beta2"},
    {"adam_epsilon", "optimizer.eps", ""},
    {"epsilon", "optimizer.eps", ""},
    {"wd", "optimizer.weight_decay", ""},
    {"grad_clip", "optimizer.clip", ""},
    {"clip_grad_norm", "optimizer.clip", ""},
    {"gradient_clipping", "optimizer.clip", ""},
    {"max_grad_norm", "optimizer.clip", ""},
    {"momentum", "optimizer.muon_momentum", ""},
    {"optim", "optimizer.kind", ""},
    {"scheduler", "schedule.kind", ""},
    {"lr_scheduler", "schedule.kind", ""},
    {"lr_scheduler_type", "schedule.kind", ""},
    {"lr_decay_style", "schedule.kind", ""},
    {"warmup", "schedule.warmup_tokens", kWarmup},
    {"warmup_steps", "schedule.warmup_tokens", kWarmup},
    {"warmup_iters", "schedule.warmup_tokens", kWarmup},
    {"num_warmup_steps", "schedule.warmup_tokens", kWarmup},
    {"warmup_ratio", "schedule.warmup_tokens", "in tokens: the ratio x tokens of the run"},
    {"lr_decay_iters", "schedule.decay_tokens", kSteps},
    {"batch", "batch_tokens", kRows},
    {"batch_size", "batch_tokens", kRows},
    {"global_batch_size", "batch_tokens", kRows},
    {"train_batch_size", "batch_tokens", kRows},
    {"total_batch_size", "batch_tokens", kRows},
    {"per_device_train_batch_size", "micro_tokens", "in tokens: sequences x model.context"},
    {"device_batch_size", "micro_tokens", "in tokens: sequences x model.context"},
    {"micro_batch_size", "micro_tokens", "in tokens: sequences x model.context"},
    {"gradient_accumulation_steps", "batch_tokens",
     "the whole batch; what is beyond micro_tokens is accumulated by itself"},
    {"accumulation_steps", "batch_tokens",
     "the whole batch; what is beyond micro_tokens is accumulated by itself"},
    {"steps", "tokens", kSteps},
    {"max_steps", "tokens", kSteps},
    {"num_steps", "tokens", kSteps},
    {"train_steps", "tokens", kSteps},
    {"total_steps", "tokens", kSteps},
    {"max_iters", "tokens", kSteps},
    {"iterations", "tokens", kSteps},
    {"max_tokens", "tokens", ""},
    {"num_tokens", "tokens", ""},
    {"total_tokens", "tokens", ""},
    {"train_tokens", "tokens", ""},
    {"epochs", "tokens", "in tokens: passes x tokens of the sources; sft and feedme have epochs"},
    {"epoch", "tokens", "in tokens: passes x tokens of the sources; sft and feedme have epochs"},
    {"num_epochs", "epochs", "pretrain counts tokens: passes x tokens of the sources"},
    {"n_epochs", "epochs", "pretrain counts tokens: passes x tokens of the sources"},
    {"num_train_epochs", "epochs", "pretrain counts tokens: passes x tokens of the sources"},
    {"eval_interval", "run.eval_every", "in steps"},
    {"eval_steps", "run.eval_every", "in steps"},
    {"eval_iters", "run.eval_tokens", "in tokens"},
    {"save_steps", "run.checkpoint_every", "in steps"},
    {"save_every", "run.checkpoint_every", "in steps"},
    {"save_interval", "run.checkpoint_every", "in steps"},
    {"checkpoint_interval", "run.checkpoint_every", "in steps"},
    {"log_interval", "", "metrics.jsonl of a node has every step"},
    {"logging_steps", "", "metrics.jsonl of a node has every step"},
    {"wandb", "", "metrics.jsonl of a node has every step; lineage report makes a page"},
    {"random_seed", "seed", ""},
    {"data", "sources", "[sources.NAME] with paths, or [corpora.NAME] of the micro-world"},
    {"dataset", "sources", "[sources.NAME] with paths, or [corpora.NAME] of the micro-world"},
    {"datasets", "sources", "[sources.NAME] with paths, or [corpora.NAME] of the micro-world"},
    {"data_path", "sources.NAME.paths", ""},
    {"data_dir", "sources.NAME.paths", ""},
    {"train_file", "sources.NAME.paths", ""},
    {"files", "paths", ""},
    {"text_column", "sources.NAME.field", ""},
    {"text_field", "sources.NAME.field", ""},
    {"val_split", "heldout", "as a share"},
    {"val_fraction", "heldout", "as a share"},
    {"validation_split", "heldout", "as a share"},
    {"train", "pretrain", "each stage has a table of its name"},
    {"training", "pretrain", "each stage has a table of its name"},
    {"trainer", "pretrain", "each stage has a table of its name"},
    {"finetune", "sft", ""},
    {"stages", "nodes", "[nodes.NAME] with stage and parents"},
    {"eval", "evaluation", ""},
    {"dtype", "", "models are trained in float32"},
    {"precision", "", "models are trained in float32"},
    {"bf16", "", "models are trained in float32"},
    {"fp16", "", "models are trained in float32"},
    {"device", "", "models are trained on the processor"},
    {"compile", "", "there is nothing to compile"},
    {"num_workers", "", "lineage grow has --threads and --jobs"},
    {"threads", "", "lineage grow has --threads and --jobs"},
    {"out", "", "lineage grow has --out"},
    {"out_dir", "", "lineage grow has --out"},
    {"output_dir", "", "lineage grow has --out"},
};

std::string lower_case(std::string_view text) {
  std::string out;
  for (const char c : text)
    out += c == '-' ? '_' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

const Foreign* foreign(std::string_view key) {
  const std::string lower = lower_case(key);
  const auto* found = std::ranges::find(kForeign, lower, &Foreign::name);
  return found == std::end(kForeign) ? nullptr : found;
}

using Path = std::vector<std::string>;

Path split(std::string_view path) {
  Path parts(1);
  for (const char c : path)
    if (c == '.')
      parts.emplace_back();
    else
      parts.back() += c;
  return parts;
}

std::string joined(const Path& path) { return fmt::format("{}", fmt::join(path, ".")); }

bool ends_with(std::string_view path, std::string_view end) {
  return path == end || (path.ends_with(end) && path[path.size() - end.size() - 1] == '.');
}

std::vector<ConfigKey> make_keys() {
  std::vector<ConfigKey> all;
  const auto table = [&](const std::string& path, const std::vector<ConfigKey>& keys) {
    all.push_back({.path = path, .table = true});
    for (ConfigKey key : keys) {
      key.path = path + "." + key.path;
      all.push_back(std::move(key));
    }
  };
  const auto named_tables = [&](const std::string& path, const std::vector<ConfigKey>& keys) {
    all.push_back({.path = path, .table = true});
    table(path + ".NAME", keys);
  };
  all.push_back({.path = "name"});
  all.push_back({.path = "seed", .number = true});
  all.push_back({.path = "extends", .paths = true});
  all.push_back({.path = "preset"});
  table("tokenizer", config_keys<TokenizerConfig>());
  table("model", config_keys<GptConfig>());
  table("world", config_keys<WorldConfig>());
  named_tables("corpora", config_keys<CorpusConfig>());
  named_tables("sources", config_keys<SourceConfig>());
  named_tables("conversations", config_keys<ConversationsConfig>());
  named_tables("demonstrations", config_keys<DemonstrationsConfig>());
  named_tables("dialogs", config_keys<DialogsConfig>());
  named_tables("preferences", config_keys<PreferencesConfig>());
  table("run", config_keys<RunConfig>());
  table("evaluation", config_keys<EvaluationConfig>());
  for (const std::string_view stage : stage_names())
    table(std::string(stage), stage_for(stage, "recipe").keys());
  named_tables(
      "nodes",
      {{.path = "stage"}, {.path = "parents"}, {.path = "control"}, {.path = "control_of"}});
  table("nodes.NAME.model", config_keys<GptConfig>());
  for (const std::string_view stage : stage_names())
    table("nodes.NAME." + std::string(stage), stage_for(stage, "recipe").keys());
  return all;
}

class KeyCheck {
 public:
  // `pattern` is the table's path with NAME for names, `names` the same with the names themselves.
  void check(const ConfigNode& table, const Path& pattern, const Path& names) const;

 private:
  static const ConfigKey* find(const Path& pattern, const std::string& key);
  std::vector<std::string> places(std::string_view end, const Path& pattern, const Path& names,
                                  size_t least_common) const;
  [[noreturn]] void refuse(const ConfigNode& table, const std::string& key, const Path& pattern,
                           const Path& names) const;
};

const ConfigKey* KeyCheck::find(const Path& pattern, const std::string& key) {
  const auto known = [&](const std::string& name) -> const ConfigKey* {
    Path path = pattern;
    path.push_back(name);
    const auto found = std::ranges::find(recipe_keys(), joined(path), &ConfigKey::path);
    return found == recipe_keys().end() ? nullptr : &*found;
  };
  if (const ConfigKey* named = known("NAME")) return named;
  return key.find('.') == std::string::npos ? known(key) : nullptr;
}

// Where keys whose path ends with `end` are, closest to the table first: those that share the
// longest beginning with it, of at least `least_common` parts.
std::vector<std::string> KeyCheck::places(std::string_view end, const Path& pattern,
                                          const Path& names, size_t least_common) const {
  std::vector<std::string> best;
  size_t longest = least_common;
  const bool in_nodes = !pattern.empty() && pattern[0] == "nodes";
  for (const ConfigKey& key : recipe_keys()) {
    if (!ends_with(key.path, end)) continue;
    Path path = split(key.path);
    if (path[0] == "nodes" && !in_nodes && end != "nodes") continue;
    const auto common =
        static_cast<size_t>(std::ranges::mismatch(path, pattern).in1 - path.begin());
    if (common < longest) continue;
    if (common > longest) best.clear();
    longest = common;
    std::copy_n(names.begin(), common, path.begin());
    best.push_back(joined(path));
  }
  constexpr size_t kMost = 4;
  if (best.size() > kMost) best.resize(kMost);
  return best;
}

void KeyCheck::refuse(const ConfigNode& table, const std::string& key, const Path& pattern,
                      const Path& names) const {
  const std::string what = table.line(key) + ": unknown key " + table.path(key);
  const auto did_you_mean = [&](const std::vector<std::string>& here, std::string_view remark) {
    throw Error(fmt::format("{}; did you mean {}?", what, fmt::join(here, " or ")),
                std::string(remark));
  };
  for (const RenamedKey& renamed : kRenamedKeys)
    if (ends_with(table.path(key), renamed.path))
      throw Error(
          fmt::format("{}: {} is renamed to {}", table.line(key), table.path(key), renamed.name),
          fmt::format("write {} in its place", renamed.name));
  if (const Foreign* other = foreign(key)) {
    if (other->here.empty())
      throw Error(what + "; wanted one of Lineage's", std::string(other->remark));
    did_you_mean(places(other->here, pattern, names, 0), other->remark);
  }
  if (const auto deeper = places(key, pattern, names, 1); !pattern.empty() && !deeper.empty())
    did_you_mean(deeper, "");
  std::vector<std::string> here;
  Path path = pattern;
  path.emplace_back();
  for (const ConfigKey& known : recipe_keys()) {
    path.back() = split(known.path).back();
    if (joined(path) == known.path) here.push_back(path.back());
  }
  if (const std::string near = nearest_name(key, here); !near.empty())
    did_you_mean({table.path(near)}, "");
  if (const auto elsewhere = places(key, pattern, names, 0); !elsewhere.empty())
    did_you_mean(elsewhere, "");
  throw Error(fmt::format("{}; wanted one of {}", what, fmt::join(here, ", ")),
              "lineage grow --keys lists them all");
}

void KeyCheck::check(const ConfigNode& table, const Path& pattern, const Path& names) const {
  for (const std::string& key : table.keys()) {
    const ConfigKey* known = find(pattern, key);
    if (!known) refuse(table, key, pattern, names);
    Path inner = names;
    inner.push_back(key);
    if (table.is_table(key) && known->table) check(table.child(key), split(known->path), inner);
    if (known->path == "nodes.NAME" && !table.is_table(key))
      throw Error(fmt::format("{}: nodes.{} is no table; wanted one a node", table.line(key), key),
                  "each node has a name of its own: [nodes.base], and stage below it");
  }
}

}  // namespace

const std::vector<ConfigKey>& recipe_keys() {
  static const std::vector<ConfigKey> keys = make_keys();
  return keys;
}

void check_recipe_keys(const ConfigNode& document) { KeyCheck().check(document, {}, {}); }

}  // namespace lineage
