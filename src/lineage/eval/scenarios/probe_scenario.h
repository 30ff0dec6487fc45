#pragma once

#include <memory>
#include <string>
#include <vector>

#include "lineage/eval/scenario.h"
#include "lineage/world/probes/probe.h"

namespace lineage {

// A probe of the micro-world as a scenario, raw and as chat. Its items bring their own
// demonstrations; `shots` of them are used, -1: all, and the name then says how many ("A05.binding
// .k4").
std::shared_ptr<const Scenario> probe_scenario(std::shared_ptr<const World>, const ProbeSet&,
                                               int shots = -1);

// The same where the model draws `samples` chains, which vote: self-consistency or
// complexity-based. The set is of chains.
std::shared_ptr<const Scenario> voting_scenario(std::shared_ptr<const World>, const ProbeSet&,
                                                int samples, Prompting::Vote);

// All probes of the micro-world in the order of their abilities: each set as it is, and the
// headline ones of chains also with votes.
std::vector<std::shared_ptr<const Scenario>> ability_suite(const std::shared_ptr<const World>&);

}  // namespace lineage
