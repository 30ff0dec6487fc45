#pragma once

#include <functional>

#include "lineage/comm/communicator.h"

namespace lineage {

// Runs `body` as `ranks` ranks, each a thread of this process, and returns when all have ended.
// If one throws, the others are released with an Error in their next (or present) collective and
// the first exception is rethrown here. A rank that ends while others wait for it, or that makes
// another call than they, is found out in the same way instead of hanging.
void run_ranks(int ranks, const std::function<void(Communicator&)>& body);

}  // namespace lineage
