#pragma once

#include <map>
#include <string>
#include <vector>

#include "lineage/checkpoint/manifest.h"

namespace lineage {

// The inputs of a node that determine its identity.
struct NodeInputs {
  std::string stage, frozen;  // its config, as the manifest has it
  uint64_t seed = 0;
  std::string tokenizer;                    // digest
  std::map<std::string, std::string> data;  // digests
  std::vector<std::string> regrown_parents;
};

// The reason for which a node is trained again although the run folder has an earlier model of it:
// the differences between its inputs and those in that model's manifest, the first few.
std::string why_regrown(const Manifest& earlier, const NodeInputs&);

}  // namespace lineage
