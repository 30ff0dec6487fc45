// Trains a tokenizer, makes a small untrained model and scores a text with it: about
// log(vocabulary) nats a token, as every token is nearly as probable as every other.
#include <cmath>
#include <cstdio>

#include "lineage/checkpoint/model.h"
#include "lineage/infer/engine.h"
#include "lineage/text/bpe_train.h"

int main() {
  const std::string_view text = "the cat sees the old dog and the old dog sees the cat";
  const auto tokenizer = lineage::train_bpe({.vocab = 270}, {&text, 1});
  const lineage::Model model = lineage::make_model(
      {.layers = 1, .width = 16, .heads = 2, .context = 64, .vocab = tokenizer->vocab()}, false);
  model.parameters->initialize(1);
  const lineage::ScoreRequest request{{}, tokenizer->encode(text)};
  const auto scored = lineage::language_model(*model.gpt, *tokenizer)->score({&request, 1}).front();
  const double nats = -scored.log_prob / static_cast<double>(request.continuation.size());
  std::printf("%zu tokens, %.3f nats a token\n", request.continuation.size(), nats);
  return std::abs(nats - std::log(static_cast<double>(tokenizer->vocab()))) < 0.2 ? 0 : 1;
}
