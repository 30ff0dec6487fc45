#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "lineage/abilities/items.h"
#include "lineage/world/instructions/registry.h"

namespace lineage {

// Scenarios of A07 to A09, whose items are instructions of the micro-world's registry.

// The registry depends on the world by its attributes only, and takes a millisecond to make.
std::shared_ptr<const Instructions> instructions(const World&);

// An instruction with demonstrations of the same type. `stream` names the item's random numbers.
Instance typed_item(const World&, const InstructionType&, std::string_view stream, uint64_t index,
                    std::string cell, int shots, Paraphrases = Paraphrases::trained);

// Instructions in the user's words; right when content and format are. The row below it is the
// share of answers with the right content in any format.
WorldScenario instruction_scenario(std::string name, std::string title, int64_t n,
                                   int64_t max_tokens, ItemFunction);

// The right answers beside the reference, for an Explanation.
inline constexpr const char* kSeveralAnswers =
    "Where several answers are right, each of them counts.";
// The cells of A08, for an Explanation.
inline constexpr const char* kFamilyCells =
    "F01 to F10 work on lists, F11 to F17 on facts, F18 to F26 on language, F27 to F31 on "
    "reasoning, F32 to F35 on code, F36 to F40 on a given text or topic.";

}  // namespace lineage
