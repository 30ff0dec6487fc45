#include "lineage/abilities/audit/allowed.h"

#include <algorithm>

#include "lineage/abilities/suite.h"

namespace lineage {
namespace {

// An empty list names all.
bool names(const std::vector<std::string>& list, const std::string& name) {
  return list.empty() || std::ranges::find(list, name) != list.end();
}

template <class T>
bool holds(const std::vector<T>& list, T value) {
  return std::ranges::find(list, value) != list.end();
}

bool allows(const AllowedOverlap& a, const Overlap& o, TrainingKind kind) {
  return (names(a.scenarios, o.probe) ||
          (!o.condition_of.empty() && names(a.scenarios, o.condition_of))) &&
         names(a.cells, o.cell) && holds(a.sources, kind) && holds(a.checks, o.check) &&
         static_cast<double>(o.found) <= a.share * static_cast<double>(o.items);
}

}  // namespace

std::string_view allowed_reason(const Overlap& o, TrainingKind kind) {
  for (const AbilityDefinition& ability : abilities())
    if (ability.id == o.ability)
      for (const AllowedOverlap& a : ability.allowed)
        if (allows(a, o, kind)) return a.why;
  return {};
}

}  // namespace lineage
