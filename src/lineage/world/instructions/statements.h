#pragma once

#include <span>
#include <vector>

#include "lineage/world/instructions/task.h"
#include "lineage/world/problems/problem.h"

namespace lineage {

// A fact in the wording number `form` (modulo their number) of those in training; `subject` in
// place of the subject's name.
Tokens statement(const Fact&, int form, Phrase subject = {});

// Who is for a contested topic, or against it, in a sentence; both, in either order.
Tokens side_of(const Topic&, bool in_favour);
Tokens both_sides(const Topic&, bool good_first);

// What a text states (claims.h), each fact once.
struct ReadClaims {
  std::vector<Fact> facts;  // in order, each once
  int other_sentences = 0;  // that state no such fact
};
ReadClaims read_claims(std::span<const Token> text);

// What a parameter of the families of problems (F13, F28, F29) means.
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
