#include <cmath>

#include "lineage/data/permutation.h"
#include "lineage/world/text/generators.h"

namespace lineage {
namespace {

constexpr int kLines = 8;

struct Line {
  HiddenFunction function;
  PatternValue input;
};

// Line `j` of list `source`; these form the multiset of all lines.
Line line_of(const TextContext& context, int64_t source, int j) {
  Draw draw(context.world->key("pattern line")
                .fold(static_cast<uint64_t>(source))
                .fold(static_cast<uint64_t>(j)));
  const Rng key = context.world->key("pattern function");
  const auto& functions = context.functions;
  const HiddenFunction& f = functions[key.below(functions.size(), static_cast<uint64_t>(source))];
  PatternValue input = random_input(f, draw);
  while (is_test_input(f, input)) input = random_input(f, draw);
  return {f, input};
}

}  // namespace

// Task grouping (section 3.3): with share g of its eight lines a list keeps to its own function;
// each other line comes from a list that a permutation of all lists names, so that the lines of the
// corpus are the same for every g.
Document pattern_list(const TextContext& context, int64_t index) {
  static const Template opening("<src:enc> pattern :"), separator(";");
  const World& world = *context.world;
  const int own = static_cast<int>(std::lround(world.config().task_grouping * kLines));
  Draw draw(world.key("pattern list").fold(static_cast<uint64_t>(index)));
  DocumentWriter out(DocumentType::bursty);
  opening.write(out, {});
  int shown = 0;  // lines of the own function so far
  for (int j : draw.distinct(kLines, kLines)) {
    int64_t source = index;
    if (j >= own) {
      const Rng key = world.key("pattern order").fold(static_cast<uint64_t>(j));
      source = Permutation(key, context.pattern_lists)(index);
    }
    const Line line = line_of(context, source, j);
    const bool told = j < own && shown >= 2;
    if (j < own) ++shown;
    write_input(out, line.function, line.input);
    write_output(out, line.function, apply(world, line.function, line.input),
                 {Ability::novel_function, told});
    separator.write(out, {});
  }
  return out.finish();
}

}  // namespace lineage
