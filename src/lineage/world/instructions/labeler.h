#pragma once

#include <span>
#include <vector>

#include "lineage/world/instructions/demonstration.h"

namespace lineage {

// The programmatic labeler of FeedME (docs/abilities.md, section 3.6): it knows each prompt's
// hidden record and rates what a model wrote, as a careful person would.

// In [0, 1]: 1 exactly for what is right in content and form.
double score(const Demonstration& prompt, std::span<const Token> response);
// As rated on a seven-point scale: 7 exactly when the score is 1; 1 for an empty response.
int quality(const Demonstration& prompt, std::span<const Token> response);

// Of several responses, which to learn from: the index of the best (the first of equals), or -1
// when its rating is below `least`.
int best_response(const Demonstration& prompt, std::span<const Tokens> responses, int least = 1);
// All those rated at least so, each text once, in order.
std::vector<int> responses_rated(const Demonstration& prompt, std::span<const Tokens> responses,
                                 int least = 7);

// The response as a demonstration of its own.
Demonstration as_demonstration(const Demonstration& prompt, Tokens response);

}  // namespace lineage
