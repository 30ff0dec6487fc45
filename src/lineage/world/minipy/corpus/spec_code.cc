#include <fmt/format.h>

#include "lineage/world/minipy/corpus/spec_ops.h"

namespace lineage {
namespace {

using Step = Spec::Step;

std::string filled(std::string_view code, const Step& s, std::string_view a) {
  return fmt::format(fmt::runtime(code), fmt::arg("a", a), fmt::arg("c", s.constant),
                     fmt::arg("v", "v"));
}

// The last step as a loop over `a`, for operations that have one.
bool loop(const Step& s, std::string_view a, Draft& draft) {
  const SpecOp& op = spec_op(s.op);
  if (op.traits.loop.empty()) return false;
  draft.add(1, op.gives_integer() ? "out = 0" : "out = [ ]");
  draft.add(1, filled("for {v} in {a} :", s, a));
  draft.add(2, filled(op.traits.loop, s, a));
  if (!op.gives_integer()) draft.add(3, "out . append ( v )");
  draft.add(1, "return out");
  return true;
}

void body(const std::vector<Step>& steps, std::string_view parameter, bool loops, Draft& draft) {
  const auto expression = [&](const Step& s) { return filled(spec_op(s.op).code, s, parameter); };
  if (steps.size() == 2) draft.add(1, std::string(parameter) + " = " + expression(steps[0]));
  const Step& last = steps.back();
  if (!loops || !loop(last, parameter, draft)) draft.add(1, "return " + expression(last));
}

}  // namespace

void add_head(const Spec& spec, std::string_view name, std::string_view parameter, bool plain,
              Draft& draft) {
  draft.add(0, "def " + std::string(name) + " ( " + std::string(parameter) + " ) :");
  if (!plain) draft.add(1, "\" " + docstring(spec) + " \"");
}

void add_body(const Spec& spec, std::string_view parameter, Draw& draw, Draft& draft) {
  body(spec.steps, parameter, draw.chance(0.15), draft);
}

bool add_buggy_body(const Spec& spec, std::string_view parameter, Draw& draw, Draft& draft) {
  std::vector<Step> steps = spec.steps;
  Step& s = steps[draw.below(static_cast<int>(steps.size()))];
  const Step before = s;
  if (draw.chance(0.7))
    s.op = spec_op(s.op).traits.mistaken_for.value_or(s.op);
  else if (s.constant > 1)
    s.constant += draw.chance(0.5) ? 1 : -1;
  if (s == before) return false;
  body(steps, parameter, false, draft);
  return true;
}

}  // namespace lineage
