#pragma once

#include "lineage/sandbox/descriptor.h"

namespace lineage {

// The filter of system calls (seccomp-bpf) as the bytes that `bwrap --seccomp` reads. What it does
// not list answers ENOSYS, as in a kernel that has no such call: sockets, ptrace, mount,
// namespaces, keys, bpf, perf, io_uring, shared memory outside of the process tree, and all that is
// to come.
Descriptor system_call_filter();

}  // namespace lineage
