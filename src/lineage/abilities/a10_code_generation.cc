#include <memory>

#include "lineage/abilities/function_problem.h"
#include "lineage/abilities/ids.h"
#include "lineage/abilities/items.h"

namespace lineage {
namespace {

// The annotations of an item.
enum FunctionNumber : size_t { kParses, kAsserts };

CodeContext context_of(uint64_t index) {
  CodeContext context;
  context.test = item_use(index) == ItemUse::test && index < kFirstExampleProbe;
  return context;
}

FewShotExample example(const World& world, uint64_t index) {
  Draw draw(item_rng(world, "A10", kFirstExampleProbe + index));
  const FunctionProblem p = draw_function_problem({}, draw);
  return {p.head, {}, p.body};
}

Instance function_item(const World& world, uint64_t index) {
  Draw draw(item_rng(world, "A10", index));
  FunctionProblem p = draw_function_problem(context_of(index), draw);
  Instance item;
  item.cell = std::string(p.spec.of_list() ? "list" : "integer") +
              (p.spec.steps.size() == 2 ? ", two operations" : ", one operation");
  item.cluster = docstring(p.spec);
  item.question = p.head;
  item.answers = {p.body};
  for (uint64_t k = 0; k < 2; ++k) item.examples.push_back(example(world, 2 * index + k));
  const auto shared = std::make_shared<const FunctionProblem>(std::move(p));
  item.grade = of_tokens([shared](std::span<const Token> written) {
    return shared->check(written).all() ? 1.0 : 0.0;
  });
  item.annotate = of_tokens([shared](std::span<const Token> written) {
    const FunctionScore score = shared->check(written);
    return std::vector{score.parses ? 1.0 : 0.0, static_cast<double>(score.passed) / score.total};
  });
  return item;
}

// The share of the answers drawn that pass: pass@1 without the luck of one draw.
ItemMetric share_that_passes() {
  return {.info = {.name = "pass@1"},
          .score =
              [](const Instance& item, const Prediction& p) {
                double right = 0;
                for (const DrawnAnswer& s : p.samples)
                  right += !s.output.empty() && item.grade(s.output) >= 1 ? 1 : 0;
                return p.samples.empty() ? 0 : right / static_cast<double>(p.samples.size());
              },
          .open = true};
}

WorldScenario drawn_bodies() {
  constexpr int kSamples = 10;
  const std::string name = "A10.sampled";
  WorldScenario s = below(kFunctions, written_scenario(name, "Code generation, ten bodies drawn",
                                                       60, 56, function_item));
  s.spec.prompt.samples = kSamples;
  s.spec.prompt.sampling.temperature = 0.6;
  s.spec.metric = share_that_passes();
  s.spec.aggregates = {aggregates::pass_at(name + ".pass10", kSamples)};
  return s;
}

}  // namespace

AbilityDefinition a10_code_generation() {
  const std::string name = kFunctions;
  WorldScenario once = written_scenario(
      name, "Code generation: the body of a function from its docstring", 400, 56, function_item);
  once.conditions = {{2, 100}};
  once.spec.about = {
      .measures =
          "The head of a function says in its docstring what the function does, and the "
          "model writes the body. The body is right when it passes five hidden tests.",
      .chance = "No answer is right for many functions, so a guess scores next to 0.",
      .low =
          "An answer that is no program scores 0, whatever it says: a model that answers in "
          "words instead of code gets .00. The row of bodies that parse, below, shows how many "
          "answers are programs.",
      .accepts = "Every body that passes the hidden tests counts.",
      .parts = "The parts are what the function works on, and how many operations it takes."};
  once.spec.aggregates = {
      aggregates::annotation(name + ".parse", "bodies that parse", kParses),
      aggregates::annotation(name + ".asserts", "hidden asserts that hold", kAsserts)};
  return {.id = "A10",
          .tag = Ability::code_generation,
          .scenarios = {once, drawn_bodies()},
          .allowed = {{.sources = {TrainingKind::code, TrainingKind::demonstrations},
                       .checks = {Check::program},
                       .why = kCommonCode}}};
}

}  // namespace lineage
