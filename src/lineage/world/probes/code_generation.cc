#include <algorithm>
#include <memory>

#include "lineage/world/item_split.h"
#include "lineage/world/probes/choices.h"
#include "lineage/world/probes/code_probes.h"

namespace lineage {
namespace {

constexpr int kCases = 5;  // hidden asserts of a problem

CodeContext context_of(uint64_t index) {
  CodeContext context;
  context.test = item_use(index) == ItemUse::test && index < kFirstExampleProbe;
  return context;
}

ProbeExample example(const World& world, uint64_t index) {
  Draw draw(item_rng(world, "A10", kFirstExampleProbe + index));
  const FunctionProblem p = draw_function_problem({}, draw);
  return {p.head, {}, p.body};
}

}  // namespace

FunctionProblem draw_function_problem(const CodeContext& context, Draw& draw) {
  FunctionProblem p;
  p.spec = draw_spec(context, draw);
  const std::string parameter = p.spec.of_list() ? "a" : "x";
  Draft head, whole;
  add_head(p.spec, "f", parameter, false, head);
  whole = head;
  add_body(p.spec, parameter, draw, whole);
  CodeWriter w(DocumentType::function);
  for (const Draft::Line& line : head.lines) w.line(line.indent, line.text);
  // Without the dedent and the end of text that finish() adds.
  p.head = w.finish().tokens;
  p.head.resize(p.head.size() - 2);
  const std::vector<Token> all = whole.tokens();
  p.body.assign(all.begin() + static_cast<std::ptrdiff_t>(p.head.size()) - 1, all.end());
  for (int i = 0; i < kCases; ++i) {
    const SpecValue argument = draw_argument(p.spec, draw);
    p.cases.emplace_back(argument, apply(p.spec, argument));
  }
  return p;
}

FunctionScore FunctionProblem::check(std::span<const Token> written) const {
  static const Vocabulary& v = Vocabulary::get();
  const Token indent = v.token("<indent>"), dedent = v.token("<dedent>"), line = v.token("\n");
  FunctionScore score{false, 0, static_cast<int>(cases.size())};
  // The function's own block: from the head's indent to the dedent that closes it.
  std::vector<Token> function(head.begin() + 1, head.end());
  int depth = 1;
  for (Token t : written) {
    depth += t == indent ? 1 : t == dedent ? -1 : 0;
    if (depth == 0 || t == Vocabulary::kEndOfText) break;
    function.push_back(t);
  }
  if (function.back() != line && function.back() != dedent) function.push_back(line);
  for (depth = std::max(depth, 1); depth > 0; --depth) function.push_back(dedent);
  try {
    mpy::parse(mpy::read_words(function).items);
  } catch (const mpy::Fault&) {
    return score;
  }
  score.parses = true;
  for (const auto& [argument, result] : cases) {
    std::vector<Token> program = function;
    mpy::write_code("assert f ( " + code(argument) + " ) == " + code(result), program);
    score.passed += mpy::run_words(program).outcome == mpy::Outcome::ok;
  }
  return score;
}

std::vector<ProbeSet> code_generation_probes() {
  const auto make = [](const World& world, uint64_t index) {
    Draw draw(item_rng(world, "A10", index));
    FunctionProblem p = draw_function_problem(context_of(index), draw);
    ProbeItem item;
    item.id = std::to_string(index);
    item.cell = std::string(p.spec.of_list() ? "list" : "integer") +
                (p.spec.steps.size() == 2 ? ", two operations" : ", one operation");
    item.cluster = docstring(p.spec);
    item.question = p.head;
    item.answers = {p.body};
    for (uint64_t k = 0; k < 2; ++k) item.examples.push_back(example(world, 2 * index + k));
    const auto shared = std::make_shared<const FunctionProblem>(std::move(p));
    item.check = [shared](std::span<const Token> written) {
      return shared->check(written).all() ? 1.0 : 0.0;
    };
    item.details = [shared](std::span<const Token> written) {
      const FunctionScore score = shared->check(written);
      return std::vector{score.parses ? 1.0 : 0.0, static_cast<double>(score.passed) / score.total};
    };
    return item;
  };
  ProbeSet once = written_set(
      "A10.functions", "Code generation: the body of a function from its docstring", 400, 56, make);
  once.about = {
      .measures =
          "The head of a function says in its docstring what the function does, and the "
          "model writes the body. The body is right when it passes five hidden tests.",
      .chance = "No answer is right for many functions, so a guess scores next to 0.",
      .low =
          "An answer that is no program scores 0, whatever it says: a model that answers "
          "in words instead of code gets .00. The row of bodies that parse, below, shows "
          "how many answers are programs.",
      .accepts = "Every body that passes the hidden tests counts.",
      .parts = "The parts are what the function works on, and how many operations it takes."};
  once.conditions = {{2, 100}};
  once.details = {{"parse", "bodies that parse"}, {"asserts", "hidden asserts that hold"}};
  ProbeSet drawn = written_set("A10.sampled", "Code generation, ten bodies drawn", 60, 56, make);
  drawn.headline = false;
  drawn.samples = 10, drawn.temperature = 0.6;
  return {once, drawn};
}

}  // namespace lineage
