#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>

#include "lineage/base/config.h"
#include "lineage/base/error.h"
#include "lineage/cli/commands.h"
#include "lineage/cli/options.h"
#include "lineage/run/chat_examples.h"
#include "lineage/run/models.h"
#include "lineage/world/text_corpus.h"
#include "lineage/world/vocabulary.h"

namespace lineage::cli {
namespace {

struct InfoOptions {
  std::string model;
  bool json = false, config = false;
};

// "davinci (ee2f24b83292)": a model of the same run by its name, any other by its weights alone.
std::string parent_name(const std::string& weights, const std::vector<Manifest>& beside) {
  const auto parent = std::ranges::find(beside, weights, &Manifest::weights);
  const std::string digest = short_digest(weights);
  return parent == beside.end() || parent->node.empty()
             ? digest
             : fmt::format("{} ({})", parent->node, digest);
}

// The manifests of all nodes in the model's run, including those that no tree names any more.
std::vector<Manifest> manifests_beside(const fs::path& model) {
  std::vector<Manifest> manifests;
  const auto run = run_of(model);
  std::error_code error;
  if (!run) return manifests;
  for (const auto& entry : fs::directory_iterator(*run / "nodes", error))
    if (Checkpoint::exists(entry.path()))
      manifests.push_back(Checkpoint::open(entry.path()).manifest());
  return manifests;
}

std::string number(const nlohmann::json& record, const char* key, const char* format) {
  const auto at = record.find(key);
  if (at == record.end() || !at->is_number()) return "";
  return fmt::format(fmt::runtime(format), at->get<double>());
}

void print_data(const std::map<std::string, nlohmann::json>& datasets) {
  if (datasets.empty()) return;
  constexpr const char* kRow = "  {:20} {:>10} {:>13} {:>7} {:>9} {:>12}  {}\n";
  fmt::print("\n");
  fmt::print(fmt::runtime(kRow), "data", "documents", "tokens", "epochs", "bits/byte", "nats/token",
             "kind");
  for (const auto& [name, r] : datasets)
    fmt::print(fmt::runtime(kRow), name, number(r, "documents", "{:.0f}"),
               number(r, "tokens", "{:.0f}"), number(r, "epochs", "{:.2f}"),
               number(r, "heldout_bits_per_byte", "{:.3f}"),
               number(r, "heldout_nats_per_token", "{:.3f}"), r.value("kind", ""));
  fmt::print("  bits/byte and nats/token are of what was held out of training\n");
}

std::string text_of(std::span<const Token> tokens) {
  const Tokenizer& tokenizer = *Vocabulary::get().tokenizer();
  std::vector<Token> words;
  for (Token t : tokens)
    if (!tokenizer.is_special(t)) words.push_back(t);
  std::string text = tokenizer.decode(words);
  std::ranges::replace(text, '\n', ' ');
  return text;
}

// Prints prompts that a model of the micro-world can answer, made from its own world.
void print_examples(const std::string& model, const Manifest& manifest) {
  if (manifest.world.empty()) return;
  const World world(read_config<WorldConfig>(ConfigNode::parse(manifest.world, "its world")));
  fmt::print("\nIt {}.\n", kAboutMicroWorld);
  if (manifest.chats) {
    fmt::print("Examples of what it answers (`lineage world show instruction` has every kind):\n");
    for (const ChatExample& e : chat_examples(world)) {
      fmt::print("  lineage complete {} --chat -t 0", model);
      for (const std::string& turn : e.turns) fmt::print(" -p '{}'", turn);
      fmt::print("\n      {}; a right answer: {}\n", e.about, e.answer);
    }
    return;
  }
  constexpr int64_t kExamples = 3;
  constexpr int64_t kTokens = 100'000'000;  // enough for the persons of any world
  constexpr size_t kBeginning = 9;          // words
  const TextCorpus corpus(world, kTokens);
  fmt::print("It continues texts as these (`lineage world show text` has every kind):\n");
  for (int64_t i = 0; i < kExamples; ++i) {
    const auto& tokens = corpus.document(i).tokens;
    fmt::print("  lineage complete {} -t 0 -p '{}'\n", model,
               text_of(std::span(tokens).first(std::min(kBeginning, tokens.size()))));
  }
}

void print_model(const InfoOptions& o, const Checkpoint& checkpoint) {
  const Manifest& m = checkpoint.manifest();
  const GptConfig config = checkpoint.model_config();
  const std::vector<Manifest> beside = manifests_beside(o.model);
  std::vector<std::string> parents;
  for (const std::string& p : m.parents) parents.push_back(parent_name(p, beside));
  const auto row = [](const char* name, const std::string& value) {
    fmt::print("  {:11} {}\n", name, value);
  };
  fmt::print("{}\n", o.model);
  row("stage", m.stage + (m.node.empty() ? "" : " (" + m.node + ")"));
  row("parents", parents.empty() ? "none" : fmt::format("{}", fmt::join(parents, ", ")));
  row("parameters", fmt::format("{}", parameter_count(config)));
  row("model",
      fmt::format("{} layers of width {}, {} heads; context {}, vocabulary {}", config.layers,
                  config.width, config.heads, config.context, config.vocab));
  row("trained", fmt::format("{} steps, {} tokens, seed {}", m.step, m.tokens, m.seed));
  row("weights", m.weights);
  row("tokenizer", m.tokenizer.empty() ? "none" : m.tokenizer);
  row("code", m.code + (m.created.empty() ? "" : ", " + m.created));
  print_data(m.datasets);
  if (o.config)
    fmt::print("\n{}", m.config);
  else
    fmt::print("\n--config prints the frozen config, --json the manifest.\n");
  print_examples(o.model, m);
}

void print_models(const std::vector<FoundModel>& models) {
  size_t width = 5;
  for (const FoundModel& m : models) width = std::max(width, m.folder.string().size());
  fmt::print("{:{}}  {:10} {:>12} {:>13}\n", "model", width, "stage", "parameters", "tokens");
  for (const FoundModel& m : models) {
    const Checkpoint checkpoint = Checkpoint::open(m.folder);
    fmt::print("{:{}}  {:10} {:>12} {:>13}\n", m.folder.string(), width,
               checkpoint.manifest().stage, parameter_count(checkpoint.model_config()),
               checkpoint.manifest().tokens);
  }
}

void info(const InfoOptions& o) {
  if (!Checkpoint::exists(o.model) && !o.json)
    if (const auto models = find_models(o.model); !models.empty()) return print_models(models);
  const Checkpoint checkpoint = open_checkpoint(o.model);
  if (o.json)
    fmt::print("{}\n", to_json(checkpoint.manifest()));
  else
    print_model(o, checkpoint);
}

}  // namespace

void add_info(CLI::App& app) {
  auto o = std::make_shared<InfoOptions>();
  CLI::App* c = app.add_subcommand("info", "Show what a checkpoint is and where it came from");
  c->group("Use a model");
  add_path(c, "MODEL", o->model, "a checkpoint's folder, or a run's: its models")->required();
  c->add_flag("--config", o->config, "also the frozen config, as TOML");
  c->add_flag("--json", o->json, "the manifest as it is");
  c->footer("Example:\n  lineage info runs/trees/gpt35-nano/text-davinci-002");
  c->callback([o] { info(*o); });
}

}  // namespace lineage::cli
