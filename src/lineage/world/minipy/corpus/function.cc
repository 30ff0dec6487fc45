#include "lineage/world/minipy/corpus/spec.h"

namespace lineage {
namespace {

std::string function_name(Draw& draw) {
  return std::string(draw.word({"f", "f", "g", "h", "result", "value", "score"}));
}

std::string parameter_of(const Spec& spec, Draw& draw) {
  return std::string(spec.of_list() ? draw.word({"a", "a", "data", "row"}) : "x");
}

// The function's result for an argument, by running it.
std::optional<std::string> result_of(const CodeContext& context, const Draft& function,
                                     const std::string& name, const SpecValue& argument) {
  Draft draft = function;
  draft.add(0, "print ( " + name + " ( " + code(argument) + " ) )");
  CodeContext any = context;
  minipy::RunOptions options;
  options.limits.steps = context.config.max_steps;
  const minipy::RunResult r = minipy::run_words(draft.tokens(), options);
  if (r.outcome != minipy::Outcome::ok || r.greatest > any.config.max_integer) return {};
  return r.output.substr(0, r.output.size() - 1);
}

// The lines of a function; those from `from` on carry the tag.
void write(const Draft& draft, size_t from, TokenTag tag, CodeWriter& w) {
  for (size_t i = 0; i < draft.lines.size(); ++i)
    w.line(draft.lines[i].indent, draft.lines[i].text, i >= from ? tag : TokenTag{});
}

void write_assert(const std::string& name, const SpecValue& argument, std::string_view result,
                  CodeWriter& w) {
  w.begin(0).text("assert " + name + " ( " + code(argument) + " ) ==");
  w.output(result, kOutput).end();
}

}  // namespace

std::optional<Document> make_function(const CodeContext& context, Draw& draw) {
  CodeWriter w(DocumentType::function);
  const int functions = draw.between(1, 2);
  for (int i = 0; i < functions; ++i) {
    const Spec spec = draw_spec(context, draw);
    const std::string name = function_name(draw), parameter = parameter_of(spec, draw);
    Draft draft;
    add_head(spec, name, parameter, !context.outputs, draft);
    const size_t head = draft.lines.size();
    add_body(spec, parameter, draw, draft);
    write(draft, head, context.outputs ? kCodeAfterDocstring : TokenTag{}, w);
    if (!context.outputs) continue;
    for (int asserts = draw.between(1, 3); asserts > 0; --asserts) {
      const SpecValue argument = draw_argument(spec, draw);
      const auto result = result_of(context, draft, name, argument);
      if (!result) return {};
      write_assert(name, argument, *result, w);
    }
  }
  return fitting(context, w);
}

// Half bugs with their fix, half code with comments in words.
std::optional<Document> make_bugfix(const CodeContext& context, Draw& draw) {
  CodeWriter w(DocumentType::bugfix);
  const Spec spec = draw_spec(context, draw);
  const std::string name = function_name(draw), parameter = parameter_of(spec, draw);
  Draft right;
  add_head(spec, name, parameter, !context.outputs, right);
  const size_t head = right.lines.size();
  if (draw.chance(0.5)) {
    Draft wrong = right;
    add_body(spec, parameter, draw, right);
    if (!add_buggy_body(spec, parameter, draw, wrong)) return {};
    const SpecValue argument = draw_argument(spec, draw);
    const auto good = result_of(context, right, name, argument);
    const auto bad = result_of(context, wrong, name, argument);
    if (!good || good == bad) return {};
    if (context.outputs) w.comment(0, "bug");
    write(wrong, wrong.lines.size(), {}, w);
    if (context.outputs) {
      w.begin(0).text("# " + name + " ( " + code(argument) + " ) ==");
      if (bad)
        w.output(*bad, kOutput);
      else
        w.text("wrong");
      w.text("not").output(*good, kOutput).end();
      w.comment(0, "fix");
    }
    write(right, head, context.outputs ? kCodeAfterDocstring : TokenTag{}, w);
    if (context.outputs) write_assert(name, argument, *good, w);
    return fitting(context, w);
  }
  // Steps in words, each with its line of code.
  std::string value(parameter);
  const SpecValue argument = draw_argument(spec, draw);
  if (context.outputs) w.comment(0, "put " + code(argument) + " in " + parameter);
  w.line(0, parameter + " = " + code(argument));
  SpecValue now = argument;
  for (const Spec::Step& step : spec.steps) {
    const Spec one{{step}};
    Draft line;
    add_body(one, parameter, draw, line);
    if (line.lines.size() != 1) return {};
    if (context.outputs) {
      const std::string words = docstring(one);
      w.comment(0, words.substr(words.starts_with("return ") ? 7 : 0));
    }
    // The body is "return …".
    w.line(0, parameter + " =" + line.lines[0].text.substr(6),
           context.outputs ? kCodeAfterDocstring : TokenTag{});
    now = apply(one, now);
  }
  w.begin(0).text("print ( " + parameter + " )");
  if (context.outputs) w.text("#").output(text(now), kOutput);
  w.end();
  return fitting(context, w);
}

}  // namespace lineage
