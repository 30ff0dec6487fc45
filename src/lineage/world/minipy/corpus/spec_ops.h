#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "lineage/world/minipy/corpus/spec.h"

namespace lineage {

// The definition of one operation of a Spec.
struct SpecOp {
  enum class Shape : uint8_t { integer, list, list_to_integer };
  struct Range {
    int low = 0, high = 0;  // both included
  };
  struct Traits {
    std::optional<Spec::Op> mistaken_for = {};  // by a bug
    bool picks = false;                         // an element, which must exist
    bool may_empty = false;                     // a list of three elements
    std::string_view loop = {};                 // the loop's body for each element v of {a}
  };

  Spec::Op op;
  Shape shape;
  Range constant;  // high 0: it has none
  // Of docstrings. {c}: the constant; {x}: "x " in a first step, else nothing; {it}: "x" or "it".
  std::string_view phrase;
  std::string_view code;  // an expression on {a}; {v} names an element
  SpecValue (*apply)(SpecValue, int64_t constant);
  Traits traits = {};

  bool gives_integer() const { return shape != Shape::list; }
};

const SpecOp& spec_op(Spec::Op);
// In the order of the numbers that are drawn.
std::span<const SpecOp> spec_ops();

}  // namespace lineage
