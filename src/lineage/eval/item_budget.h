#pragma once

#include <cstdint>

#include "lineage/eval/scenario.h"

namespace lineage {

// The number of a scenario's test items whose prompts and answers take about `tokens` tokens, or a
// third of that if the scenario has no row of its own: its default number if they are short, fewer
// if they are long, but at least kLeastItems if it has so many. A written token counts as several
// read ones, by its cost. Depends on the items alone, so all models with one tokenizer get the same
// items.
int64_t items_within(const Scenario&, const Tokenizer&, int64_t tokens);

inline constexpr int64_t kLeastItems = 100;

// The cost of an item in tokens read: the mean over some items. 0 for a scenario without items.
double tokens_an_item(const Scenario&, const Tokenizer&);

}  // namespace lineage
