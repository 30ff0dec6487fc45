#pragma once

#include <span>
#include <vector>

#include "lineage/world/problems/problem.h"

namespace lineage {

// Two readings of the same premises, of equal length and nearly the same words (A23; sections 3.5
// and 6): "tom has 7 apples . ann has 5 pears . … use apples , pears and figs ."
//  - recipe (type b): "use 7 apples from tom . use 5 pears from ann ." in any order; some things
//    are held by two persons, and either will do. A slip spoils one step.
//  - formal (type c): "use 7 , now 7 . use 5 , now 12 ." where every step must be exact for the
//    answer to be right.
struct Gathering {
  struct Holding {
    Token person;
    int amount;
    Token food;
  };
  std::vector<Holding> holdings{};
  std::vector<Token> wanted{};  // foods, each held by one or two
  uint64_t key = 0;
  bool test_only = false;
};

// `steps` (2..6) foods are wanted; one more is held and not wanted.
Gathering make_gathering(const World&, int steps, std::string_view stream, uint64_t index);
Gathering make_gathering(int steps, ItemUse, Draw&);

Tokens gathering_text(const Gathering&);
Tokens recipe_question();
Tokens formal_question();
std::vector<Tokens> recipe_steps(const Gathering&);  // the reference
std::vector<Tokens> formal_steps(const Gathering&);  // of the first holder of each food
Tokens formal_answer(const Gathering&);              // the total

// The number of a response's sentences that take a wanted food rightly and for the first time, and
// of all others.
struct RecipeReport {
  int right = 0, wrong = 0;
};
RecipeReport read_recipe(const Gathering&, std::span<const Token> response);
// Right sentences less wrong ones, as a share of the foods wanted. 1: a perfect recipe, in whatever
// order.
double score_recipe(const Gathering&, std::span<const Token> response);
// 1 when the number after "answer" (or the last "now") is the total.
double score_formal(const Gathering&, std::span<const Token> response);
// The number of formal steps that hold before the first wrong one.
int formal_prefix(const Gathering&, std::span<const Token> response);

}  // namespace lineage
