#pragma once

#include <vector>

#include "lineage/world/probes/probe.h"

namespace lineage {

// The question sets of the abilities that the text corpus feeds (docs/abilities.md, section 6), one
// file each. A question is either one (what "q :" stands before in the corpus), or a text to go on
// with, which then begins as the corpus's documents do ("<src:enc> …").

// A01: sentences, right and wrong; the question is empty. Cells: phenomena.
std::vector<ProbeSet> grammar_probes();

// A02: stories to go on with; how much of what is written the corpus's grammar derives.
std::vector<ProbeSet> story_probes();

// A03: facts of H-half persons in held-out wordings, as a cloze and as a question; and those of the
// cloze in wordings of training, so that a fact forgotten is told from a wording not understood.
// Cells: tiers.
std::vector<ProbeSet> knowledge_probes();

// A04: "fly ." after "a wren can" or "a trout can". Cells: stated, inherited, exception, material.
std::vector<ProbeSet> commonsense_probes();

// A05: registers of two keys never listed in training, k of each; among all labels, and among the
// two in the context.
std::vector<ProbeSet> binding_probes();

// A05 and A13: text in no corpus at two places of a document, after contexts cut short, and words
// that come again. Cells: places, contexts in tokens, periods. One text's items are a cluster.
std::vector<ProbeSet> context_probes();

// A06: k lines of a function held out from training, then one more input. Cells: kinds of function.
std::vector<ProbeSet> function_probes();

// A13: recall in a register from so many tokens before. Cells: distances.
std::vector<ProbeSet> register_probes();

// A14: where a thing is after so many steps; things that were moved, and things that were not.
// Cells: numbers of steps.
std::vector<ProbeSet> box_probes();

// A18: the side that a text without a faction takes. Cells: topics trained on, topics held out.
std::vector<ProbeSet> opinion_probes();

// A19: improper requests and harmless ones with the same words; a refusal is right for the former.
std::vector<ProbeSet> propriety_probes();

// A20: questions whose answer is known (persons told of often), or cannot be: shadows, ghosts,
// years after the cutoff, and persons told of once. Right: the answer, or to say so; and the same
// with the values and the beginnings of refusals as choices, which are the last kAbstainChoices.
std::vector<ProbeSet> abstention_probes();
inline constexpr int kAbstainChoices = 4;

// A22: a passage contradicts what is known; the answer by the passage is called correct. Cells:
// tiers, persons never heard of, years after the cutoff.
std::vector<ProbeSet> belief_probes();

// A24: questions with a line that answers them among three that do not, and the same without any.
// Cells: tiers, persons never heard of.
std::vector<ProbeSet> retrieval_probes();

// A26: the next token of fixed text, of all words: what a model is compared with its parent on.
std::vector<ProbeSet> next_token_probes();

// A25: agreement, facts and translation in language B. Cells of facts: told in B, told in A only.
std::vector<ProbeSet> language_b_probes();

// All of these.
std::vector<ProbeSet> text_probes();

}  // namespace lineage
