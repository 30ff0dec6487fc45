#include "lineage/world/mpy/corpus/spec.h"

#include <algorithm>
#include <numeric>

namespace lineage {
namespace {

using Op = Spec::Op;
using Step = Spec::Step;

bool takes_constant(Op op) {
  switch (op) {
    case Op::reverse:
    case Op::sort:
    case Op::keep_even:
    case Op::keep_odd:
    case Op::sum:
    case Op::max:
    case Op::min:
    case Op::count:
    case Op::first:
    case Op::last:
      return false;
    default:
      return true;
  }
}

int draw_constant(Op op, Draw& draw) {
  switch (op) {
    case Op::plus:
    case Op::minus:
    case Op::from:
    case Op::greater:
    case Op::lesser:
      return draw.between(1, 20);
    case Op::times:
    case Op::each_times:
    case Op::remainder:
    case Op::divide:
      return draw.between(2, 6);
    case Op::first_items:
    case Op::last_items:
    case Op::drop_first:
    case Op::drop_last:
    case Op::item:
      return draw.between(op == Op::item ? 1 : op <= Op::last_items ? 2 : 1, 3);
    default:
      return draw.between(1, 9);
  }
}

Step draw_step(Op low, Op high, Draw& draw) {
  const auto op = static_cast<Op>(draw.between(static_cast<int>(low), static_cast<int>(high)));
  return {op, takes_constant(op) ? draw_constant(op, draw) : 0};
}

bool picks(Op op) { return op >= Op::max && op <= Op::item && op != Op::count; }

// Lists have three elements at least.
bool may_empty(Op op) {
  return (op >= Op::keep_even && op <= Op::remove_value) ||
         (op >= Op::first_items && op <= Op::drop_last);
}

std::string phrase(const Step& s, bool whole) {
  const std::string c = std::to_string(s.constant), x = whole ? "x " : "";
  switch (s.op) {
    case Op::plus:
      return x + "plus " + c;
    case Op::minus:
      return x + "minus " + c;
    case Op::times:
      return x + "times " + c;
    case Op::from:
      return c + " minus " + (whole ? "x" : "it");
    case Op::remainder:
      return x + "% " + c;
    case Op::divide:
      return x + "// " + c;
    case Op::greater:
      return "max of " + std::string(whole ? "x" : "it") + " and " + c;
    case Op::lesser:
      return "min of " + std::string(whole ? "x" : "it") + " and " + c;
    case Op::reverse:
      return "reverse the list";
    case Op::sort:
      return "sort the list";
    case Op::keep_even:
      return "keep each even element";
    case Op::keep_odd:
      return "keep each odd element";
    case Op::keep_greater:
      return "keep each element greater than " + c;
    case Op::keep_less:
      return "keep each element less than " + c;
    case Op::remove_value:
      return "remove each " + c;
    case Op::each_plus:
      return "each element plus " + c;
    case Op::each_minus:
      return "each element minus " + c;
    case Op::each_times:
      return "each element times " + c;
    case Op::first_items:
      return "keep the first " + c;
    case Op::last_items:
      return "keep the last " + c;
    case Op::drop_first:
      return "remove the first " + c;
    case Op::drop_last:
      return "remove the last " + c;
    case Op::append:
      return "append " + c;
    case Op::sum:
      return "the sum";
    case Op::max:
      return "the max";
    case Op::min:
      return "the min";
    case Op::count:
      return "how many";
    case Op::first:
      return "the first element";
    case Op::last:
      return "the last element";
    case Op::item:
      return "element " + c;
    case Op::count_value:
      return "count each " + c;
    case Op::count_greater:
      return "count each element greater than " + c;
  }
  return {};
}

bool keeps(const Step& s, int64_t v) {
  switch (s.op) {
    case Op::keep_even:
      return v % 2 == 0;
    case Op::keep_odd:
      return v % 2 != 0;
    case Op::keep_greater:
    case Op::count_greater:
      return v > s.constant;
    case Op::keep_less:
      return v < s.constant;
    default:
      return v != s.constant;
  }
}

SpecValue integer(int64_t x) { return {false, x, {}}; }

SpecValue apply(const Step& s, const SpecValue& value) {
  const int64_t x = value.integer, c = s.constant;
  const auto n = static_cast<int64_t>(value.items.size()), some = std::min<int64_t>(c, n);
  SpecValue out{true, 0, value.items};
  std::vector<int64_t>& a = out.items;
  const auto remainder = [](int64_t p, int64_t q) { return ((p % q) + q) % q; };
  switch (s.op) {
    case Op::plus:
      return integer(x + c);
    case Op::minus:
      return integer(x - c);
    case Op::times:
      return integer(x * c);
    case Op::from:
      return integer(c - x);
    case Op::remainder:
      return integer(remainder(x, c));
    case Op::divide:
      return integer((x - remainder(x, c)) / c);
    case Op::greater:
      return integer(std::max(x, c));
    case Op::lesser:
      return integer(std::min(x, c));
    case Op::reverse:
      std::reverse(a.begin(), a.end());
      return out;
    case Op::sort:
      std::sort(a.begin(), a.end());
      return out;
    case Op::keep_even:
    case Op::keep_odd:
    case Op::keep_greater:
    case Op::keep_less:
    case Op::remove_value:
      std::erase_if(a, [&](int64_t v) { return !keeps(s, v); });
      return out;
    case Op::each_plus:
    case Op::each_minus:
    case Op::each_times:
      for (int64_t& v : a)
        v = s.op == Op::each_times ? v * c : s.op == Op::each_plus ? v + c : v - c;
      return out;
    case Op::first_items:
      a.resize(static_cast<size_t>(some));
      return out;
    case Op::last_items:
      a.erase(a.begin(), a.end() - some);
      return out;
    case Op::drop_first:
      a.erase(a.begin(), a.begin() + some);
      return out;
    case Op::drop_last:
      a.resize(static_cast<size_t>(n - some));
      return out;
    case Op::append:
      a.push_back(c);
      return out;
    case Op::sum:
      return integer(std::accumulate(a.begin(), a.end(), int64_t{0}));
    case Op::max:
      return integer(*std::max_element(a.begin(), a.end()));
    case Op::min:
      return integer(*std::min_element(a.begin(), a.end()));
    case Op::count:
      return integer(n);
    case Op::first:
      return integer(a.front());
    case Op::last:
      return integer(a.back());
    case Op::item:
      return integer(a.at(static_cast<size_t>(c)));
    case Op::count_value:
      return integer(std::count(a.begin(), a.end(), c));
    case Op::count_greater:
      return integer(std::count_if(a.begin(), a.end(), [&](int64_t v) { return keeps(s, v); }));
  }
  return out;
}

}  // namespace

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
    for (int i = two ? 2 : 1; i > 0; --i)
      spec.steps.push_back(draw_step(Op::plus, Op::lesser, draw));
  } else {  // a list
    if (two || kind < 7) spec.steps.push_back(draw_step(Op::reverse, Op::append, draw));
    if (two || kind >= 7)
      spec.steps.push_back(kind < 7 ? draw_step(Op::reverse, Op::append, draw)
                                    : draw_step(Op::sum, Op::count_greater, draw));
  }
  // What picks an element needs one, whatever the list.
  if (spec.steps.size() == 2 && picks(spec.steps[1].op) && may_empty(spec.steps[0].op))
    spec.steps[1] = {draw.chance(0.5) ? Op::sum : Op::count, 0};
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
  const bool last_is_value = spec.steps.back().op < Op::reverse || spec.steps.back().op >= Op::sum;
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
  for (const Step& s : spec.steps) v = apply(s, v);
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
    // What picks one element must find it.
    SpecValue before = v;
    for (size_t i = 0; i + 1 < spec.steps.size(); ++i) before = apply(spec.steps[i], before);
    const Step& last = spec.steps.back();
    const size_t needed = last.op == Op::item ? static_cast<size_t>(last.constant) + 1 : 1;
    if (!picks(last.op) || before.items.size() >= needed) return v;
  }
}

}  // namespace lineage
