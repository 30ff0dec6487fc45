#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "lineage/eval/scenario.h"

namespace lineage {

// Puts the items to a model, all in few batches: choices that are one token each cost one forward
// pass of their context, whatever their number. Each item has its own demonstrations and its own
// draws, from (seed, scenario, item), so that a prediction depends on nothing else.
//
// `pool` provides demonstrations for items that have none of their own.
std::vector<Prediction> predict(LanguageModel&, std::span<const Instance> items,
                                std::span<const Instance> pool, const ScenarioSpec&,
                                PromptSpec::Template, uint64_t seed);

// An item with its right answer, as a demonstration for others.
FewShotExample demonstration(const Instance&, PromptSpec::Method);

// The demonstrations of one item: `shots` different ones of the pool, the same for every model.
std::vector<FewShotExample> draw_examples(const Instance&, std::span<const Instance> pool,
                                          int shots, const ScenarioSpec&, uint64_t seed);

}  // namespace lineage
