#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <numbers>
#include <string>
#include <vector>

#include "bench/ngram/ngram.h"
#include "lineage/base/error.h"
#include "lineage/data/prepare.h"
#include "lineage/stages/grow.h"
#include "lineage/stages/recipe.h"
#include "lineage/stages/stage.h"

namespace lineage {
namespace {

constexpr const char* kHelp =
    R"(How well an n-gram model predicts what a recipe holds out: a yardstick for its neural models.

An interpolated modified Kneser-Ney model (Chen & Goodman 1999) is counted on the recipe's training
documents, tokenised as in the run, each source once whatever its weight, and all of them however
few a neural model was trained on. Then it predicts the held-out documents.

The same tokens are predicted as by the neural model under mask_documents, its default: each
document stands alone, its first token is not predicted, its end_of_text is. Bits per byte divide
by all bytes of the held-out text, as there. So compare them with heldout_bits_per_byte.)";

struct Options {
  std::string recipe, out = "runs", node;
  int order = 5;
  std::vector<std::string> sets;
  bool json = false;
};

struct SourceScore {
  std::string name;
  NgramScore score;
  int64_t bytes = 0;

  double nats_per_token() const {
    return score.tokens ? score.nats / static_cast<double>(score.tokens) : 0;
  }
  double bits_per_byte() const {
    return bytes ? score.nats / std::numbers::ln2 / static_cast<double>(bytes) : 0;
  }
};

class NotesToStderr final : public Progress {
 public:
  void update(std::string_view, double, std::string_view) override {}
  void note(std::string_view line) override { fmt::print(stderr, "{}\n", line); }
};

SourceScore score_source(const NgramModel& model, const std::string& name, const Corpus& heldout) {
  SourceScore result{name, {}, heldout.bytes()};
  for (int64_t d = 0; d < heldout.size(); ++d) {
    const NgramScore s = model.score(heldout.get(d).tokens);
    result.score.nats += s.nats;
    result.score.tokens += s.tokens;
  }
  return result;
}

SourceScore sum_of(const std::vector<SourceScore>& scores) {
  SourceScore all{"all", {}, 0};
  for (const SourceScore& s : scores) {
    all.score.nats += s.score.nats;
    all.score.tokens += s.score.tokens;
    all.bytes += s.bytes;
  }
  return all;
}

nlohmann::json json_of(const SourceScore& s) {
  return {{"tokens", s.score.tokens},
          {"bytes", s.bytes},
          {"nats_per_token", s.nats_per_token()},
          {"bits_per_byte", s.bits_per_byte()}};
}

void print(const std::vector<SourceScore>& scores) {
  fmt::print("{:20} {:>10} {:>12} {:>12} {:>10}\n", "source", "tokens", "bytes", "nats/token",
             "bits/byte");
  for (const SourceScore& s : scores)
    fmt::print("{:20} {:>10} {:>12} {:>12.4f} {:>10.4f}\n", s.name, s.score.tokens, s.bytes,
               s.nats_per_token(), s.bits_per_byte());
}

// The texts that the node trains on; all sources when none is named.
std::vector<std::string> source_names(const Recipe& recipe, const std::string& node) {
  std::vector<std::string> names;
  if (!node.empty()) {
    const RecipeNode& n = recipe.node(node);
    for (const auto& [name, weight] : stage_for(n.stage, n.place).reads(n, recipe).texts)
      names.push_back(name);
    return names;
  }
  for (const auto& [name, source] : recipe.sources) names.push_back(name);
  return names;
}

void run(const Options& o) {
  NotesToStderr progress;
  const Recipe recipe = load_recipe(o.recipe, o.sets);
  const std::filesystem::path out = o.out;
  const auto tokenizer = recipe_tokenizer(recipe, out / "tokenizers", progress);
  NgramModel model(o.order, tokenizer->vocab(), tokenizer->special(Special::end_of_text));
  const auto start = std::chrono::steady_clock::now();
  std::vector<std::pair<std::string, CorpusPtr>> heldout;
  int64_t trained = 0;
  const std::vector<std::string> names = source_names(recipe, o.node);
  for (const auto& [name, source] : recipe.sources) {
    if (std::ranges::find(names, name) == names.end()) continue;
    const PreparedSource data =
        prepare_source(name, source, *tokenizer, {.cache = out / "data"}, progress);
    for (int64_t d = 0; d < data.train->size(); ++d) model.add(data.train->get(d).tokens);
    trained += data.train->tokens();
    if (data.heldout && data.heldout->size() > 0) heldout.emplace_back(name, data.heldout);
  }
  if (heldout.empty())
    throw Error(o.recipe + ": no source holds anything out; wanted text to predict",
                "set sources.NAME.heldout, e.g. to 0.05");
  model.finish();
  std::vector<SourceScore> scores;
  for (const auto& [name, corpus] : heldout) scores.push_back(score_source(model, name, *corpus));
  const SourceScore all = sum_of(scores);
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (o.json) {
    nlohmann::json json = {{"recipe", o.recipe},      {"order", o.order},
                           {"train_tokens", trained}, {"ngrams", model.ngrams()},
                           {"seconds", seconds},      {"all", json_of(all)}};
    for (const SourceScore& s : scores) json["sources"][s.name] = json_of(s);
    fmt::print("{}\n", json.dump());
    return;
  }
  fmt::print("{}-gram model of {} tokens: {} n-grams, {:.1f} s\n\n", o.order, trained,
             model.ngrams(), seconds);
  scores.push_back(all);
  print(scores);
}

}  // namespace
}  // namespace lineage

int main(int argc, char** argv) {
  lineage::Options o;
  CLI::App app(lineage::kHelp, "ngram_baseline");
  app.add_option("RECIPE", o.recipe, "a TOML file; recipes/ has some")->required();
  app.add_option("-o,--out", o.out, "the run folder, for its tokenizer and tokenised sources")
      ->capture_default_str();
  app.add_option("--order", o.order, "tokens of the longest n-grams, 1 to 8")
      ->capture_default_str();
  app.add_option("--set", o.sets, "a.b=c: overrides a key of the recipe; may be repeated");
  app.add_option("--node", o.node, "only the sources that this node trains on");
  app.add_flag("--json", o.json, "one JSON object");
  CLI11_PARSE(app, argc, argv);
  try {
    lineage::run(o);
  } catch (const lineage::Error& e) {
    fmt::print(stderr, "error: {}\n", e.what());
    if (!e.hint().empty()) fmt::print(stderr, "help:  {}\n", e.hint());
    return 1;
  } catch (const std::exception& e) {
    fmt::print(stderr, "error: {}\n", e.what());
    return 1;
  }
  return 0;
}
