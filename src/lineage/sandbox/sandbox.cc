#include "lineage/sandbox/sandbox.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <optional>

#include "lineage/base/clock.h"
#include "lineage/base/error.h"
#include "lineage/base/interrupted.h"
#include "lineage/base/task_graph.h"
#include "lineage/sandbox/process_tree.h"
#include "lineage/sandbox/sandboxed_process.h"

namespace lineage {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::milliseconds kMeasured{20};  // between two measurements of a program's use
constexpr double kStartSeconds = 60;

// Tries each wall once; ends with the name of the first that gives way.
constexpr const char* kProbe = R"(
import os, resource, socket, time
def holds(what, attempt):
    try:
        attempt()
    except (OSError, ValueError, MemoryError):
        return
    raise SystemExit(what)
holds('programs can open sockets', socket.socket)
holds('programs can write outside of /tmp', lambda: open('/probe', 'w'))
holds('programs see /proc', lambda: os.listdir('/proc'))
holds('programs see /etc', lambda: os.listdir('/etc'))
holds('the limit of memory does not hold', lambda: bytearray(1 << 40))
holds('the limit of files does not hold', lambda: open('/tmp/probe', 'wb').write(bytes(1 << 22)))
holds('limits can be raised', lambda: resource.setrlimit(resource.RLIMIT_NPROC, (99, 99)))
def many_processes():
    for _ in range(64):
        if os.fork() == 0:
            time.sleep(60)
            os._exit(0)
holds('the limit of processes does not hold', many_processes)
if os.getuid() == 0:
    raise SystemExit('programs run as root')
)";

std::string first_line_of(const fs::path& file) {
  std::string line;
  std::getline(std::ifstream(file) >> std::ws, line);
  return line;
}

// What helps where bwrap itself is refused.
std::string help_for_refusal() {
  if (::geteuid() == 0 && first_line_of("/proc/self/uid_map").ends_with(" 1"))
    return "this root has no other user to run programs as: its namespace maps one alone; start "
           "Lineage outside of it, or as a user";
  if (first_line_of("/proc/sys/user/max_user_namespaces") == "0")
    return "user namespaces are off; the system's owner allows them: sysctl "
           "user.max_user_namespaces=10000";
  if (first_line_of("/proc/sys/kernel/unprivileged_userns_clone") == "0")
    return "user namespaces are for root here; the system's owner allows them: sysctl "
           "kernel.unprivileged_userns_clone=1";
  if (first_line_of("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == "1")
    return "AppArmor keeps user namespaces from bwrap; the system's owner allows them: sysctl "
           "kernel.apparmor_restrict_unprivileged_userns=0";
  return "a container may keep namespaces from its programs: start it with docker run "
         "--security-opt seccomp=unconfined --security-opt apparmor=unconfined, or run this "
         "outside of it";
}

std::string last_line(std::string_view text) {
  while (text.ends_with('\n')) text.remove_suffix(1);
  return std::string(text.substr(text.rfind('\n') + 1));
}

Error could_not_start(const std::string& why) {
  return Error("sandbox: no program can be started: " +
                   (why.empty() ? "bwrap ended without a word" : why) + "; wanted a sandbox",
               help_for_refusal());
}

void check_tool(const fs::path& tool, const std::string& package) {
  if (::access(tool.c_str(), X_OK) != 0)
    throw Error("sandbox: " + tool.string() + " is not there; wanted it, since programs are run " +
                    "in a sandbox or not at all",
                "apt install " + package);
}

// Measures a running program against its limits.
class Watch {
 public:
  Watch(const SandboxedProcess& process, const SandboxLimits& limits)
      : process_(process), limits_(limits) {}

  // The limit that it is beyond, if any.
  std::optional<Ending> exceeded() {
    if (process_.output().bytes + process_.errors().bytes > limits_.output_bytes)
      return Ending::too_much_output;
    if (seconds() > limits_.wall_seconds) return Ending::timed_out;
    const TreeUsage tree = measure();
    if (tree.cpu_seconds > limits_.cpu_seconds) return Ending::out_of_cpu;
    if (tree.resident_bytes == 0) return {};
    const FolderUsage folder = folder_usage(*process_.first_process(), kSandboxFolder);
    if (tree.resident_bytes + folder.bytes > limits_.memory_bytes) return Ending::out_of_memory;
    if (folder.files > limits_.files) return Ending::out_of_storage;
    return {};
  }
  double seconds() const { return seconds_since(start_); }

 private:
  // Nothing is seen of a program that has just ended; of one that goes on, too much is hidden.
  TreeUsage measure() {
    TreeUsage tree;
    if (process_.first_process()) tree = tree_usage(*process_.first_process());
    if (tree.resident_bytes > 0) seen_ = Clock::now();
    require(seconds_since(seen_) < kUnseenSeconds,
            "sandbox: nothing in /proc says what a program "
            "uses, for ",
            kUnseenSeconds, " s; wanted it every ", kMeasured.count(), " ms");
    return tree;
  }

  static constexpr int kUnseenSeconds = 10;
  const SandboxedProcess& process_;
  const SandboxLimits& limits_;
  const Clock::time_point start_ = Clock::now();
  Clock::time_point seen_ = start_;
};

void await_start(SandboxedProcess& process) {
  const Clock::time_point start = Clock::now();
  while (process.running() && !process.started()) {
    process.wait(kMeasured);
    if (seconds_since(start) > kStartSeconds)
      throw Error(fmt::format("sandbox: a program was not started within {} s; wanted it at once",
                              kStartSeconds),
                  "fewer programs at a time: --threads");
  }
}

Ending ending_of(const SandboxedProcess& process, int exit_status, const SandboxLimits& limits) {
  if (process.output().bytes + process.errors().bytes > limits.output_bytes)
    return Ending::too_much_output;
  if (process.had_memory_error()) return Ending::out_of_memory;
  return process.passed() && exit_status == 0 ? Ending::passed : Ending::failed;
}

ProgramRun run_program(const SandboxTools& tools, std::string_view program,
                       const SandboxLimits& limits, const std::function<bool()>& stop) {
  SandboxedProcess process(tools, limits, program);
  await_start(process);
  Watch watch(process, limits);
  std::optional<Ending> limit;
  while (process.running() && !limit) {
    process.wait(kMeasured);
    if (process.running()) limit = watch.exceeded();
    if (stop && stop()) throw Interrupted("sandbox: stopped while programs ran");
  }
  ProgramRun run;
  run.wall_seconds = watch.seconds();
  if (limit) process.kill();
  run.exit_status = process.join();
  if (!process.started()) throw could_not_start(last_line(process.errors().text));
  run.ending = limit ? *limit : ending_of(process, run.exit_status, limits);
  run.output = process.output().text;
  run.error_tail = process.errors().text;
  return run;
}

void check_range(std::string_view name, double value, double least, double most) {
  if (value >= least && value <= most) return;
  throw Error(fmt::format("sandbox: {} is {}; wanted {} to {}", name, value, least, most));
}

}  // namespace

void validate(const SandboxLimits& limits) {
  constexpr double kMiB = 1 << 20, kTiB = kMiB * kMiB;
  check_range("wall_seconds", limits.wall_seconds, 0.01, 86400);
  check_range("cpu_seconds", limits.cpu_seconds, 0.01, 86400);
  check_range("memory_bytes", static_cast<double>(limits.memory_bytes), 32 * kMiB, kTiB);
  check_range("processes", static_cast<double>(limits.processes), 1, 4096);
  check_range("output_bytes", static_cast<double>(limits.output_bytes), 0, 1024 * kMiB);
  check_range("file_bytes", static_cast<double>(limits.file_bytes), 4096, kTiB);
  check_range("files", static_cast<double>(limits.files), 1, 1e6);
  check_range("open_files", static_cast<double>(limits.open_files), 16, 4096);
}

std::string_view ending_name(Ending ending) {
  constexpr std::array<std::string_view, 7> kNames = {
      "passed",        "failed",         "timed out",      "out of CPU time",
      "out of memory", "out of storage", "too much output"};
  return kNames[static_cast<size_t>(ending)];
}

Sandbox::Sandbox(SandboxTools tools) : tools_(std::move(tools)) {
  check_tool(tools_.bwrap, "bubblewrap");
  check_tool(tools_.prlimit, "util-linux");
  if (::geteuid() == 0) check_tool(tools_.setpriv, "util-linux");
  check_tool(tools_.python, "python3");
  require(fs::exists("/proc/thread-self/children"),
          "sandbox: this kernel does not list a process's children (CONFIG_PROC_CHILDREN); wanted "
          "it, to measure what programs use");
  const ProgramRun probe =
      run(kProbe, {.memory_bytes = 256LL << 20, .processes = 8, .file_bytes = 1 << 20});
  if (probe.ending != Ending::passed)
    throw Error(fmt::format("sandbox: a wall does not hold: {} ({}); wanted a sandbox",
                            last_line(probe.error_tail), ending_name(probe.ending)),
                help_for_refusal());
}

ProgramRun Sandbox::run(std::string_view program, const SandboxLimits& limits) const {
  validate(limits);
  return run_program(tools_, program, limits, {});
}

std::vector<ProgramRun> Sandbox::run_all(std::span<const std::string> programs,
                                         const SandboxLimits& limits, int jobs,
                                         const std::function<bool()>& stop) const {
  validate(limits);
  std::vector<ProgramRun> runs(programs.size());
  TaskGraph graph(std::vector<TaskGraph::Task>(programs.size()), jobs);
  graph.run([&](size_t i) { runs[i] = run_program(tools_, programs[i], limits, stop); });
  return runs;
}

}  // namespace lineage
