#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lineage {

// Python programs that nobody has read, such as those that models write, run by bubblewrap in
// namespaces of their own: docs/sandbox.md says what they cannot do. There is no way to run one
// without that protection.

// Limits of one program. Each holds for all of its processes together unless it says otherwise.
struct SandboxLimits {
  double wall_seconds = 10;
  double cpu_seconds = 10;             // user and system time
  int64_t memory_bytes = 512LL << 20;  // resident in each process, and files in /tmp
  int64_t processes = 16;              // and threads, the first one included
  int64_t output_bytes = 1LL << 20;    // standard output and error
  int64_t file_bytes = 16LL << 20;     // in /tmp, its only writable folder
  int64_t files = 1000;                // in /tmp
  int64_t open_files = 64;             // of each process
};

// An Error that names the first limit outside of its range.
void validate(const SandboxLimits&);

enum class Ending : uint8_t {
  passed,           // ran past its last line, and the interpreter exited with 0
  failed,           // an exception, an assertion, an exit (with any status) or a signal
  timed_out,        // wall_seconds
  out_of_cpu,       // cpu_seconds
  out_of_memory,    // memory_bytes, or a MemoryError that nothing caught
  out_of_storage,   // more than `files` (more than file_bytes is the program's own OSError)
  too_much_output,  // output_bytes
};
std::string_view ending_name(Ending);  // "timed out"

struct ProgramRun {
  Ending ending = Ending::failed;
  int exit_status = 0;      // 128 + the signal's number after a signal; only of passed and failed
  std::string output;       // standard output, its first output_bytes
  std::string error_tail;   // the last 4096 bytes of standard error
  double wall_seconds = 0;  // since the interpreter started
};

// The programs that make the sandbox, by absolute paths: the search path is the user's.
struct SandboxTools {
  std::filesystem::path bwrap = "/usr/bin/bwrap";      // bubblewrap 0.8 or later
  std::filesystem::path prlimit = "/usr/bin/prlimit";  // util-linux
  std::filesystem::path setpriv = "/usr/bin/setpriv";  // util-linux; used by root alone
  std::filesystem::path python = "/usr/bin/python3";   // CPython 3.8 or later below /usr
};

// Functions may be called from several threads at once.
class Sandbox {
 public:
  // Runs a program that tries the walls. An Error with what helps where a tool is absent, the
  // system allows no sandbox, or a wall does not hold.
  explicit Sandbox(SandboxTools = {});

  // Runs the program in its own sandbox and returns when every process of it has ended. Its
  // standard input is empty, its folder and HOME are /tmp. An Error when it could not be started.
  ProgramRun run(std::string_view program, const SandboxLimits& = {}) const;

  // Runs programs side by side, at most `jobs` at a time; results are in the order of the programs.
  // Interrupted once `stop` (called from several threads) is true; programs that run are ended.
  std::vector<ProgramRun> run_all(std::span<const std::string> programs, const SandboxLimits&,
                                  int jobs, const std::function<bool()>& stop = {}) const;

  const SandboxTools& tools() const { return tools_; }

 private:
  SandboxTools tools_;
};

}  // namespace lineage
