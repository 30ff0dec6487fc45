#pragma once

#include <span>
#include <string>
#include <vector>

#include "lineage/eval/scenario.h"

namespace lineage {

// A prompt in a model's tokens.
struct Prompt {
  std::vector<Token> context;         // to generate from
  std::vector<ScoreRequest> choices;  // choose: each choice; else the reference alone
  std::vector<double> bytes;          // of each choice's text
  size_t chain_tokens = 0;            // of the reference's, those before its answer
  bool truncated = false, fits = true;
};

// Renders an item. Of `examples` the prompting's number of shots is used (fewer where there are
// fewer); those that do not fit into `context` tokens are dropped from the front, then the prompt
// is cut at its left end.
Prompt render(const Instance&, std::span<const FewShotExample> examples, const PromptSpec&,
              PromptSpec::Template, const Tokenizer&, int64_t context);

// As text, for people and for comparison.
std::string shown(const Part&, const Tokenizer&);

}  // namespace lineage
