#include "lineage/world/instructions/family.h"

#include <array>
#include <string>

#include "lineage/base/config.h"
#include "lineage/base/enum_index.h"
#include "lineage/base/error.h"
#include "lineage/world/instructions/task.h"

namespace lineage {
namespace {

const std::vector<FamilyEntry>& entries() {
  static const std::vector<FamilyEntry> all = [] {
    std::vector<FamilyEntry> out;
    for (const auto& part : {list_families(), knowledge_families(), language_families(),
                             reasoning_families(), code_families(), context_families()})
      out.insert(out.end(), part.begin(), part.end());
    return out;
  }();
  return all;
}

}  // namespace

std::span<const FamilyInfo> families() {
  static const std::vector<FamilyInfo> all = [] {
    std::vector<FamilyInfo> out;
    for (const FamilyEntry& e : entries()) out.push_back(e.info);
    return out;
  }();
  return all;
}

const FamilyEntry& family_entry(Family f) {
  static const auto by_family = [] {
    std::array<const FamilyEntry*, kFamilies + 1> all{};
    for (const FamilyEntry& e : entries()) all.at(static_cast<size_t>(e.info.family)) = &e;
    return all;
  }();
  return *by_family[enum_index(f)];
}
const FamilyInfo& family_info(Family f) { return family_entry(f).info; }

const FamilyInfo& find_family(std::string_view name, std::string_view place) {
  std::vector<std::string> names;
  for (const FamilyInfo& info : families()) {
    if (info.code == name || info.name == name) return info;
    names.emplace_back(info.name);
  }
  const std::string nearest = nearest_name(name, names);
  throw Error(std::string(place) + ": \"" + std::string(name) +
                  "\" is no family of instructions; wanted F01 to F40 or a name" +
                  (nearest.empty() ? "" : "; did you mean " + nearest + "?"),
              "docs/abilities.md lists the families");
}

int family_parameters(const World& world, Family f) { return family_entry(f).parameters(world); }

}  // namespace lineage
