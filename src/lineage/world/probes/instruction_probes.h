#pragma once

#include <vector>

#include "lineage/world/probes/probe.h"

namespace lineage {

// The question sets of tuned abilities (docs/abilities.md, section 6). Items depend on the world
// and their index alone; an item's demonstrations come from indices of their own.

// A07 (known tasks with natural demonstrations: F11, F23, F27, F02), A08 (trained types, new
// inputs), A09 (a: held-out compositions, b: held-out families, c: held-out formats and
// paraphrases). A08 and A09 are asked in the user's words, as the tuned models heard them.
std::vector<ProbeSet> instruction_probes();
// What the cells of A08 are, for an Explanation.
inline constexpr const char* kFamilyCells =
    "F01 to F10 work on lists, F11 to F17 on facts, F18 to F26 on language, F27 to F31 on "
    "reasoning, F32 to F35 on code, F36 to F40 on a given text or topic.";

// A12: each problem family with demonstrations of chains, with direct ones, and as an instruction;
// A23: recipes against formal sums, long sums with and without
// the tool.
std::vector<ProbeSet> reasoning_probes();

// A17 (open requests), A18 (both sides of contested topics), A21 (what stands some turns before).
std::vector<ProbeSet> history_probes();

// All of these.
std::vector<ProbeSet> tuned_probes();

// A09: what someone would score on such an item who does something valid at random; 0 for items
// that are no list instructions.
double random_operation_baseline(const World&, uint64_t index);

}  // namespace lineage
