#include "lineage/world/hidden_functions.h"

#include <algorithm>
#include <array>
#include <cassert>

namespace lineage {
namespace {

using Kind = HiddenFunction::Kind;

constexpr std::array<std::string_view, 16> kFunctionNames = {
    "reverse",   "sort",  "rotate_left", "rotate_right", "swap_ends",   "drop_first",
    "drop_last", "first", "last",        "double_first", "double_last", "append",
    "prepend",   "add",   "subtract",    "relabel"};

constexpr int kLetters = 12;  // a..l: few enough for a relabelling to show itself

std::vector<HiddenFunction> all_functions(const World& world) {
  std::vector<HiddenFunction> all;
  for (int kind = 0; kind < static_cast<int>(Kind::append); ++kind)
    all.push_back({static_cast<Kind>(kind)});
  for (int i = 0; i < 16; ++i) all.push_back({Kind::append, 25 - i});
  for (int i = 0; i < 16; ++i) all.push_back({Kind::prepend, 25 - i});
  for (int i = 1; i <= 15; ++i) all.push_back({Kind::add, i});
  for (int i = 1; i <= 10; ++i) all.push_back({Kind::subtract, i});
  for (int i = 0; i < 12; ++i) all.push_back({Kind::relabel, i});
  Draw draw(world.key("hidden functions"));
  draw.shuffle(all);
  assert(all.size() == 80);
  return all;
}

}  // namespace

std::string HiddenFunction::name() const {
  std::string out(kFunctionNames[static_cast<size_t>(kind)]);
  return kind < Kind::append ? out : out + " " + std::to_string(parameter);
}

PatternValue apply(const World& world, const HiddenFunction& f, const PatternValue& input) {
  PatternValue out = input;
  switch (f.kind) {
    case Kind::reverse:
      std::reverse(out.begin(), out.end());
      break;
    case Kind::sort:
      std::sort(out.begin(), out.end());
      break;
    case Kind::rotate_left:
      std::rotate(out.begin(), out.begin() + 1, out.end());
      break;
    case Kind::rotate_right:
      std::rotate(out.begin(), out.end() - 1, out.end());
      break;
    case Kind::swap_ends:
      std::swap(out.front(), out.back());
      break;
    case Kind::drop_first:
      out.erase(out.begin());
      break;
    case Kind::drop_last:
      out.pop_back();
      break;
    case Kind::first:
      out.resize(1);
      break;
    case Kind::last:
      out = {out.back()};
      break;
    case Kind::double_first:
      out.insert(out.begin(), out.front());
      break;
    case Kind::double_last:
      out.push_back(out.back());
      break;
    case Kind::append:
      out.push_back(f.parameter);
      break;
    case Kind::prepend:
      out.insert(out.begin(), f.parameter);
      break;
    case Kind::add:
      out[0] += f.parameter;
      break;
    case Kind::subtract:
      out[0] -= f.parameter;
      break;
    case Kind::relabel: {
      Draw draw(world.key("relabel").fold(static_cast<uint64_t>(f.parameter)));
      out[0] = draw.distinct(kLetters, kLetters)[static_cast<size_t>(out[0])];
      break;
    }
  }
  return out;
}

PatternValue random_input(const HiddenFunction& f, Draw& draw) {
  if (f.kind == Kind::relabel) return {draw.below(kLetters)};
  if (f.kind == Kind::add) return {draw.below(40)};
  if (f.kind == Kind::subtract) return {draw.between(10, 49)};
  return draw.distinct(draw.between(2, 4), kLetters);
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
  for (int x : value) out.token(letters[static_cast<size_t>(x)], tag);
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
