#include "lineage/world/minipy/corpus/spec_ops.h"

#include <algorithm>
#include <array>
#include <functional>
#include <numeric>

namespace lineage {
namespace {

using I = int64_t;
using List = std::vector<int64_t>;
using Op = Spec::Op;
using Traits = SpecOp::Traits;
using enum SpecOp::Shape;

// As Python's: the sign is the divisor's.
I remainder(I x, I c) { return ((x % c) + c) % c; }

template <auto F>
SpecValue on_integer(SpecValue v, I c) {
  return {false, F(v.integer, c), {}};
}
template <auto F>
SpecValue on_list(SpecValue v, I c) {
  F(v.items, std::min(c, std::ssize(v.items)), c);
  return v;
}
template <auto F>
SpecValue each(SpecValue v, I c) {
  for (I& x : v.items) x = F(x, c);
  return v;
}
template <auto Test>
SpecValue keep(SpecValue v, I c) {
  std::erase_if(v.items, [&](I x) { return !Test(x, c); });
  return v;
}
template <auto F>
SpecValue reduce(SpecValue v, I c) {
  return {false, F(v.items, c), {}};
}

constexpr SpecOp::Range kNone = {}, kSmall = {1, 9}, kWide = {1, 20}, kFactor = {2, 6},
                        kPlace = {1, 3}, kSome = {2, 3};
// Bodies of loops, after "for v in {a} :".
constexpr std::string_view kKeepEven = "if v % 2 == 0 :", kKeepOdd = "if v % 2 == 1 :",
                           kKeepGreater = "if v > {c} :", kKeepLess = "if v < {c} :",
                           kSum = "out += v";

constexpr Traits mistaken(Op other) { return {.mistaken_for = other}; }
constexpr Traits pick(std::optional<Op> other = {}) {
  return {.mistaken_for = other, .picks = true};
}
constexpr Traits part(std::optional<Op> other = {}, std::string_view loop = {}) {
  return {.mistaken_for = other, .may_empty = true, .loop = loop};
}

constexpr SpecOp row(Op op, SpecOp::Shape shape, SpecOp::Range constant, std::string_view phrase,
                     std::string_view code, SpecValue (*apply)(SpecValue, I), Traits traits = {}) {
  return {op, shape, constant, phrase, code, apply, traits};
}

constexpr std::array kOps = {
    row(Op::plus, integer, kWide, "{x}plus {c}", "{a} + {c}", on_integer<std::plus<>{}>,
        mistaken(Op::times)),
    row(Op::minus, integer, kWide, "{x}minus {c}", "{a} - {c}", on_integer<std::minus<>{}>,
        mistaken(Op::plus)),
    row(Op::times, integer, kFactor, "{x}times {c}", "{a} * {c}", on_integer<std::multiplies<>{}>,
        mistaken(Op::plus)),
    row(Op::from, integer, kWide, "{c} minus {it}", "{c} - {a}",
        on_integer<[](I x, I c) { return c - x; }>),
    row(Op::remainder, integer, kFactor, "{x}% {c}", "{a} % {c}", on_integer<remainder>),
    row(Op::divide, integer, kFactor, "{x}// {c}", "{a} // {c}",
        on_integer<[](I x, I c) { return (x - remainder(x, c)) / c; }>),
    row(Op::greater, integer, kWide, "max of {it} and {c}", "max ( {a} , {c} )",
        on_integer<[](I x, I c) { return std::max(x, c); }>, mistaken(Op::lesser)),
    row(Op::lesser, integer, kWide, "min of {it} and {c}", "min ( {a} , {c} )",
        on_integer<[](I x, I c) { return std::min(x, c); }>, mistaken(Op::greater)),
    row(Op::reverse, list, kNone, "reverse the list", "{a} [ : : - 1 ]",
        on_list<[](List& a, I, I) { std::ranges::reverse(a); }>),
    row(Op::sort, list, kNone, "sort the list", "sorted ( {a} )",
        on_list<[](List& a, I, I) { std::ranges::sort(a); }>),
    row(Op::keep_even, list, kNone, "keep each even element",
        "[ {v} for {v} in {a} if {v} % 2 == 0 ]", keep<[](I x, I) { return x % 2 == 0; }>,
        part(Op::keep_odd, kKeepEven)),
    row(Op::keep_odd, list, kNone, "keep each odd element",
        "[ {v} for {v} in {a} if {v} % 2 == 1 ]", keep<[](I x, I) { return x % 2 != 0; }>,
        part(Op::keep_even, kKeepOdd)),
    row(Op::keep_greater, list, kSmall, "keep each element greater than {c}",
        "[ {v} for {v} in {a} if {v} > {c} ]", keep<std::greater<>{}>,
        part(Op::keep_less, kKeepGreater)),
    row(Op::keep_less, list, kSmall, "keep each element less than {c}",
        "[ {v} for {v} in {a} if {v} < {c} ]", keep<std::less<>{}>,
        part(Op::keep_greater, kKeepLess)),
    row(Op::remove_value, list, kSmall, "remove each {c}", "[ {v} for {v} in {a} if {v} != {c} ]",
        keep<std::not_equal_to<>{}>, part()),
    row(Op::each_plus, list, kSmall, "each element plus {c}", "[ {v} + {c} for {v} in {a} ]",
        each<std::plus<>{}>, mistaken(Op::each_minus)),
    row(Op::each_minus, list, kSmall, "each element minus {c}", "[ {v} - {c} for {v} in {a} ]",
        each<std::minus<>{}>, mistaken(Op::each_plus)),
    row(Op::each_times, list, kFactor, "each element times {c}", "[ {v} * {c} for {v} in {a} ]",
        each<std::multiplies<>{}>),
    row(Op::first_items, list, kSome, "keep the first {c}", "{a} [ : {c} ]",
        on_list<[](List& a, I some, I) { a.resize(static_cast<size_t>(some)); }>,
        part(Op::last_items)),
    row(Op::last_items, list, kSome, "keep the last {c}", "{a} [ - {c} : ]",
        on_list<[](List& a, I some, I) { a.erase(a.begin(), a.end() - some); }>,
        part(Op::first_items)),
    row(Op::drop_first, list, kPlace, "remove the first {c}", "{a} [ {c} : ]",
        on_list<[](List& a, I some, I) { a.erase(a.begin(), a.begin() + some); }>,
        part(Op::drop_last)),
    row(Op::drop_last, list, kPlace, "remove the last {c}", "{a} [ : - {c} ]",
        on_list<[](List& a, I some, I) { a.erase(a.end() - some, a.end()); }>,
        part(Op::drop_first)),
    row(Op::append, list, kSmall, "append {c}", "{a} + [ {c} ]",
        on_list<[](List& a, I, I c) { a.push_back(c); }>),
    row(Op::sum, list_to_integer, kNone, "the sum", "sum ( {a} )",
        reduce<[](const List& a, I) { return std::accumulate(a.begin(), a.end(), I{0}); }>,
        Traits{.loop = kSum}),
    row(Op::max, list_to_integer, kNone, "the max", "max ( {a} )",
        reduce<[](const List& a, I) { return std::ranges::max(a); }>, pick(Op::min)),
    row(Op::min, list_to_integer, kNone, "the min", "min ( {a} )",
        reduce<[](const List& a, I) { return std::ranges::min(a); }>, pick(Op::max)),
    row(Op::count, list_to_integer, kNone, "how many", "len ( {a} )",
        reduce<[](const List& a, I) { return I{std::ssize(a)}; }>),
    row(Op::first, list_to_integer, kNone, "the first element", "{a} [ 0 ]",
        reduce<[](const List& a, I) { return a.front(); }>, pick(Op::last)),
    row(Op::last, list_to_integer, kNone, "the last element", "{a} [ - 1 ]",
        reduce<[](const List& a, I) { return a.back(); }>, pick(Op::first)),
    row(Op::item, list_to_integer, kPlace, "element {c}", "{a} [ {c} ]",
        reduce<[](const List& a, I c) { return a.at(static_cast<size_t>(c)); }>, pick()),
    row(Op::count_value, list_to_integer, kSmall, "count each {c}", "{a} . count ( {c} )",
        reduce<[](const List& a, I c) { return I{std::ranges::count(a, c)}; }>),
    row(Op::count_greater, list_to_integer, kSmall, "count each element greater than {c}",
        "len ( [ {v} for {v} in {a} if {v} > {c} ] )", reduce<[](const List& a, I c) {
          return I{std::ranges::count_if(a, [c](I x) { return x > c; })};
        }>)};

constexpr bool in_order() {
  for (size_t i = 0; i < kOps.size(); ++i)
    if (kOps[i].op != static_cast<Op>(i)) return false;
  return true;
}
static_assert(in_order(), "spec_op() finds a row by the number of its operation");

}  // namespace

const SpecOp& spec_op(Op op) { return kOps.at(static_cast<size_t>(op)); }
std::span<const SpecOp> spec_ops() { return kOps; }

}  // namespace lineage
