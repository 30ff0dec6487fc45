#pragma once

#include <span>
#include <string>
#include <string_view>

#include "lineage/eval/scenario.h"

namespace lineage {

// The answer in a model's output: after a chain, the text after its last `chain_end` (where numbers
// are compared, also after the last "####", as GSM8K's authors write it), up to the line's end and
// without a full stop; else the part that `form` names, which may be as many words as `reference`
// has. Empty when there is none.
std::string extract_answer(std::string_view output, const PromptSpec&,
                           std::string_view reference = {});

// The form in which answers are compared. Never empty, unless the text is blank.
//
// - exact: white space is single, a full stop at the end is removed.
// - bare: also without quotes, brackets and punctuation around the text; signs, `$` and `%` stay.
// - squad: the normalisation of SQuAD (Rajpurkar et al. 2016), lower case without punctuation and
//   articles, but the parts of a number stay: its sign, its point, and any mark between two digits
//   except a thousands' comma. So 3.5 is not 35, -18 not 18, 1/2 not 12, and 1,000 is 1000. A text
//   of which nothing would be left ("A", "+") stays as it is.
// - number: the last number, without thousands' commas, leading zeros and zeros at the end of its
//   decimals; a text without any as `squad`.
// - caseless: in lower case (ASCII), without ASCII punctuation, white space is single, as
//   lm-evaluation-harness ignores case and punctuation. A text of marks alone stays as it is.
std::string canonical_answer(std::string_view text, PromptSpec::Match);

// Whether a free answer ends as the reference does: the text behind the last "####" of each, or the
// whole where there is none, in the form `number`. Blank ones agree with nothing.
bool same_final_answer(std::string_view answer, std::string_view reference);

// Whether a text ends with `closing` (a full stop), ignoring white space around either; true if
// `closing` is empty. And the text without it.
bool closes_with(std::string_view text, std::string_view closing);
std::string without_closing(std::string_view text, std::string_view closing);

// The number of non-blank pieces between step marks.
int64_t count_steps(std::string_view chain, const PromptSpec&);

// The sample whose answer wins: majority over the voters, ties to the answer drawn first; a sample
// without an answer does not vote, and answers that `match` considers equal are one. Complexity:
// the `voters` samples with the most steps vote, ties to the one drawn first. `samples` is not
// empty.
size_t vote(std::span<const DrawnAnswer> samples, const PromptSpec&);

}  // namespace lineage
