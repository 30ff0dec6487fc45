#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "lineage/text/tokenizer.h"

namespace lineage {

// What reported log-probabilities are of. sampling: softmax(logits / temperature), with bias and
// penalties, before top-k and top-p, for policy-gradient updates (at temperature 0: of temperature
// 1). model: softmax(logits), whatever the sampling is.
enum class LogProbsOf : uint8_t { sampling, model };

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
  // Added to the logits of these tokens; taken from those of tokens generated so far, once and for
  // each time.
  std::vector<std::pair<Token, float>> logit_bias;
  double presence_penalty = 0, frequency_penalty = 0;
  LogProbsOf log_probs_of = LogProbsOf::sampling;
  bool score_prompt = false;  // also report the log-probability of each prompt token but the first

  bool changes_logits() const { return !logit_bias.empty() || has_penalty(); }
  bool has_penalty() const { return presence_penalty != 0 || frequency_penalty != 0; }
  void validate() const;  // an Error that names the field
};

struct TokenProb {
  Token token;
  float log_prob;
};

// A token with its log-probability over the whole vocabulary.
struct SampledToken {
  Token token;
  float log_prob;
  std::vector<TokenProb> top;  // in order, `top_log_probs` of them
};

// One token from the logits of one row, (V). `generated`: the sequence's new tokens before it,
// `index` of them; they are read for penalties alone and may be left out without.
SampledToken draw(std::span<const float> logits, const Sampling&, int64_t index,
                  std::span<const Token> generated = {});

// A given token by softmax(logits), and the `top` most likely ones.
SampledToken judge(std::span<const float> logits, Token, int64_t top);

}  // namespace lineage
