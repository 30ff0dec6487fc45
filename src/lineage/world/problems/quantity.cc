#include <algorithm>
#include <cassert>

#include "lineage/world/problems/generators.h"

namespace lineage {
namespace {

struct Chain {
  std::vector<int> values, changes;  // values[i + 1] = values[i] + changes[i]
};

Chain draw_chain(int steps, int top, Draw& draw) {
  Chain chain;
  chain.values = {draw.between(0, top)};
  const int greatest = top == 20 ? 9 : 40;  // of a change: one-step sums stay within reach
  for (int i = 0; i < steps; ++i) {
    const int now = chain.values.back();
    const int most_up = std::min(greatest, top - now), most_down = std::min(greatest, now);
    const bool up = most_down < 1 || (most_up >= 1 && draw.chance(0.5));
    const int change = up ? draw.between(1, most_up) : -draw.between(1, most_down);
    chain.changes.push_back(change);
    chain.values.push_back(now + change);
  }
  return chain;
}

Tokens compare(Token who, int change, Token than) {
  return TokenText()
      .token(who)
      .text("has")
      .number(std::abs(change))
      .text(change > 0 ? "more than" : "fewer than")
      .token(than)
      .text(".")
      .take();
}

Tokens sum_step(Token who, int before, int change) {
  return TokenText()
      .token(who)
      .text("has")
      .number(before)
      .text(change > 0 ? "+" : "-")
      .number(std::abs(change))
      .text("=")
      .number(before + change)
      .text(".")
      .take();
}

}  // namespace

Problem draw_quantity(const ProblemSpec& spec, Draw& draw) {
  assert(1 <= spec.steps && spec.steps <= 6);
  const Vocabulary& v = Vocabulary::get();
  const auto names = v.tokens("first_names");
  // The last eight foods are no things to count.
  const Token food = v.tokens("foods")[draw.below(8)];
  const int distractors = spec.level == 2 ? draw.between(1, 2) : 0;
  const std::vector<int> who =
      draw.distinct(spec.steps + 1 + distractors, static_cast<int>(names.size()));
  const auto name = [&](int i) { return names[who[i]]; };
  const Chain chain = draw_chain(spec.steps, spec.level == 1 ? 20 : 99, draw);

  Problem problem;
  problem.spec = spec;
  problem.premises.push_back(
      TokenText().token(name(0)).text("has").number(chain.values[0]).token(food).text(".").take());
  std::vector<int64_t> key = {spec.level, spec.steps, chain.values[0]};
  for (int i = 0; i < spec.steps; ++i) {
    const int change = chain.changes[i];
    problem.premises.push_back(compare(name(i + 1), change, name(i)));
    problem.chain.push_back(sum_step(name(i + 1), chain.values[i], change));
    key.push_back(change);
  }
  for (int i = 0; i < distractors; ++i) {
    const Token other = name(draw.below(spec.steps + 1));
    const int change = draw.chance(0.5) ? draw.between(1, 9) : -draw.between(1, 9);
    problem.premises.push_back(compare(name(spec.steps + 1 + i), change, other));
  }
  if (spec.level == 2) draw.shuffle(problem.premises);
  problem.question = TokenText("how many does").token(name(spec.steps)).text("have ?").take();
  problem.answer = TokenText().number(chain.values.back()).take();
  problem.key = item_key("quantity", key);
  problem.test_only = is_test_key(problem.key);
  return problem;
}

}  // namespace lineage
