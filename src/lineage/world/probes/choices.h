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

// A set of written answers; its ability is what the name begins with.
ProbeSet written_set(std::string name, std::string title, int64_t n, int64_t max_tokens,
                     std::function<ProbeItem(const World&, uint64_t)> item);
// The index of an item's i-th demonstration, of at most kMostExamples.
inline constexpr int kMostExamples = 8;
constexpr uint64_t example_index(uint64_t index, int i) {
  return kFirstExampleProbe + index * kMostExamples + static_cast<uint64_t>(i);
}

}  // namespace lineage
