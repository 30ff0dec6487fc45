#pragma once

#include "lineage/base/error.h"

namespace lineage {

// Thrown when a run stops because it was told to (a signal) and all that it had done is saved: the
// same command goes on from there. The command line exits with its own status for it, so that a
// scheduler can tell "start it again" from "failed".
class Interrupted : public Error {
 public:
  using Error::Error;
};

}  // namespace lineage
