#pragma once

#include <memory>
#include <span>
#include <vector>

#include "lineage/abilities/ability.h"
#include "lineage/eval/scenario.h"

namespace lineage {

// All abilities in their order, with their id in each scenario, metric and derived score.
std::span<const AbilityDefinition> abilities();

// The scenarios of all abilities in one world: each by itself, under its conditions and, where
// chains vote, with a vote. Items bring their own demonstrations.
std::vector<std::shared_ptr<const Scenario>> ability_suite(const std::shared_ptr<const World>&);

// One scenario of the suite, without its conditions.
std::shared_ptr<const Scenario> world_scenario(std::shared_ptr<const World>, const WorldScenario&);

}  // namespace lineage
