#pragma once

namespace lineage {

// How many processes mpirun (or srun) says it started, from the variables that it sets; 1 when
// nobody says anything.
int launched_processes();

}  // namespace lineage
