#pragma once

#include <span>
#include <string>
#include <string_view>

#include "lineage/eval/scenario.h"

namespace lineage {

// The answer in what a model wrote: after a chain, what follows its last `chain_end`, up to the
// line's end and without a full stop; else all of it, or its first word without punctuation. Empty
// when there is none.
std::string extract_answer(std::string_view output, const Prompting&);

// Whether a text ends with a piece (a full stop), whatever the space about either; always where
// there is no piece. The text without it.
bool closes_with(std::string_view text, std::string_view closing);
std::string without_closing(std::string_view text, std::string_view closing);

// Pieces between marks that are not blank.
int64_t count_steps(std::string_view chain, const Prompting&);

// The sample whose answer wins: majority over the voters, ties to the answer drawn first; a sample
// without an answer does not vote. Complexity: the `voters` samples with the most steps vote, ties
// to the one drawn first. `samples` is not empty.
size_t vote(std::span<const DrawnAnswer> samples, const Prompting&);

}  // namespace lineage
