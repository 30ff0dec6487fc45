#pragma once

#include <map>
#include <string>

namespace lineage {

// Tokens of each source that a node trains on: in its own stage, and together with the stages of
// its first parents.
struct TokensSeen {
  std::string node, parent;
  std::map<std::string, double> own, total;
};

}  // namespace lineage
