#pragma once

#include <memory>
#include <string>
#include <vector>

#include "lineage/eval/scenario.h"
#include "lineage/world/probes/probe.h"

namespace lineage {

// A probe of the micro-world as a scenario, as plain text and as chat. Its items bring their own
// demonstrations, of which the set's number is shown.
std::shared_ptr<const Scenario> probe_scenario(std::shared_ptr<const World>, const ProbeSet&);

// Its first n items with another number of demonstrations: "A08.trained_types.k4".
std::shared_ptr<const Scenario> condition_scenario(std::shared_ptr<const World>, const ProbeSet&,
                                                   int shots, int64_t n);

// The same where the model draws `samples` chains, which vote: all (self-consistency), beside it
// those with the most steps (complexity-based), and one chain alone. The set is of chains.
std::shared_ptr<const Scenario> voting_scenario(std::shared_ptr<const World>, const ProbeSet&,
                                                int samples);

// Numbers beside a set's headline, of the same answers.
std::vector<Measure> probe_measures(const ProbeSet&);

// The question sets that the suite is made of.
std::vector<ProbeSet> suite_probes();

// All probes of the micro-world in the order of their abilities: each set as it is, under its
// conditions, and the headline ones of chains also with votes.
std::vector<std::shared_ptr<const Scenario>> ability_suite(const std::shared_ptr<const World>&);

}  // namespace lineage
