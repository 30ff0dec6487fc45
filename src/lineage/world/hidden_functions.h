#pragma once

#include <string>
#include <vector>

#include "lineage/world/facts.h"

namespace lineage {

// The functions that pattern lists hide (A06; docs/abilities.md, section 3.3): on lists of letters
// (reverse, sort, rotate, drop, append a letter, …), on numbers (+ c, - c) and on letters
// (relabellings). The world's seed orders them; the first `functions` of its config are for
// training, the last kHeldoutFunctions for tests only.
struct HiddenFunction {
  enum class Kind : uint8_t {  // hidden_functions.cc has a row for each
    reverse,
    sort,
    rotate_left,
    rotate_right,
    swap_ends,
    drop_first,
    drop_last,
    first,
    last,
    double_first,
    double_last,
    append,   // the letter `parameter`
    prepend,  // the same
    add,      // `parameter`
    subtract,
    relabel  // by the bijection number `parameter`
  };
  Kind kind;
  int parameter = 0;

  bool on_numbers() const;
  bool on_lists() const;
  std::string name() const;
};

// An input is a list of letters (0..25), or one letter or number.
using PatternValue = std::vector<int>;
PatternValue apply(const World&, const HiddenFunction&, const PatternValue& input);
PatternValue random_input(const HiddenFunction&, Draw&);
// A tenth of the inputs of each function are for tests only.
bool is_test_input(const HiddenFunction&, const PatternValue& input);

inline constexpr int kHeldoutFunctions = 16;
std::vector<HiddenFunction> training_functions(const World&);
std::vector<HiddenFunction> heldout_functions(const World&);

// "[ b d a ] -> [ a d b ]", or only the part up to the arrow, or the part after it.
void write_input(DocumentWriter&, const HiddenFunction&, const PatternValue& input);
void write_output(DocumentWriter&, const HiddenFunction&, const PatternValue& output,
                  TokenTag tag = {});

}  // namespace lineage
