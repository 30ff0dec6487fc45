#pragma once

#include <span>
#include <vector>

#include "lineage/world/mpy/corpus/spec.h"
#include "lineage/world/probes/probe.h"

namespace lineage {

// How a written function does: whether it is a program at all, and how many hidden asserts hold.
struct FunctionScore {
  bool parses = false;
  int passed = 0, total = 0;
  bool all() const { return total > 0 && passed == total; }
};

// One problem of A10: a spec of the held-out side, the head of a function with its docstring, and
// asserts that are not shown. `body` may go on after the function; what follows the function's
// block, or is still open at the end, does not count against it.
struct FunctionProblem {
  Spec spec;
  std::vector<Token> head;  // "<src:code> def f ( x ) : \n <indent> " … " \n"
  std::vector<Token> body;  // the reference, to its <dedent>
  std::vector<std::pair<SpecValue, SpecValue>> cases;  // argument, result

  FunctionScore check(std::span<const Token> written) const;
};
FunctionProblem draw_function_problem(const CodeContext&, Draw&);

// A10 code generation (generate; pass@1, hidden asserts), A11 code understanding (the output of a
// program; the body of a docstring among four), A13 long range (definition to use; closing
// brackets, by distance).
std::vector<ProbeSet> code_generation_probes();
std::vector<ProbeSet> code_understanding_probes();
std::vector<ProbeSet> code_long_range_probes();

}  // namespace lineage
