#pragma once

#include <span>
#include <string>
#include <string_view>

#include "lineage/abilities/items.h"

namespace lineage {

// Scenarios on continuing a text, outside any conversation.

// The tokens of text whose probability an item measures.
inline constexpr size_t kScored = 16;

// The first tokens of a list of entries that is in no corpus: in such a list, more than in any
// other document, the text before predicts the text that follows.
Tokens list_of(const World&, std::string_view stream, uint64_t place, size_t tokens);
// Items of one `place` are a cluster.
Instance text_item(Tokens question, std::span<const Token> scored, std::string cell,
                   uint64_t place);

// The probability of the reference counts.
WorldScenario likelihood_scenario(std::string name, std::string title, int64_t n, ItemFunction);
// The likeliest of the choices counts.
WorldScenario text_choice_scenario(std::string name, std::string title, int64_t n, ItemFunction);

}  // namespace lineage
