#pragma once

#include <string>
#include <string_view>

namespace lineage {

// Names of scenarios and rows to which another ability refers. Within one ability's file they are
// constants of that file.
inline constexpr const char* kGrammar = "A01.grammar";
inline constexpr const char* kCloze = "A03.cloze";
inline constexpr const char* kTwoWayBinding = "A05.binding.two_way.k4";
inline constexpr const char* kFunction8 = "A06.function.k8";
inline constexpr const char* kKnownTasks = "A07.known_tasks";
inline constexpr const char* kTrainedTypes = "A08.trained_types";
inline constexpr const char* kFunctions = "A10.functions";
inline constexpr const char* kQuantityChain = "A12.quantity.chain";
inline constexpr const char* kHopChain = "A12.hop.chain";
inline constexpr const char* kStateChain = "A12.state.chain";
inline constexpr const char* kMovedBoxes = "A14.boxes.moved";
inline constexpr const char* kBattery = "A16.battery";

// A scenario's condition with another number of demonstrations.
inline std::string with_shots(std::string_view scenario, int shots) {
  return std::string(scenario) + ".k" + std::to_string(shots);
}

}  // namespace lineage
