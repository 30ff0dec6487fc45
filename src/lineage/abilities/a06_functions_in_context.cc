#include <algorithm>

#include "lineage/abilities/ids.h"
#include "lineage/abilities/items.h"
#include "lineage/world/hidden_functions.h"
#include "lineage/world/template.h"

namespace lineage {
namespace {

Instance function_item(const World& world, uint64_t index, int shots) {
  Draw draw(item_rng(world, "probe function", index));
  const auto functions = heldout_functions(world);
  const HiddenFunction& f = functions[index % functions.size()];
  PatternValue asked = random_input(f, draw);
  while (f.on_lists() && !is_test_input(f, asked)) asked = random_input(f, draw);
  static const Template opening("<src:enc> pattern :"), separator(";");
  const PatternValue result = apply(world, f, asked);
  DocumentWriter out(DocumentType::bursty);
  opening.write(out, {});
  int copies = 0;  // values shown that happen to be the right one
  for (int i = 0; i < shots; ++i) {
    PatternValue input = random_input(f, draw);
    while (input == asked) input = random_input(f, draw);
    write_input(out, f, input);
    const PatternValue value = apply(world, f, input);
    copies += value == result;
    write_output(out, f, value);
    separator.write(out, {});
  }
  write_input(out, f, asked);
  Instance item;
  item.question = open_text(out);
  DocumentWriter output(DocumentType::bursty);
  write_output(output, f, result);
  const Tokens answer = open_text(output);
  item.answers = {answer};
  item.cell = f.on_lists() ? "list" : f.on_numbers() ? "number" : "relabel";
  item.cluster = f.name();
  if (shots > 0) item.baseline = static_cast<double>(copies) / shots;
  // In a list of patterns an answer ends with a semicolon.
  item.grade = of_tokens([answer, stop = separator.items()[0]](std::span<const Token> got) {
    const bool begins =
        got.size() >= answer.size() && std::equal(answer.begin(), answer.end(), got.begin());
    return begins && (got.size() == answer.size() || got[answer.size()] == stop) ? 1.0 : 0.0;
  });
  return item;
}

Explanation about_function() {
  return {.measures =
              "A list shows eight inputs with their values under a hidden rule, and the "
              "model writes the value of a ninth input. No training text follows any of "
              "these rules.",
          .chance =
              "How often one of the eight values shown, drawn at random, happens to be "
              "the right one.",
          .low =
              "Near chance the model does no better than copying a value of the list. It "
              "does not work out the rule.",
          .accepts = "The list may go on: what follows the value and a semicolon is not judged.",
          .parts =
              "list, number: the rule is about lists of letters, or about numbers. "
              "relabel: each letter stands for another."};
}

}  // namespace

AbilityDefinition a06_functions_in_context() {
  std::vector<WorldScenario> scenarios;
  const std::string kFunction = "A06.function";
  for (int shots : {8, 0, 2, 4, 16}) {
    const bool own_row = with_shots(kFunction, shots) == kFunction8;
    scenarios.push_back(written_scenario(
        with_shots(kFunction, shots), "A function never met, from its values", own_row ? 400 : 150,
        8, [=](const World& world, uint64_t index) { return function_item(world, index, shots); }));
    if (own_row)
      scenarios.back().spec.about = about_function();
    else
      scenarios.back().spec.parent_row = kFunction8;
  }
  return {.id = "A06",
          .tag = Ability::novel_function,
          .scenarios = scenarios,
          .allowed = {{.scenarios = {with_shots(kFunction, 0)},
                       .sources = {TrainingKind::text},
                       .checks = {Check::exact, Check::grams},
                       .why = "without an example no function is meant, and others give the same "
                              "value; k0 is the control of the other rows"}}};
}

}  // namespace lineage
