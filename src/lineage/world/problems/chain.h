#pragma once

#include <span>
#include <vector>

#include "lineage/world/problems/problem.h"

namespace lineage {

// How a response presents its answer: "answer 9" after a chain, or the answer alone.
Tokens chained_answer(const Problem&);  // "ann has 7 + 5 = 12 . answer 12"
Tokens direct_answer(const Problem&);   // "12"

// The parts of a response to a problem (for the graded metrics of A12 and A23).
struct ChainReport {
  int steps = 0;                // sentences before the answer
  std::vector<bool> correct;    // for each expected step, whether the response's sentence equals it
  int prefix = 0;               // expected steps that are right before the first wrong one
  int true_sums = 0, sums = 0;  // sentences "… a + b = c", and how many of them hold
  Tokens answer;                // the part after the last "answer", or all if there is no chain
  bool chained = false;         // there was a chain and "answer"
  bool answer_correct = false;

  double step_accuracy() const;  // share of expected steps
};
ChainReport parse_chain(const Problem&, std::span<const Token> response);

}  // namespace lineage
