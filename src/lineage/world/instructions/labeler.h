#pragma once

#include <span>
#include <vector>

#include "lineage/world/instructions/demonstration.h"

namespace lineage {

// The programmatic labeler of FeedME (docs/abilities.md, section 3.6): it knows each prompt's
// hidden record and rates a model's responses as a careful person would.

// In [0, 1]: 1 exactly when content and format are right.
double score(const Demonstration& prompt, std::span<const Token> response);
// The rating on a seven-point scale: 7 exactly when the score is 1; 1 for an empty response.
int quality(const Demonstration& prompt, std::span<const Token> response);

// The index of the best of several responses (the first of equals), or -1 when its rating is below
// `least`.
int best_response(const Demonstration& prompt, std::span<const Tokens> responses, int least = 1);
// The indices of all responses rated `least` or better, each text once, in order.
std::vector<int> responses_rated(const Demonstration& prompt, std::span<const Tokens> responses,
                                 int least = 7);

// The response as a demonstration of its own.
Demonstration as_demonstration(const Demonstration& prompt, Tokens response);

}  // namespace lineage
