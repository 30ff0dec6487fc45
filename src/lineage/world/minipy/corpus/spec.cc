#include "lineage/world/minipy/corpus/spec.h"

#include <fmt/format.h>

#include "lineage/world/minipy/corpus/spec_ops.h"

namespace lineage {
namespace {

using Step = Spec::Step;
using Shape = SpecOp::Shape;

// One of the operations of a shape, with a constant if it has one.
Step draw_step(Shape shape, Draw& draw) {
  std::vector<const SpecOp*> all;
  for (const SpecOp& op : spec_ops())
    if (op.shape == shape) all.push_back(&op);
  const SpecOp& op = *draw.pick(all);
  return {op.op, op.constant.high > 0 ? draw.between(op.constant.low, op.constant.high) : 0};
}

std::string phrase(const Step& s, bool whole) {
  return fmt::format(fmt::runtime(spec_op(s.op).phrase), fmt::arg("c", s.constant),
                     fmt::arg("x", whole ? "x " : ""), fmt::arg("it", whole ? "x" : "it"));
}

SpecValue apply_step(const Step& s, const SpecValue& value) {
  return spec_op(s.op).apply(value, s.constant);
}

}  // namespace

bool Spec::of_list() const { return spec_op(steps.front().op).shape != Shape::integer; }

uint64_t Spec::key() const {
  Rng key = Rng(0x53706563).fold("spec");
  for (const Step& s : steps)
    key = key.fold(static_cast<uint64_t>(s.op)).fold(static_cast<uint64_t>(s.constant));
  return key.key();
}

Spec draw_spec(Draw& draw) {
  Spec spec;
  const bool two = draw.chance(0.65);
  const int kind = draw.below(10);
  if (kind < 3) {  // an integer
    for (int i = two ? 2 : 1; i > 0; --i) spec.steps.push_back(draw_step(Shape::integer, draw));
  } else {  // a list
    if (two || kind < 7) spec.steps.push_back(draw_step(Shape::list, draw));
    if (two || kind >= 7)
      spec.steps.push_back(kind < 7 ? draw_step(Shape::list, draw)
                                    : draw_step(Shape::list_to_integer, draw));
  }
  // An operation that picks an element needs one, whatever the list.
  if (spec.steps.size() == 2 && spec_op(spec.steps[1].op).traits.picks &&
      spec_op(spec.steps[0].op).traits.may_empty)
    spec.steps[1] = {draw.chance(0.5) ? Spec::Op::sum : Spec::Op::count, 0};
  // Twice the same is nothing new, or nothing at all.
  if (spec.steps.size() == 2 && spec.steps[0].op == spec.steps[1].op) spec.steps.pop_back();
  return spec;
}

Spec draw_spec(const CodeContext& context, Draw& draw) {
  for (;;) {
    Spec spec = draw_spec(draw);
    if (right_side(context, spec.key())) return spec;
  }
}

std::string docstring(const Spec& spec) {
  const bool last_is_value = spec_op(spec.steps.back().op).gives_integer();
  std::string s;
  if (spec.steps.size() == 2) {
    s = phrase(spec.steps[0], true) + " then ";
    if (last_is_value) s += "return ";
    return s + phrase(spec.steps[1], false);
  }
  return (last_is_value ? "return " : "") + phrase(spec.steps[0], true);
}

std::string text(const SpecValue& v) {
  if (!v.is_list) return std::to_string(v.integer);
  std::string s = "[";
  for (size_t i = 0; i < v.items.size(); ++i) s += (i > 0 ? ", " : "") + std::to_string(v.items[i]);
  return s + "]";
}

std::string code(const SpecValue& v) {
  const auto number = [](int64_t x) {
    return x < 0 ? "- " + std::to_string(-x) : std::to_string(x);
  };
  if (!v.is_list) return number(v.integer);
  std::string s = "[ ";
  for (size_t i = 0; i < v.items.size(); ++i) s += (i > 0 ? ", " : "") + number(v.items[i]) + " ";
  return s + "]";
}

SpecValue apply(const Spec& spec, const SpecValue& argument) {
  SpecValue v = argument;
  for (const Step& s : spec.steps) v = apply_step(s, v);
  return v;
}

SpecValue draw_argument(const Spec& spec, Draw& draw) {
  for (;;) {
    SpecValue v;
    v.is_list = spec.of_list();
    if (!v.is_list) {
      v.integer = draw.between(0, 20);
      return v;
    }
    for (int i = draw.between(3, 6); i > 0; --i) v.items.push_back(draw.between(0, 12));
    // An operation that picks an element must find it.
    SpecValue before = v;
    for (size_t i = 0; i + 1 < spec.steps.size(); ++i) before = apply_step(spec.steps[i], before);
    const Step& last = spec.steps.back();
    const int64_t needed = last.constant + 1;
    if (!spec_op(last.op).traits.picks || std::ssize(before.items) >= needed) return v;
  }
}

}  // namespace lineage
