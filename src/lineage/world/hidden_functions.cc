#include "lineage/world/hidden_functions.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <optional>

namespace lineage {
namespace {

using FunctionKind = HiddenFunction::Kind;

constexpr int kLetters = 12;  // a..l: few enough for a relabelling to show itself

PatternValue letter(Draw& draw) { return {draw.below(kLetters)}; }
PatternValue list_of_letters(Draw& draw) { return draw.distinct(draw.between(2, 4), kLetters); }

// Everything that one kind of function is.
struct FunctionRow {
  enum class On : uint8_t { lists, numbers, letters };

  FunctionKind kind;
  std::string_view name;
  void (*apply)(PatternValue&, int parameter, const World&);
  // The parameters of the world's functions, from the first to the last, up or down.
  std::optional<std::pair<int, int>> parameters = {};
  On on = On::lists;
  PatternValue (*input)(Draw&) = list_of_letters;
};

using V = PatternValue&;
using W = const World&;
constexpr std::array kFunctions = {
    FunctionRow{FunctionKind::reverse, "reverse", [](V v, int, W) { std::ranges::reverse(v); }},
    FunctionRow{FunctionKind::sort, "sort", [](V v, int, W) { std::ranges::sort(v); }},
    FunctionRow{FunctionKind::rotate_left, "rotate_left",
        [](V v, int, W) { std::rotate(v.begin(), v.begin() + 1, v.end()); }},
    FunctionRow{FunctionKind::rotate_right, "rotate_right",
        [](V v, int, W) { std::rotate(v.begin(), v.end() - 1, v.end()); }},
    FunctionRow{FunctionKind::swap_ends, "swap_ends", [](V v, int, W) { std::swap(v.front(), v.back()); }},
    FunctionRow{FunctionKind::drop_first, "drop_first", [](V v, int, W) { v.erase(v.begin()); }},
    FunctionRow{FunctionKind::drop_last, "drop_last", [](V v, int, W) { v.pop_back(); }},
    FunctionRow{FunctionKind::first, "first", [](V v, int, W) { v.resize(1); }},
    FunctionRow{FunctionKind::last, "last", [](V v, int, W) { v = {v.back()}; }},
    FunctionRow{FunctionKind::double_first, "double_first", [](V v, int, W) { v.insert(v.begin(), v.front()); }},
    FunctionRow{FunctionKind::double_last, "double_last", [](V v, int, W) { v.push_back(v.back()); }},
    FunctionRow{FunctionKind::append, "append", [](V v, int p, W) { v.push_back(p); }, {{25, 10}}},
    FunctionRow{FunctionKind::prepend, "prepend", [](V v, int p, W) { v.insert(v.begin(), p); }, {{25, 10}}},
    FunctionRow{FunctionKind::add,
        "add",
        [](V v, int p, W) { v[0] += p; },
        {{1, 15}},
        FunctionRow::On::numbers,
        [](Draw& draw) { return PatternValue{draw.below(40)}; }},
    FunctionRow{FunctionKind::subtract,
        "subtract",
        [](V v, int p, W) { v[0] -= p; },
        {{1, 10}},
        FunctionRow::On::numbers,
        [](Draw& draw) { return PatternValue{draw.between(10, 49)}; }},
    FunctionRow{FunctionKind::relabel,
        "relabel",
        [](V v, int p, W world) {
          Draw draw(world.key("relabel").fold(static_cast<uint64_t>(p)));
          v[0] = draw.distinct(kLetters, kLetters)[v[0]];
        },
        {{0, 11}},
        FunctionRow::On::letters,
        letter}};

const FunctionRow& function_row(FunctionKind kind) {
  return *std::ranges::find(kFunctions, kind, &FunctionRow::kind);
}

std::vector<HiddenFunction> all_functions(const World& world) {
  std::vector<HiddenFunction> all;
  for (const FunctionRow& row : kFunctions) {
    const auto [first, last] = row.parameters.value_or(std::pair(0, 0));
    const int step = first <= last ? 1 : -1;
    for (int p = first; p != last + step; p += step) all.push_back({row.kind, p});
  }
  Draw draw(world.key("hidden functions"));
  draw.shuffle(all);
  assert(all.size() == 80);
  return all;
}

}  // namespace

bool HiddenFunction::on_numbers() const {
  return function_row(kind).on == FunctionRow::On::numbers;
}
bool HiddenFunction::on_lists() const { return function_row(kind).on == FunctionRow::On::lists; }

std::string HiddenFunction::name() const {
  const FunctionRow& row = function_row(kind);
  return std::string(row.name) + (row.parameters ? " " + std::to_string(parameter) : "");
}

PatternValue apply(const World& world, const HiddenFunction& f, const PatternValue& input) {
  PatternValue out = input;
  function_row(f.kind).apply(out, f.parameter, world);
  return out;
}

PatternValue random_input(const HiddenFunction& f, Draw& draw) {
  return function_row(f.kind).input(draw);
}

bool is_test_input(const HiddenFunction& f, const PatternValue& input) {
  if (!f.on_lists()) return false;  // too few values to keep some back
  uint64_t hash = 0xCBF29CE484222325ull + static_cast<uint64_t>(f.kind);
  for (int x : input) hash = (hash ^ static_cast<uint64_t>(x + 1)) * 0x100000001B3ull;
  return (hash >> 32) % 10 == 0;
}

std::vector<HiddenFunction> training_functions(const World& world) {
  std::vector<HiddenFunction> all = all_functions(world);
  const size_t most = all.size() - kHeldoutFunctions;
  all.resize(std::min(most, static_cast<size_t>(world.config().functions)));
  return all;
}

std::vector<HiddenFunction> heldout_functions(const World& world) {
  const std::vector<HiddenFunction> all = all_functions(world);
  return {all.end() - kHeldoutFunctions, all.end()};
}

namespace {

void write_value(DocumentWriter& out, const HiddenFunction& f, const PatternValue& value,
                 TokenTag tag) {
  if (f.on_numbers()) {
    out.number(value[0], tag);
    return;
  }
  const auto letters = Vocabulary::get().tokens("letters");
  if (f.on_lists()) out.text("[");
  for (int x : value) out.token(letters[x], tag);
  if (f.on_lists()) out.text("]", tag);
}

}  // namespace

void write_input(DocumentWriter& out, const HiddenFunction& f, const PatternValue& input) {
  write_value(out, f, input, {});
  out.text("->");
}

void write_output(DocumentWriter& out, const HiddenFunction& f, const PatternValue& output,
                  TokenTag tag) {
  write_value(out, f, output, tag);
}

}  // namespace lineage
