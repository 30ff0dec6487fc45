#pragma once

#include <span>
#include <vector>

#include "lineage/world/instructions/task.h"
#include "lineage/world/problems/problem.h"

namespace lineage {

// A fact in training wording number `form` (modulo their number); `subject` in place of the
// subject's name.
Tokens statement(const Fact&, int form, Phrase subject = {});

// A sentence on who is for a contested topic, or against it; and both, in either order.
Tokens side_of(const Topic&, bool in_favour);
Tokens both_sides(const Topic&, bool good_first);

// The facts that a text states (claims.h), each once.
struct ReadClaims {
  std::vector<Fact> facts;  // in order, each once
  int other_sentences = 0;  // sentences that state no such fact
};
ReadClaims read_claims(std::span<const Token> text);

// The meaning of a parameter of the families of problems (F13, F28, F29).
struct ProblemVariant {
  int steps = 1, level = 1;  // see ProblemSpec
  bool chain = false;        // else the answer alone; of a gathering: a formal sum, else a recipe
  bool gathering = false;    // see Gathering; the others are word problems
  bool operator==(const ProblemVariant&) const = default;
};
// A family's variants, by parameter; empty for other families.
const std::vector<ProblemVariant>& problem_variants(Family);
int problem_parameter(Family, const ProblemVariant&);

// A word problem as an instruction: "explain then answer : …" with the chain, or "answer only : …".
Task problem_task(const Problem&, bool chain, int phrase);

}  // namespace lineage
