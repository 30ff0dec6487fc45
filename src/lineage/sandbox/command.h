#pragma once

#include <string>
#include <vector>

#include "lineage/sandbox/sandbox.h"

namespace lineage {

// Descriptors of the command that sandbox_command() makes. bwrap reads and closes those of its own;
// the Python interpreter has the first four.
enum SandboxDescriptor : int {
  kInput,  // the nonce, and nothing after it
  kOutput,
  kErrors,
  kReport,       // "S" once the driver runs, then the nonce and "P" (passed) or "M" (MemoryError)
  kInformation,  // bwrap writes the process id of the sandbox's first process, as JSON
  kFilter,       // the filter of system calls
  kProgram,      // the program's bytes
  kDescriptors,
};

constexpr const char* kSandboxFolder = "/tmp";  // the one that a program can write to

// [setpriv] bwrap prlimit python driver. `root`: the caller is root, whom RLIMIT_NPROC does not
// bind, in a user namespace either, so the command first becomes another user.
std::vector<std::string> sandbox_command(const SandboxTools&, const SandboxLimits&, bool root);

constexpr size_t kNonceBytes = 32;

}  // namespace lineage
