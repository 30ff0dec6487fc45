#pragma once

#include "lineage/eval/scenarios/program_runner.h"

namespace lineage {

// Runs each program of a benchmark in a sandbox of its own, within that one's usual limits
// (docs/sandbox.md), as many at a time as the calling thread has compute threads. An Error with
// what helps where this system lets nobody have a sandbox.
ProgramRunner sandboxed_programs();

}  // namespace lineage
