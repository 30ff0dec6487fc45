#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lineage/base/clock.h"
#include "lineage/sandbox/command.h"
#include "lineage/sandbox/descriptor.h"

namespace lineage {

// What a pipe delivered, at most `limit` bytes of it kept.
struct PipeText {
  Descriptor end;  // closed at the end of the pipe
  size_t kept_bytes;
  bool keep_last = false;  // of more bytes the last are kept, not the first
  std::string text = {};
  int64_t bytes = 0;  // all

  void read();  // what is there now
};

// A program in its sandbox, from its start to the end of its last process.
class SandboxedProcess {
 public:
  SandboxedProcess(const SandboxTools&, const SandboxLimits&, std::string_view program);
  ~SandboxedProcess();
  SandboxedProcess(const SandboxedProcess&) = delete;
  SandboxedProcess& operator=(const SandboxedProcess&) = delete;

  // Waits for output or an end, at most that long, and reads what is there.
  void wait(std::chrono::milliseconds at_most);
  // Ends every process of the sandbox.
  void kill();
  // Waits until none is left; returns the exit status of the command.
  int join();

  bool running() const { return running_; }
  bool started() const { return report_.text.starts_with('S'); }
  bool passed() const { return report_.text == "S" + nonce_ + "P"; }
  bool had_memory_error() const { return report_.text == "S" + nonce_ + "M"; }
  // The sandbox's first process, once bwrap has told it; it lives as long as the sandbox.
  std::optional<pid_t> first_process() const { return first_; }
  const PipeText& output() const { return output_; }
  const PipeText& errors() const { return errors_; }

 private:
  void read_pipes();
  void learn_first_process();

  std::string nonce_;
  PipeText output_, errors_, report_, information_;
  pid_t command_ = -1;
  Descriptor command_handle_, first_handle_;  // pidfds
  std::optional<pid_t> first_;
  bool running_ = true;
};

}  // namespace lineage
