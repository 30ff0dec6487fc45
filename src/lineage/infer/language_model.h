#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lineage/infer/sampler.h"

namespace lineage {

struct Completion {
  enum class End { stop, length, cancelled };
  std::vector<Token> tokens;  // without a stop token
  std::vector<float> log_probs;
  std::vector<std::vector<TokenProb>> top;  // if requested
  std::string text;                         // up to a stop text, which is not part of it
  End end = End::length;
};

struct ScoreRequest {
  std::vector<Token> context, continuation;
};
struct Scored {
  double log_prob = 0;           // summed
  std::vector<float> log_probs;  // of each token of the continuation
};

// Candidates for the next token after a context.
struct NextRequest {
  std::vector<Token> context;  // not empty
  std::vector<Token> candidates;
};

// The tokens that the first token of a text follows: Tokenizer::before_text(). An Error if the
// tokenizer has none.
std::vector<Token> context_of_beginning(const Tokenizer&);

// The interface of a model to evaluation, PPO rollouts and the server. Not thread-safe.
class LanguageModel {
 public:
  virtual ~LanguageModel() = default;
  virtual const Tokenizer& tokenizer() const = 0;
  virtual int64_t context() const = 0;  // tokens, prompt and completion together

  // The log-probability of each continuation after its context. An empty context means
  // context_of_beginning().
  virtual std::vector<Scored> score(std::span<const ScoreRequest>) = 0;

  // The log-probability of each candidate after its context: score() with continuations of one
  // token, but a context is read once, whatever the number of its candidates.
  virtual std::vector<std::vector<float>> score_next(std::span<const NextRequest>);

  // Called with new text (never part of a stop text); return false to cancel.
  using OnText = std::function<bool(size_t prompt, std::string_view text)>;
  virtual std::vector<Completion> generate(std::span<const std::vector<Token>> prompts,
                                           std::span<const Sampling> samplings,  // one, or one each
                                           const OnText& = {}) = 0;

  // The result of generate() for each context, and of score() for its continuation, the reference
  // (nothing if that is empty). A context is read once for both. No context may be empty.
  struct Answer {
    Completion completion;
    Scored reference;
  };
  virtual std::vector<Answer> answer(std::span<const ScoreRequest>, std::span<const Sampling>);
};

}  // namespace lineage
