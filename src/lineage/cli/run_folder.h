#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "lineage/checkpoint/checkpoint.h"

namespace lineage::cli {

// The models of a run folder as its trees name them, RUN/trees/RECIPE/NODE, in order; those of
// RUN/nodes when no tree names any. Empty for a folder that is no run's.
std::vector<fs::path> models_of_run(const fs::path& folder);

// The run folder that a model lies in, when it lies in one.
std::optional<fs::path> run_of(const fs::path& model);

// The checkpoint in a folder. For a run folder the Error lists its models, for a bare name the
// models of that name in runs/.
Checkpoint open_checkpoint(const std::string& folder);

// The stage of a model tunes it on conversations in its tokenizer's ChatTemplate.
bool tuned_on_conversations(const Manifest&);

// Digests are told by their beginning.
std::string short_digest(const std::string& digest);

}  // namespace lineage::cli
