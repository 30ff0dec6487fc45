#pragma once

#include "lineage/base/error.h"

namespace lineage {

// Thrown when a run stops on request (a signal) with its work saved: the same command resumes
// there. The command line exits with its own status for it, so that a scheduler can distinguish
// "start it again" from "failed".
class Interrupted : public Error {
 public:
  using Error::Error;
};

}  // namespace lineage
