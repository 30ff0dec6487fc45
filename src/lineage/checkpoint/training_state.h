#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "lineage/base/file.h"
#include "lineage/tensor/tensor.h"

namespace lineage {

// The state that a trainer needs besides its config to resume bit for bit: tensors by name
// (weights, moments) and JSON of its own (tokens seen, draws). One file a step,
// training-000000001200.safetensors, closed by a digest of everything in it.

using NamedTensors = std::map<std::string, Tensor>;

struct TrainingState {
  int64_t step = 0;
  NamedTensors tensors;
  nlohmann::json json;
  std::vector<std::string> damaged;  // newer states that are unusable: one line each
};

// Writes beside, flushes, renames, and only then removes the states of other steps: a failed write
// or a kill leaves the last good one. Doubles in `json` are restored exactly; NaN and infinity do
// not exist in JSON and become null.
void save_training_state(const fs::path& folder, int64_t step, const NamedTensors&,
                         const nlohmann::json&);

// The newest intact state; nullopt when there is none at all, an Error when all are damaged. Its
// tensors are read into `into`: names, shapes and types must agree. Without it they get memory of
// their own.
std::optional<TrainingState> load_training_state(const fs::path& folder,
                                                 const NamedTensors& into = {});

// Removes the states once the stage has ended.
void remove_training_state(const fs::path& folder);

}  // namespace lineage
