#pragma once

#include <span>

#include "lineage/text/tokenizer.h"

namespace lineage {

// Slots are the places of a template that an item fills: names, numbers, objects, the nouns and
// verbs of a sentence. The rest, when they are masked, is the template, which training and tests
// share by design.

// log2 of the number of words that the slot can hold: 0 for the words of templates.
double slot_bits(Token);
// The sum over a piece of text, each value counted once. A piece with less than kSpecificBits could
// arise twice by chance from a template that both sides use, and is no evidence of a leak.
double slot_bits(std::span<const Token>);
inline constexpr double kSpecificBits = 20;

}  // namespace lineage
