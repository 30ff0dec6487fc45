#include "lineage/abilities/function_problem.h"

#include <algorithm>

#include "lineage/world/minipy/ast.h"
#include "lineage/world/minipy/run.h"
#include "lineage/world/minipy/words.h"

namespace lineage {
namespace {

constexpr int kCases = 5;  // hidden asserts of a problem

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
    minipy::parse(minipy::read_words(function).items);
  } catch (const minipy::Fault&) {
    return score;
  }
  score.parses = true;
  for (const auto& [argument, result] : cases) {
    std::vector<Token> program = function;
    minipy::write_code("assert f ( " + code(argument) + " ) == " + code(result), program);
    score.passed += minipy::run_words(program).outcome == minipy::Outcome::ok;
  }
  return score;
}

}  // namespace lineage
