#pragma once

#include <string>
#include <vector>

#include "lineage/base/rng.h"
#include "lineage/checkpoint/model.h"
#include "lineage/infer/engine.h"

namespace lineage {

// A completion to ask for.
struct Ask {
  std::vector<Token> prompt;
  Sampling sampling;
};

struct Mix {
  std::vector<int64_t> prompt_tokens = {8, 16, 32, 64, 96}, max_tokens = {16, 32, 64};
};

// The model beside the server: the same weights in an engine of its own.
class EngineAlone {
 public:
  explicit EngineAlone(const std::string& folder);

  const Model& model() const { return model_; }
  // Prompts of random tokens. No answer ends before its max_tokens, so that all runs do the same
  // work: the tokens that end one get a bias.
  std::vector<Ask> draw(const Mix&, const Rng&, int64_t n) const;
  Ask one(const Rng&, int64_t prompt, int64_t most) const;

  struct Run {
    double seconds = 0, processor_seconds = 0;
    int64_t tokens = 0;
  };
  // All of them, at most `together` at once, one coming in for each that ends.
  Run run(const std::vector<Ask>&, int64_t together, int64_t slots) const;
  // For each of them alone: seconds from its prompt to the first token, and to the second.
  struct FirstTokens {
    std::vector<double> one, two;
  };
  FirstTokens first_tokens(const std::vector<Ask>&, int64_t slots) const;

 private:
  Model model_;
  PackedGpt packed_;
  std::vector<Token> ends_;
  std::vector<Token> words_;  // that a prompt may have
};

// The body of the request; `more` is further fields.
std::string body_of(const Ask&, bool stream, const std::string& more = {});
// usage.completion_tokens of an answer, streamed or not; -1 without one.
int64_t completion_tokens(const std::string& body);

}  // namespace lineage
