#pragma once

#include <vector>

#include "lineage/world/facts.h"
#include "lineage/world/probes/probe.h"

namespace lineage {

// The values that an answer of this relation is chosen from: all of them, or, where these are
// names, the right one among 15 others. Sets the item's answers and which is correct.
void set_value_choices(ProbeItem&, const World&, const Fact&, Draw&);
// Single tokens as choices.
void set_token_choices(ProbeItem&, std::span<const Token> choices, Token correct);

// A person of a tier and half.
const Person& random_person(const World&, Tier, bool questioned, Draw&);
std::string_view tier_name(Tier);

}  // namespace lineage
