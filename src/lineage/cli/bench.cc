#include "lineage/cli/bench.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "lineage/base/error.h"
#include "lineage/cli/commands.h"
#include "lineage/cli/options.h"

namespace lineage::cli {
namespace {

GptConfig gpt2(int64_t layers, int64_t width, int64_t heads, int64_t vocab) {
  GptConfig c;
  c.layers = layers;
  c.width = width;
  c.heads = heads;
  c.vocab = vocab;
  c.context = 256;
  return c;
}

GptConfig nano() {
  GptConfig c = gpt2(2, 128, 4, 1024);
  c.norm = Norm::rms;
  c.positions = Positions::rotary;
  c.qk_norm = c.token_shift = true;
  c.activation = Activation::relu_squared;
  c.bias = false;
  return c;
}

CLI::App* add(CLI::App* bench, const char* name, const char* what,
              const std::shared_ptr<BenchOptions>& o, void (*run)(const BenchOptions&)) {
  CLI::App* c = bench->add_subcommand(name, what);
  add_number(c, "--seconds", o->seconds, from_above_to(0, 86400), "to measure for, at each point");
  add_threads(c, o->threads);
  c->add_flag("--json", o->json, "one JSON object a line");
  c->callback([o, run] {
    set_threads(o->threads);
    run(*o);
  });
  return c;
}

void add_config(CLI::App* c, const std::shared_ptr<BenchOptions>& o) {
  add_names(c, "--config", o->configs, "NAME", "tiny, small, gpt2, nano, nano-tuning; default: all",
            ',');
  add_number(c, "--context", o->context, between(1, 1 << 20),
             "T, in place of the configuration's 256")
      ->default_str("");
  add_number(c, "--rows", o->rows, between(1, 1 << 20), "B, in place of the configuration's")
      ->default_str("");
}

}  // namespace

namespace {

const std::vector<BenchConfig>& bench_configs() {
  static const std::vector<BenchConfig> configs = {{"tiny", gpt2(4, 128, 4, 512), 32},
                                                   {"small", gpt2(6, 384, 6, 4096), 16},
                                                   {"gpt2", gpt2(12, 768, 12, 50257), 4},
                                                   {"nano", nano(), 16, OptimizerKind::muon},
                                                   {"nano-tuning", nano(), 4, OptimizerKind::muon}};
  return configs;
}

}  // namespace

std::vector<BenchConfig> chosen_configs(const BenchOptions& o) {
  std::vector<std::string> names;
  for (const BenchConfig& c : bench_configs()) names.push_back(c.name);
  for (const std::string& wanted : o.configs)
    if (std::ranges::find(names, wanted) == names.end())
      throw UsageError(
          fmt::format("--config is \"{}\"; wanted one of {}", wanted, fmt::join(names, ", ")));
  std::vector<BenchConfig> result;
  for (BenchConfig c : bench_configs()) {
    if (!o.configs.empty() && std::ranges::find(o.configs, c.name) == o.configs.end()) continue;
    if (o.context) c.model.context = o.context;
    if (o.rows) c.rows = o.rows;
    result.push_back(c);
  }
  return result;
}

void add_bench(CLI::App& app) {
  CLI::App* bench = app.add_subcommand("bench", "Measure this machine and this build");
  bench->group("Look and check");
  bench->require_subcommand(1);
  auto o = std::make_shared<BenchOptions>();
  add_config(
      add(bench, "matmul", "Matrix products of a training step, against oneDNN", o, bench_matmul),
      o);
  CLI::App* train =
      add(bench, "train", "A training step: forward, backward, clip, update; f32", o, bench_train);
  add_config(train, o);
  train->add_flag("--breakdown", o->breakdown, "seconds and share of each kernel");
  train->footer(
      "model GFLOP/s = tokens/s x (6 N_matmul + 12 L T C), where N_matmul counts every weight "
      "that\n"
      "multiplies each token (the blocks' matrices and the output head; not the embedding tables)\n"
      "and attention is counted without its causal mask. mfu = model GFLOP/s over the best f32\n"
      "matrix product, ours or dnnl_sgemm, of the shapes used, measured in the same run.");
  CLI::App* decode =
      add(bench, "decode", "Cached decoding: one sequence, and many", o, bench_decode);
  add_config(decode, o);
  add_number(decode, "--sequences", o->sequences, between(1, 1 << 16), "sequences at once");
  CLI::App* tokenizer =
      add(bench, "tokenizer", "Byte-pair encoding and its training", o, bench_tokenizer);
  add_paths(tokenizer, "--text", o->texts, "a text file to encode and train on; may be repeated")
      ->required();
  add_path(tokenizer, "--ranks", o->ranks, "a tokenizer's file or folder; default: the trained");
  add_number(tokenizer, "--vocab", o->vocab, between(257, 1 << 24), "of the tokenizer to train");
}

}  // namespace lineage::cli
