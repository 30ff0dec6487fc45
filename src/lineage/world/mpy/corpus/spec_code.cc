#include "lineage/world/mpy/corpus/spec.h"

namespace lineage {
namespace {

using Op = Spec::Op;
using Step = Spec::Step;

// The expression of a step on `a`; `v` names an element.
std::string expression(const Step& s, const std::string& a, const std::string& v) {
  const std::string c = std::to_string(s.constant);
  const auto each = [&](const std::string& value) {
    return "[ " + value + " for " + v + " in " + a + " ]";
  };
  const auto where = [&](const std::string& test) {
    return "[ " + v + " for " + v + " in " + a + " if " + v + " " + test + " ]";
  };
  switch (s.op) {
    case Op::plus:
      return a + " + " + c;
    case Op::minus:
      return a + " - " + c;
    case Op::times:
      return a + " * " + c;
    case Op::from:
      return c + " - " + a;
    case Op::remainder:
      return a + " % " + c;
    case Op::divide:
      return a + " // " + c;
    case Op::greater:
      return "max ( " + a + " , " + c + " )";
    case Op::lesser:
      return "min ( " + a + " , " + c + " )";
    case Op::reverse:
      return a + " [ : : - 1 ]";
    case Op::sort:
      return "sorted ( " + a + " )";
    case Op::keep_even:
      return where("% 2 == 0");
    case Op::keep_odd:
      return where("% 2 == 1");
    case Op::keep_greater:
      return where("> " + c);
    case Op::keep_less:
      return where("< " + c);
    case Op::remove_value:
      return where("!= " + c);
    case Op::each_plus:
      return each(v + " + " + c);
    case Op::each_minus:
      return each(v + " - " + c);
    case Op::each_times:
      return each(v + " * " + c);
    case Op::first_items:
      return a + " [ : " + c + " ]";
    case Op::last_items:
      return a + " [ - " + c + " : ]";
    case Op::drop_first:
      return a + " [ " + c + " : ]";
    case Op::drop_last:
      return a + " [ : - " + c + " ]";
    case Op::append:
      return a + " + [ " + c + " ]";
    case Op::sum:
      return "sum ( " + a + " )";
    case Op::max:
      return "max ( " + a + " )";
    case Op::min:
      return "min ( " + a + " )";
    case Op::count:
      return "len ( " + a + " )";
    case Op::first:
      return a + " [ 0 ]";
    case Op::last:
      return a + " [ - 1 ]";
    case Op::item:
      return a + " [ " + c + " ]";
    case Op::count_value:
      return a + " . count ( " + c + " )";
    case Op::count_greater:
      return "len ( " + where("> " + c) + " )";
  }
  return a;
}

// A step that a loop says as well: `out` collects the elements that pass the test.
bool loop(const Step& s, const std::string& a, Draft& draft) {
  const std::string c = std::to_string(s.constant);
  std::string test;
  switch (s.op) {
    case Op::keep_even:
      test = "v % 2 == 0";
      break;
    case Op::keep_odd:
      test = "v % 2 == 1";
      break;
    case Op::keep_greater:
      test = "v > " + c;
      break;
    case Op::keep_less:
      test = "v < " + c;
      break;
    case Op::sum:
      draft.add(1, "out = 0");
      draft.add(1, "for v in " + a + " :");
      draft.add(2, "out += v");
      draft.add(1, "return out");
      return true;
    default:
      return false;
  }
  draft.add(1, "out = [ ]");
  draft.add(1, "for v in " + a + " :");
  draft.add(2, "if " + test + " :");
  draft.add(3, "out . append ( v )");
  draft.add(1, "return out");
  return true;
}

void body(const std::vector<Step>& steps, std::string_view parameter, bool loops, Draft& draft) {
  const std::string a(parameter), v = "v";
  if (steps.size() == 2) draft.add(1, a + " = " + expression(steps[0], a, v));
  const Step& last = steps.back();
  if (!loops || !loop(last, a, draft)) draft.add(1, "return " + expression(last, a, v));
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
  Step& s = steps[static_cast<size_t>(draw.below(static_cast<int>(steps.size())))];
  const Step before = s;
  static constexpr std::pair<Op, Op> kConfused[] = {{Op::plus, Op::minus},
                                                    {Op::times, Op::plus},
                                                    {Op::greater, Op::lesser},
                                                    {Op::keep_even, Op::keep_odd},
                                                    {Op::keep_greater, Op::keep_less},
                                                    {Op::each_plus, Op::each_minus},
                                                    {Op::first_items, Op::last_items},
                                                    {Op::drop_first, Op::drop_last},
                                                    {Op::max, Op::min},
                                                    {Op::first, Op::last}};
  if (draw.chance(0.7))
    for (const auto& [x, y] : kConfused) {
      if (before.op == x) s.op = y;
      if (before.op == y) s.op = x;
    }
  else if (s.constant > 1)
    s.constant += draw.chance(0.5) ? 1 : -1;
  if (s == before) return false;
  body(steps, parameter, false, draft);
  return true;
}

}  // namespace lineage
