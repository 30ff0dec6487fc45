#include "lineage/comm/launcher.h"

#include <array>
#include <cstdlib>

namespace lineage {

int launched_processes() {
  // OpenMPI's mpirun; MPICH's and Intel's; Slurm's srun with PMIx, which also sets SLURM_NTASKS in
  // a batch script that starts nothing, so it counts only beside PMIX_RANK.
  for (const char* name : std::array{"OMPI_COMM_WORLD_SIZE", "PMI_SIZE"})
    if (const char* value = std::getenv(name)) return std::atoi(value);
  const char* tasks = std::getenv("SLURM_NTASKS");
  return tasks && std::getenv("PMIX_RANK") ? std::atoi(tasks) : 1;
}

}  // namespace lineage
