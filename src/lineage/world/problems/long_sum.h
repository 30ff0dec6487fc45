#pragma once

#include <span>

#include "lineage/world/problems/problem.h"

namespace lineage {

// Sums and differences of numbers of 3 to 6 digits, which a small model cannot work out but a tool
// can (A23; docs/abilities.md, section 3.5): each number is its digit tokens.
struct LongSum {
  int64_t a = 0, b = 0;  // a >= b when subtracting
  bool minus = false;
  int digits = 3;
  bool test_only = false;

  int64_t value() const { return minus ? a - b : a + b; }
};
LongSum make_long_sum(int digits, ItemUse, Draw&);
LongSum make_long_sum(const World&, int digits, std::string_view stream, uint64_t index);

Tokens sum_expression(const LongSum&);  // "4 8 2 + 1 3 9"
Tokens sum_question(const LongSum&);    // "what is 4 8 2 + 1 3 9 ?"
Tokens sum_answer(const LongSum&);      // "6 2 1"
// "<call> print ( 4 8 2 + 1 3 9 ) <ret> 6 2 1 <ans> 6 2 1"
Tokens tool_answer(const LongSum&);

// A response of a model that may call the tool, up to <ret>: the tool's output, run by the minipy
// interpreter. Empty when there is no well-formed call at the end, or when the program fails.
Tokens run_tool(std::span<const Token> response);
// Whether the response's first call would give the right value.
bool calls_rightly(const LongSum&, std::span<const Token> response);
// 1 when the answer after <ans>, or the whole response without a call, is right.
double score_long_sum(const LongSum&, std::span<const Token> response);

}  // namespace lineage
