#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "lineage/text/tokenizer.h"

namespace lineage {

// The continuation of one sequence. The i-th new token is drawn with the i-th random number of
// `seed`, so the same prompt, seed and settings give the same text in any batch.
struct Sampling {
  double temperature = 1;  // 0: the most likely token
  int64_t top_k = 0;       // keep the k most likely tokens; 0: all
  double top_p = 1;        // keep the smallest set of tokens that holds this probability; 1: all
  int64_t max_tokens = 256;
  uint64_t seed = 0;
  std::vector<std::string> stop;   // texts that end the sequence and are not part of it
  std::vector<Token> stop_tokens;  // tokens with the same effect, such as end_of_text
  int64_t top_log_probs = 0;       // also report so many of the most likely tokens at each place

  void validate() const;  // an Error that names the field
};

struct TokenProb {
  Token token;
  float log_prob;
};

// Log-probabilities are those of softmax(logits / temperature) over the whole vocabulary, before
// top-k and top-p: for policy-gradient updates (at temperature 0: those of temperature 1).
struct SampledToken {
  Token token;
  float log_prob;
  std::vector<TokenProb> top;  // in order, `top_log_probs` of them
};

// One token from the logits of one row, (V); `index` counts the sequence's new tokens from 0.
SampledToken draw(std::span<const float> logits, const Sampling&, int64_t index);

}  // namespace lineage
