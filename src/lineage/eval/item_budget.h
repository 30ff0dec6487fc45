#pragma once

#include <cstdint>

#include "lineage/eval/scenario.h"

namespace lineage {

// Test items of a scenario whose prompts and answers take about `tokens` tokens, a third of it
// where the scenario is not the headline of its ability: all that it has of its own accord where
// they are short, fewer where they are long, but kLeastItems of them if it has so many. A token
// written counts as several read, which is what it costs. Follows from the items alone, so that all
// models with one tokenizer get the same items.
int64_t items_within(const Scenario&, const Tokenizer&, int64_t tokens);

inline constexpr int64_t kLeastItems = 100;

// What an item costs, in tokens read: the mean of some. 0 where the scenario has none.
double tokens_an_item(const Scenario&, const Tokenizer&);

}  // namespace lineage
