#include "lineage/base/error.h"
#include "lineage/comm/communicator.h"
#include "lineage/comm/launcher.h"

namespace lineage {

// Built where MPI was not found. Processes that do not know of each other would each train the
// whole model into the same folder, so several of them are refused.
std::unique_ptr<Communicator> mpi() {
  if (const int processes = launched_processes(); processes > 1)
    throw Error("ranks: " + std::to_string(processes) +
                    " processes were started together; this build has no MPI and runs one",
                "install the Debian package libopenmpi-dev, configure and build again");
  return single_process();
}

}  // namespace lineage
