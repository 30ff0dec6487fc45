#include "lineage/sandbox/system_calls.h"

#include <linux/sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <string>
#include <vector>

#include "lineage/base/error.h"
#include "lineage/base/system_error.h"

namespace lineage {
namespace {

// Calls that act on the caller's own memory, processes and open files alone, or on paths, which
// lead to what the sandbox mounts and nowhere else.
constexpr const char* kAllowed[] = {
    // files; no flock and no utime, which act on inodes of the host that can only be read
    "read", "write", "readv", "writev", "pread64", "pwrite64", "preadv", "pwritev", "preadv2",
    "pwritev2", "open", "openat", "creat", "close", "close_range", "stat", "fstat", "lstat",
    "newfstatat", "statx", "access", "faccessat", "faccessat2", "readlink", "readlinkat", "lseek",
    "truncate", "ftruncate", "fallocate", "fadvise64", "fsync", "fdatasync", "getdents",
    "getdents64", "mkdir", "mkdirat", "rmdir", "unlink", "unlinkat", "rename", "renameat",
    "renameat2", "link", "linkat", "symlink", "symlinkat", "chmod", "fchmod", "fchmodat", "umask",
    "getcwd", "chdir", "fchdir", "dup", "dup2", "dup3", "fcntl", "pipe", "pipe2", "sendfile",
    "copy_file_range", "statfs", "fstatfs", "getxattr", "lgetxattr", "fgetxattr", "listxattr",
    "llistxattr", "flistxattr",
    // memory
    "brk", "mmap", "munmap", "mremap", "mprotect", "madvise", "msync", "mincore", "membarrier",
    // processes and threads; clone and prlimit64 have rules of their own
    "execve", "exit", "exit_group", "fork", "vfork", "wait4", "waitid", "getpid", "getppid",
    "gettid", "getuid", "geteuid", "getgid", "getegid", "getresuid", "getresgid", "getgroups",
    "getpgid", "getpgrp", "setpgid", "getsid", "setsid", "getpriority", "getrlimit", "setrlimit",
    "getrusage", "times", "uname", "sysinfo", "arch_prctl", "set_tid_address", "set_robust_list",
    "get_robust_list", "rseq", "futex", "futex_waitv", "sched_yield", "sched_getaffinity",
    "sched_getparam", "sched_getscheduler", "sched_get_priority_max", "sched_get_priority_min",
    "getcpu",
    // signals, which reach the processes of the same PID namespace
    "kill", "tkill", "tgkill", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "rt_sigsuspend",
    "rt_sigpending", "rt_sigtimedwait", "sigaltstack", "pause", "alarm", "setitimer", "getitimer",
    "restart_syscall",
    // time, waiting, chance
    "clock_gettime", "clock_getres", "clock_nanosleep", "nanosleep", "gettimeofday", "time", "poll",
    "ppoll", "select", "pselect6", "epoll_create", "epoll_create1", "epoll_ctl", "epoll_wait",
    "epoll_pwait", "epoll_pwait2", "eventfd", "eventfd2", "getrandom",
    // of a pair of sockets, which asyncio and multiprocessing talk over; socketpair: below
    "sendto", "recvfrom", "shutdown", "getsockopt", "setsockopt", "getsockname", "getpeername"};

// Requests about an open file. Others act on devices and terminals.
constexpr unsigned long kRequests[] = {TCGETS, TIOCGWINSZ, FIOCLEX, FIONCLEX, FIONBIO, FIONREAD};

constexpr scmp_datum_t kNewNamespaces = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS |
                                        CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;

struct Release {
  void operator()(void* filter) const { ::seccomp_release(filter); }
};
using Filter = std::unique_ptr<void, Release>;

// Allows a call whose arguments meet the condition, if there is one.
void allow(const Filter& filter, const char* name, std::vector<scmp_arg_cmp> conditions = {}) {
  const int call = ::seccomp_syscall_resolve_name(name);
  if (call == __NR_SCMP_ERROR || call < 0) return;  // this machine has no such call
  const int error =
      ::seccomp_rule_add_array(filter.get(), SCMP_ACT_ALLOW, call,
                               static_cast<unsigned>(conditions.size()), conditions.data());
  if (error != 0) throw system_error("sandbox", std::string("allow ") + name, -error);
}

scmp_arg_cmp argument_is(unsigned index, scmp_datum_t value, scmp_datum_t mask = ~scmp_datum_t{0}) {
  return {index, SCMP_CMP_MASKED_EQ, mask, value};
}

}  // namespace

Descriptor system_call_filter() {
  // A call of another instruction set's table, such as 32-bit ones, ends the process.
  const Filter filter(::seccomp_init(SCMP_ACT_ERRNO(ENOSYS)));
  require(filter != nullptr, "sandbox: libseccomp makes no filter; wanted one");
  for (const char* name : kAllowed) allow(filter, name);
  // clone3 has its flags in memory, where no filter sees them: the C library falls back to clone.
  allow(filter, "clone", {argument_is(0, 0, kNewNamespaces)});
  allow(filter, "prlimit64", {argument_is(0, 0)});  // limits of the caller itself
  allow(filter, "socketpair", {argument_is(0, AF_UNIX)});
  for (const unsigned long request : kRequests)
    allow(filter, "ioctl", {argument_is(1, request, 0xffffffff)});
  Descriptor file = memory_file("");
  const int error = ::seccomp_export_bpf(filter.get(), file.get());
  if (error != 0) throw system_error("sandbox", "write the filter of system calls", -error);
  ::lseek(file.get(), 0, SEEK_SET);
  return file;
}

}  // namespace lineage
