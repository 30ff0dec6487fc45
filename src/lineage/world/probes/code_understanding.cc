#include <algorithm>

#include "lineage/world/item_split.h"
#include "lineage/world/probes/code_probes.h"

namespace lineage {
namespace {

// A program of the held-out side, cut before what its last print gives.
ProbeItem output_item(const World& world, std::string_view stream, uint64_t index, bool test) {
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
    ProbeItem item;
    item.id = std::to_string(index);
    const auto lines = std::count(d->tokens.begin(), d->tokens.end(), line);
    item.cell = lines <= 5 ? "up to 5 lines" : lines <= 9 ? "6 to 9 lines" : "10 lines and more";
    item.question.assign(d->tokens.begin(), d->tokens.begin() + static_cast<std::ptrdiff_t>(at));
    item.answers.emplace_back(d->tokens.begin() + static_cast<std::ptrdiff_t>(at),
                              d->tokens.begin() + static_cast<std::ptrdiff_t>(end));
    return item;
  }
}

// Which of four bodies does what the docstring says: its own, and those of specs that differ.
ProbeItem body_item(const World& world, uint64_t index) {
  Draw draw(item_rng(world, "A11 body", index));
  CodeContext context;
  context.test = true;
  const FunctionProblem p = draw_function_problem(context, draw);
  ProbeItem item;
  item.id = std::to_string(index);
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
    if (std::find(item.answers.begin(), item.answers.end(), body) == item.answers.end())
      item.answers.push_back(std::move(body));
  }
  item.correct = draw.below(4);
  std::swap(item.answers[0], item.answers[static_cast<size_t>(item.correct)]);
  return item;
}

}  // namespace

std::vector<ProbeSet> code_understanding_probes() {
  ProbeSet output;
  output.name = "A11.output";
  output.ability = "A11";
  output.title = "Code understanding: what a program prints";
  output.about = {
      .measures =
          "A program stops before the output of its last print, and the model writes "
          "this output.",
      .chance = kMostFrequentAnswer,
      .low =
          "At chance or below, the model does not follow the program: the most frequent "
          "output would do as well.",
      .parts = "The parts are lengths of the program in lines."};
  output.n = 400;
  output.max_tokens = 14;
  output.conditions = {{2, 100}};
  output.item = [](const World& world, uint64_t index) {
    ProbeItem item = output_item(world, "A11 output", index, true);
    for (uint64_t k = 0; k < 2; ++k) {
      ProbeItem shown = output_item(world, "A11 output", kFirstExampleProbe + 2 * index + k, false);
      item.examples.push_back({std::move(shown.question), {}, std::move(shown.answers.front())});
    }
    return item;
  };
  ProbeSet body;
  body.name = "A11.body";
  body.ability = "A11";
  body.title = "Code understanding: the body without a bug, of four";
  body.method = ProbeSet::Method::choose;
  body.headline = false;
  body.n = 300;
  body.item = [](const World& world, uint64_t index) { return body_item(world, index); };
  return {output, body};
}

}  // namespace lineage
