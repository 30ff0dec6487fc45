#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "lineage/base/clock.h"
#include "lineage/base/rng.h"
#include "lineage/checkpoint/model.h"
#include "lineage/cli/bench.h"
#include "lineage/infer/engine.h"
#include "lineage/ops/ops.h"

namespace lineage::cli {
namespace {

// Decoding needs no text: a vocabulary of one-byte pieces replaces a tokenizer.
class NoText final : public Tokenizer {
 public:
  explicit NoText(int64_t vocab) : vocab_(vocab) {}
  void save(const fs::path&, TokenizerFormat) const override {}
  void append_piece(Token, Token, std::string& out) const override { out += "a"; }
  std::string_view token_bytes(Token) const override { return "a"; }
  bool contains(Token t) const override { return t >= 0 && t < vocab_; }
  int64_t vocab() const override { return vocab_; }

 private:
  void encode_ordinary(std::string_view, Before, std::vector<Token>&) const override {}
  int64_t vocab_;
};

// Tokens/s of `sequences` decoded together, each from one token to the end of the context, as often
// as fits into `seconds`; the best round.
double decode_rate(const PackedGpt& gpt, const Tokenizer& tokenizer, int64_t sequences,
                   double seconds) {
  double best = 0;
  const auto start = Clock::now();
  do {
    Engine engine(gpt, tokenizer, {sequences, 0, 256});
    Sampling sampling;
    sampling.temperature = 0;
    sampling.max_tokens = gpt.config.context;
    for (int64_t i = 0; i < sequences; ++i) engine.admit({static_cast<Token>(i % 100)}, sampling);
    const auto begin = Clock::now();
    int64_t tokens = 0;
    for (bool active = true; active;) {
      active = false;
      for (const Engine::Event& e : engine.step()) {
        tokens += e.draw.has_value();
        if (!e.end) active = true;
      }
    }
    best = std::max(best, static_cast<double>(tokens) / seconds_since(begin));
  } while (seconds_since(start) < seconds);
  return best;
}

// Tokens/s of the forward pass alone, logits included, over the configuration's batch.
double forward_rate(const Gpt& gpt, const BenchConfig& c, double seconds) {
  Tensor tokens = Tensor::zeros({c.rows, c.model.context}, DType::i32);
  const Rng rng(3);
  for (int64_t i = 0; i < tokens.numel(); ++i)
    tokens.data<int32_t>()[i] = static_cast<int32_t>(
        rng.below(static_cast<uint64_t>(c.model.vocab), static_cast<uint64_t>(i)));
  double best = 0;
  const auto start = Clock::now();
  do {
    const auto begin = Clock::now();
    gpt.logits(gpt.hidden(tokens));
    best = std::max(best, static_cast<double>(tokens.numel()) / seconds_since(begin));
  } while (seconds_since(start) < seconds);
  return best;
}

}  // namespace

void bench_decode(const BenchOptions& o) {
  for (const BenchConfig& c : chosen_configs(o)) {
    Model model = make_model(c.model, false);
    model.parameters->initialize(1);
    const double forward = forward_rate(*model.gpt, c, o.seconds / 3);
    const PackedGpt packed(*model.gpt);
    const NoText tokenizer(c.model.vocab);
    const double one = decode_rate(packed, tokenizer, 1, o.seconds / 3);
    const double many = decode_rate(packed, tokenizer, o.sequences, o.seconds / 3);
    const double gbs = one * 4e-9 * static_cast<double>(matmul_parameters(c.model));
    if (o.json)
      fmt::print("{}\n", nlohmann::json{{"config", c.name},
                                        {"params", parameter_count(c.model)},
                                        {"single_tokens_per_s", one},
                                        {"weights_gb_per_s", gbs},
                                        {"sequences", o.sequences},
                                        {"batched_tokens_per_s", many},
                                        {"forward_tokens_per_s", forward},
                                        {"batched_over_forward", many / forward}}
                             .dump());
    else
      fmt::print(
          "{:6} one sequence {:8.0f} tokens/s ({:5.1f} GB/s of weights)   {} sequences "
          "{:8.0f} tokens/s, {:.2f} of the forward pass's {:8.0f}\n",
          c.name, one, gbs, o.sequences, many, many / forward, forward);
  }
}

}  // namespace lineage::cli
