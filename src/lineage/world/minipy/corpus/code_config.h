#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "lineage/base/config.h"

namespace lineage {

// The content of a code corpus (docs/abilities.md, section 3.4): the ladder, each rung with the
// same number of tokens, and controls.
enum class Rung : uint8_t {
  c0,          // code without outputs, asserts or comments
  c1,          // with final outputs and asserts
  c2,          // and traces of the steps: the default
  c3,          // as c2, outputs and traces permuted over programs: syntax without meaning
  c4,          // brackets, definitions and uses of symbols; no arithmetic
  arithmetic,  // CA: facts of one step, "7 + 5 = 12"
  procedure,   // CN: procedures in words that restate their state
  text         // CT: no code at all; the tokens go to the text corpus
};
constexpr std::array<std::string_view, 8> enum_names(Rung) {
  return {"c0", "c1", "c2", "c3", "c4", "arithmetic", "procedure", "text"};
}

// Shares of the forms by tokens, normalised by their sum. Rungs without traces leave those out.
struct CodeShares {
  double script = 0.22, function = 0.22, repl = 0.12, trace = 0.10, class_tree = 0.12,
         long_range = 0.12, bugfix = 0.10;
};

struct CodeConfig {
  Rung rung = Rung::c2;
  CodeShares shares{};
  int64_t max_steps = 200;        // of a program in the corpus
  int64_t max_integer = 999;      // that it computes, by absolute value
  int64_t document_tokens = 250;  // no document is longer
};

template <class V>
void fields(V& v, CodeShares& c) {
  v("script", c.script, "programs with what they print", between(0, 1));
  v("function", c.function, "functions with a docstring and asserts", between(0, 1));
  v("repl", c.repl, "interactive sessions", between(0, 1));
  v("trace", c.trace, "programs with the value after each step", between(0, 1));
  v("class_tree", c.class_tree, "classes, inheritance and override", between(0, 1));
  v("long_range", c.long_range, "modules with definitions and uses far apart", between(0, 1));
  v("bugfix", c.bugfix, "bugs with their fix; code with comments in words", between(0, 1));
}

template <class V>
void fields(V& v, CodeConfig& c) {
  v("rung", c.rung, "what the corpus may teach: c0 .. c4, arithmetic, procedure or text");
  v("shares", c.shares, "of the forms");
  v("max_steps", c.max_steps, "longer programs are left out", between(10, 2000));
  v("max_integer", c.max_integer, "programs with greater integers are left out",
    between(99, 999999));
  v("document_tokens", c.document_tokens, "no document is longer", between(96, 4096));
}

}  // namespace lineage
