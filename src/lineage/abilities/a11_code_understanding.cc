#include <algorithm>

#include "lineage/abilities/function_problem.h"
#include "lineage/abilities/items.h"

namespace lineage {
namespace {

// A program of the held-out side, cut before its last printed output.
Instance output_item(const World& world, std::string_view stream, uint64_t index, bool test) {
  CodeContext context;
  context.test = test;
  const Token comment = Vocabulary::get().token("#"), line = Vocabulary::get().token("\n");
  for (uint64_t attempt = 0;; ++attempt) {
    Draw draw(item_rng(world, stream, index).fold(attempt));
    const auto d = make_script(context, draw);
    if (!d) continue;
    size_t at = d->tokens.size();
    while (at > 0 && d->tokens[at - 1] != comment) --at;
    size_t end = at;
    while (end < d->tokens.size() && d->tags[end].answer) ++end;
    if (at == 0 || end == at || end - at > 12) continue;
    Instance item;
    const auto lines = std::count(d->tokens.begin(), d->tokens.end(), line);
    item.cell = lines <= 5 ? "up to 5 lines" : lines <= 9 ? "6 to 9 lines" : "10 lines and more";
    const auto place = [&](size_t i) { return d->tokens.begin() + static_cast<std::ptrdiff_t>(i); };
    item.question = Tokens(d->tokens.begin(), place(at));
    item.answers = {Tokens(place(at), place(end))};
    return item;
  }
}

// The body that fits the docstring is right; the wrong ones have a bug or follow other specs.
Instance body_item(const World& world, uint64_t index) {
  Draw draw(item_rng(world, "A11 body", index));
  CodeContext context;
  context.test = true;
  const FunctionProblem p = draw_function_problem(context, draw);
  Instance item;
  item.cell = p.spec.steps.size() == 2 ? "two operations" : "one operation";
  item.cluster = docstring(p.spec);
  item.question = p.head;
  item.answers = {p.body};
  const std::string parameter = p.spec.of_list() ? "a" : "x";
  for (int tries = 0; item.answers.size() < 4; ++tries) {
    Draft draft;
    if (tries < 40) {
      if (!add_buggy_body(p.spec, parameter, draw, draft)) continue;
    } else {
      const Spec other = draw_spec(context, draw);
      if (other.of_list() != p.spec.of_list() || other.steps == p.spec.steps) continue;
      add_body(other, parameter, draw, draft);
    }
    // The tokens of a body alone begin with the indent that the head has already.
    const std::vector<Token> all = draft.tokens();
    std::vector<Token> body(all.begin() + 1, all.end());
    if (p.check(body).all()) continue;
    if (std::ranges::find(item.answers, body, &Part::tokens) == item.answers.end())
      item.answers.push_back(std::move(body));
  }
  item.correct = draw.below(4);
  std::swap(item.answers[0], item.answers[item.correct]);
  return item;
}

// With demonstrations of the training side.
Instance output_item(const World& world, uint64_t index) {
  Instance item = output_item(world, "A11 output", index, true);
  for (uint64_t k = 0; k < 2; ++k) {
    Instance shown = output_item(world, "A11 output", kFirstExampleProbe + 2 * index + k, false);
    item.examples.push_back({std::move(shown.question), {}, std::move(shown.answers.front())});
  }
  return item;
}

}  // namespace

AbilityDefinition a11_code_understanding() {
  const std::string output_name = "A11.output", body_name = "A11.body";
  WorldScenario output = written_scenario(
      output_name, "Code understanding: what a program prints", 400, 14,
      [](const World& world, uint64_t index) { return output_item(world, index); });
  output.spec.metric = world_answer_match();
  output.conditions = {{2, 100}};
  output.spec.about = {
      .measures =
          "A program stops before the output of its last print, and the model writes this "
          "output.",
      .chance = kMostFrequentAnswer,
      .low =
          "At chance or below, the model does not follow the program: the most frequent output "
          "would do as well.",
      .parts = "The parts are lengths of the program in lines."};
  return {
      .id = "A11",
      .tag = Ability::code_understanding,
      .scenarios = {output, below(output_name,
                                  choice_scenario(body_name,
                                                  "Code understanding: the body without a bug, of "
                                                  "four",
                                                  300, body_item))},
      .allowed = {{.scenarios = {output_name},
                   .sources = {TrainingKind::code},
                   .checks = {Check::grams},
                   .share = 0.02,
                   .why = "a program that begins like many prints the same lists"},
                  {.scenarios = {body_name},
                   .sources = {TrainingKind::code, TrainingKind::demonstrations},
                   .checks = {Check::program},
                   .why = kCommonCode}}};
}

}  // namespace lineage
