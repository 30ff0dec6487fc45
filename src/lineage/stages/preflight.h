#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "lineage/stages/stage.h"

namespace lineage {

// The cost and folder of a node that is to be grown.
struct NodeToGrow {
  std::string place;  // for messages
  StagePlan plan;
  std::filesystem::path folder;  // may hold a state to resume; empty while unknown
};

// Fails early instead of running out of memory or disk later: an Error that names the first node
// for which this machine's free memory, or the disk of `out` after the nodes before it, is too
// small. The memory is that of all ranks, on one machine.
void check_resources(const std::vector<NodeToGrow>&, const std::filesystem::path& out, int ranks);

// The number of nodes, at most `at_once` and at least 1, that this machine's free memory and the
// disk of `out` have room for in parallel, whichever they are.
int max_parallel_nodes(const std::vector<NodeToGrow>&, const std::filesystem::path& out,
                       int at_once);

// "812 KiB", "2048 MiB", "73 GiB": rounded up.
std::string size_text(int64_t bytes);

}  // namespace lineage
