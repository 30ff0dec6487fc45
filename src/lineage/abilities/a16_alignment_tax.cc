#include "lineage/abilities/ability.h"
#include "lineage/abilities/ids.h"

namespace lineage {
namespace {

// Abilities that need no instruction: the mean over each one's scenarios counts once.
const std::vector<std::vector<std::string>> kAbilities = {
    {kGrammar},   {kCloze},     {kTwoWayBinding},
    {kFunction8}, {kFunctions}, {kQuantityChain, kHopChain, kStateChain},
    {kMovedBoxes}};

// With `compared`, of the differences from the parent's answers to the same items.
std::optional<DerivedScore::Value> battery(const NodeAnswers& node, bool compared) {
  std::vector<Measured> abilities;
  for (const auto& scenarios : kAbilities) {
    std::vector<Measured> parts;
    for (const std::string& scenario : scenarios) {
      const ScenarioAnswers *own = node.own(scenario),
                            *parents = compared ? node.parents(scenario) : nullptr;
      const auto part = own && (parents || !compared) ? mean_score(*own, parents) : std::nullopt;
      if (!part) return {};
      parts.push_back(*part);
    }
    abilities.push_back(mean_score(parts));
  }
  return DerivedScore::Value{mean_score(abilities)};
}

}  // namespace

AbilityDefinition a16_alignment_tax() {
  return {
      .id = "A16",
      .derived = {
          {.name = kBattery,
           .title = "mean over the abilities that few shots and scoring show",
           .metric = {.name = "mean of scores"},
           .about = {.measures = "The mean of A01, A03, A05, A06, A10, A12 (with two worked "
                                 "examples) and A14: what a model can do without following "
                                 "instructions.",
                     .chance = "The mean of the chances of these rows.",
                     .low =
                         "At chance none of the seven shows. A fall from parent to child is what "
                         "the child’s stage cost (the alignment tax, below)."},
           .compute = [](const NodeAnswers& node) { return battery(node, false); }},
          {.name = "A16.tax",
           .title = "the battery less the parent's",
           .metric = difference_metric(),
           .parent_row = kBattery,
           .compute = [](const NodeAnswers& node) { return battery(node, true); }}}};
}

}  // namespace lineage
