#include "lineage/world/problems/problem.h"

#include <optional>
#include <stdexcept>

#include "lineage/base/enum_index.h"
#include "lineage/world/problems/generators.h"

namespace lineage {
namespace {

Problem draw_problem(const World& world, const ProblemSpec& spec, Draw& draw) {
  switch (spec.family) {
    case ProblemFamily::quantity:
      return draw_quantity(spec, draw);
    case ProblemFamily::hop:
      return draw_hop(world, spec, draw);
    case ProblemFamily::state:
      return draw_state(spec, draw);
  }
  throw std::logic_error("problem: no such family");
}

}  // namespace

std::string_view problem_family_name(ProblemFamily family) {
  constexpr std::array<std::string_view, 3> kNames = {"quantity", "hop", "state"};
  return kNames[enum_index(family)];
}

Problem make_problem(const World& world, const ProblemSpec& spec, ItemUse use, Draw& draw) {
  return draw_for(use, "problem", [&]() -> std::optional<Problem> {
    Problem problem = draw_problem(world, spec, draw);
    if (use == ItemUse::test && problem.partly_trained) return std::nullopt;
    return problem;
  });
}

Problem make_problem(const World& world, const ProblemSpec& spec, std::string_view stream,
                     uint64_t index) {
  Draw draw(item_rng(world, stream, index));
  return make_problem(world, spec, item_use(index), draw);
}

Tokens problem_text(const Problem& problem) {
  TokenText text;
  for (const Tokens& premise : problem.premises) text.add(premise);
  return text.add(problem.question).take();
}

Tokens chain_text(const Problem& problem) {
  TokenText text;
  for (const Tokens& step : problem.chain) text.add(step);
  return text.take();
}

}  // namespace lineage
