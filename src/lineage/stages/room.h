#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "lineage/stages/stage.h"

namespace lineage {

// A node that is to be grown: what it takes, and where.
struct NodeToGrow {
  std::string place;  // for messages
  StagePlan plan;
  std::filesystem::path folder;  // may hold a state to go on from; empty when it is not known yet
};

// Fails now where the run would fail in an hour: an Error naming the first node for which this
// machine's free memory, or the disk of `out` after the nodes before it, is too small. The
// memory is that of all ranks, on one machine.
void check_room(const std::vector<NodeToGrow>&, const std::filesystem::path& out, int ranks);

// Of at most `at_once` nodes, how many have room side by side, in this machine's free memory and on
// the disk of `out`, whichever they are; at least 1.
int fit_at_once(const std::vector<NodeToGrow>&, const std::filesystem::path& out, int at_once);

// "812 KiB", "2048 MiB", "73 GiB": rounded up.
std::string size_text(int64_t bytes);

}  // namespace lineage
