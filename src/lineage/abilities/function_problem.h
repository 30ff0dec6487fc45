#pragma once

#include <span>
#include <vector>

#include "lineage/world/minipy/corpus/spec.h"

namespace lineage {

// The grade of a written function: whether it parses, and how many hidden asserts hold.
struct FunctionScore {
  bool parses = false;
  int passed = 0, total = 0;
  bool all() const { return total > 0 && passed == total; }
};

// One problem of A10: a spec of the held-out side, the head of a function with its docstring, and
// asserts that are not shown. A written body may continue after the function: text after the
// function's block, or a block still open at the end, does not count against it.
struct FunctionProblem {
  Spec spec;
  std::vector<Token> head;  // "<src:code> def f ( x ) : \n <indent> " … " \n"
  std::vector<Token> body;  // the reference, to its <dedent>
  std::vector<std::pair<SpecValue, SpecValue>> cases;  // argument, result

  FunctionScore check(std::span<const Token> written) const;
};
FunctionProblem draw_function_problem(const CodeContext&, Draw&);

// The overlap of bodies with the corpora is wanted (AllowedOverlap::why).
inline constexpr const char* kCommonCode =
    "bodies of one or two operations are common code, in helpers and among wrong bodies too; held "
    "out is the docstring, which the key compares";

}  // namespace lineage
