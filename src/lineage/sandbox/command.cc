#include "lineage/sandbox/command.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "lineage/base/error.h"

namespace lineage {
namespace {

namespace fs = std::filesystem;

// The user of the program in- and outside of its namespace: Debian's "nobody".
constexpr const char* kNobody = "65534";

// Address space has what is mapped and not resident besides: libraries, stacks, arenas.
constexpr int64_t kUnusedAddressSpace = 512LL << 20;

// Runs the program as the module __main__. That it came to its end is reported, since an exit
// status is the program's to choose: sys.exit(0) in a function under test passes nothing.
constexpr const char* kDriver = R"(
import os, sys, types
def run():
    path, report = '/program.py', 3
    nonce = os.read(0, 32)
    os.set_inheritable(report, False)
    os.write(report, b'S')
    sys.argv = [path]
    main = types.ModuleType('__main__')
    main.__file__ = path
    sys.modules['__main__'] = main
    try:
        with open(path, 'rb') as file:
            program = compile(file.read(), path, 'exec')
        exec(program, main.__dict__)
    except MemoryError:
        os.write(report, nonce + b'M')
        raise
    os.write(report, nonce + b'P')
run()
)";

using Words = std::vector<std::string>;

void append(Words& to, std::initializer_list<std::string> words) {
  to.insert(to.end(), words.begin(), words.end());
}

// Every namespace, no capability, no terminal, no environment.
void add_isolation(Words& to) {
  append(to, {"--unshare-user", "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts",
              "--unshare-cgroup-try", "--uid", kNobody, "--gid", kNobody, "--cap-drop", "ALL",
              "--hostname", "sandbox", "--new-session", "--die-with-parent", "--clearenv"});
  append(to, {"--setenv", "PATH", "/usr/bin", "--setenv", "HOME", kSandboxFolder, "--setenv",
              "LANG", "C.UTF-8"});
  // Each arena of malloc takes 64 MiB of address space, and each thread would have its own.
  append(to, {"--setenv", "MALLOC_ARENA_MAX", "2"});
}

// The interpreter with its libraries, the program, two devices and an empty /tmp. No /proc: bwrap
// cannot mount one in some containers, and Python needs none.
void add_files(Words& to, const SandboxTools& tools, const SandboxLimits& limits) {
  for (const std::string folder : {"lib", "lib64"}) {
    append(to, {"--ro-bind-try", "/usr/" + folder, "/usr/" + folder});
    append(to, {"--symlink", "usr/" + folder, "/" + folder});
  }
  const std::string python = fs::canonical(tools.python).string();
  const std::string prlimit = tools.prlimit.string();
  append(to, {"--ro-bind", python, python, "--ro-bind", prlimit, prlimit});
  append(to,
         {"--dev-bind", "/dev/null", "/dev/null", "--dev-bind", "/dev/urandom", "/dev/urandom"});
  append(to, {"--size", std::to_string(limits.file_bytes), "--tmpfs", kSandboxFolder});
  append(to, {"--ro-bind-data", std::to_string(kProgram), "/program.py", "--remount-ro", "/",
              "--chdir", kSandboxFolder});
}

// Soft and hard limits, which only root could raise again. They are set in the user namespace,
// where Linux 5.14 and later count the processes of this sandbox alone. None can be above the hard
// limit of Lineage itself.
class Limits {
 public:
  explicit Limits(Words& to) : to_(to) {}
  void exactly(std::string_view name, int resource, int64_t value) {
    if (const rlim_t hard = hard_limit(resource); hard < static_cast<rlim_t>(value))
      throw Error(fmt::format("sandbox: Lineage itself runs under a hard limit {} of {}; wanted at "
                              "least {}",
                              name, hard, value),
                  "start it from a shell with a higher limit: ulimit -Ha lists them");
    add(name, value);
  }
  void at_most(std::string_view name, int resource, int64_t value) {
    add(name, static_cast<int64_t>(std::min<rlim_t>(hard_limit(resource), value)));
  }

 private:
  static rlim_t hard_limit(int resource) {
    rlimit limit{};
    ::getrlimit(static_cast<__rlimit_resource>(resource), &limit);
    return limit.rlim_max;
  }
  void add(std::string_view name, int64_t value) {
    to_.push_back(fmt::format("--{}={}:{}", name, value, value));
  }

  Words& to_;
};

void add_limits(Words& to, const SandboxTools& tools, const SandboxLimits& limits) {
  to.push_back(tools.prlimit.string());
  Limits l(to);
  l.exactly("nproc", RLIMIT_NPROC, limits.processes + 1);  // the first process is bwrap's
  l.exactly("as", RLIMIT_AS, limits.memory_bytes + kUnusedAddressSpace);
  // The whole tree's time is measured from outside; this holds if that process is stopped.
  l.exactly("cpu", RLIMIT_CPU, static_cast<int64_t>(std::ceil(limits.cpu_seconds)) + 1);
  l.exactly("fsize", RLIMIT_FSIZE, limits.file_bytes);
  l.exactly("nofile", RLIMIT_NOFILE, limits.open_files);
  l.at_most("stack", RLIMIT_STACK, 8 << 20);
  l.at_most("memlock", RLIMIT_MEMLOCK, 0);
  l.at_most("msgqueue", RLIMIT_MSGQUEUE, 0);
  l.at_most("sigpending", RLIMIT_SIGPENDING, 64);
  l.at_most("rtprio", RLIMIT_RTPRIO, 0);
  // core(5): 1, unlike 0, also keeps the system's core handler from running.
  l.at_most("core", RLIMIT_CORE, 1);
}

}  // namespace

std::vector<std::string> sandbox_command(const SandboxTools& tools, const SandboxLimits& limits,
                                         bool root) {
  Words words;
  if (root)
    append(words, {tools.setpriv.string(), "--reuid", kNobody, "--regid", kNobody, "--clear-groups",
                   "--"});
  words.push_back(tools.bwrap.string());
  add_isolation(words);
  add_files(words, tools, limits);
  append(words,
         {"--seccomp", std::to_string(kFilter), "--info-fd", std::to_string(kInformation), "--"});
  add_limits(words, tools, limits);
  append(words, {fs::canonical(tools.python).string(), "-I", "-B", "-c", kDriver});
  return words;
}

}  // namespace lineage
