#include "lineage/sandbox/sandboxed_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <nlohmann/json.hpp>

#include "lineage/base/error.h"
#include "lineage/base/system_error.h"
#include "lineage/sandbox/system_calls.h"

namespace lineage {
namespace {

constexpr size_t kErrorTail = 4096;

std::string random_nonce() {
  std::array<unsigned char, kNonceBytes / 2> bytes;
  if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()))
    throw system_error("sandbox", "get random bytes", errno);
  std::string hex;
  for (const unsigned char b : bytes)
    for (const int digit : {b >> 4, b & 15}) hex += "0123456789abcdef"[digit];
  return hex;
}

// Attributes and file actions of posix_spawn().
class SpawnPlan {
 public:
  SpawnPlan() {
    ::posix_spawn_file_actions_init(&actions_);
    ::posix_spawnattr_init(&attributes_);
    // Not the signals that this program's threads block or ignore.
    sigset_t none, all;
    ::sigemptyset(&none);
    ::sigfillset(&all);
    ::posix_spawnattr_setsigmask(&attributes_, &none);
    ::posix_spawnattr_setsigdefault(&attributes_, &all);
    ::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    ::posix_spawn_file_actions_addchdir_np(&actions_, "/");
  }
  ~SpawnPlan() {
    ::posix_spawn_file_actions_destroy(&actions_);
    ::posix_spawnattr_destroy(&attributes_);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;

  // The child has `fd` as `target`. It is copied above all targets first, lest one is overwritten
  // before it is used.
  void give(const Descriptor& fd, int target) {
    Descriptor copy(::fcntl(fd.get(), F_DUPFD_CLOEXEC, kDescriptors));
    if (!copy) throw system_error("sandbox", "copy a descriptor", errno);
    ::posix_spawn_file_actions_adddup2(&actions_, copy.get(), target);
    copies_.push_back(std::move(copy));
  }

  // Starts it with those descriptors and no others, and without an environment.
  pid_t spawn(const std::vector<std::string>& command) {
    ::posix_spawn_file_actions_addclosefrom_np(&actions_, kDescriptors);
    std::vector<char*> arguments, environment{nullptr};
    for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    pid_t child = -1;
    const int error = ::posix_spawn(&child, arguments[0], &actions_, &attributes_, arguments.data(),
                                    environment.data());
    if (error != 0) throw system_error(command[0], "be started", error);
    return child;
  }

 private:
  posix_spawn_file_actions_t actions_;
  posix_spawnattr_t attributes_;
  std::vector<Descriptor> copies_;
};

// By their numbers: the declarations of glibc 2.36 are not for C++.
Descriptor process_handle(pid_t process) {
  return Descriptor(static_cast<int>(::syscall(SYS_pidfd_open, process, 0)));
}
void end_process(const Descriptor& handle) {
  ::syscall(SYS_pidfd_send_signal, handle.get(), SIGKILL, nullptr, 0);
}

bool is_in_pid_namespace(pid_t process, int64_t inode) {
  const std::string link = "/proc/" + std::to_string(process) + "/ns/pid";
  std::array<char, 64> name;
  const ssize_t n = ::readlink(link.c_str(), name.data(), name.size());
  return n > 0 && std::string_view(name.data(), static_cast<size_t>(n)) ==
                      "pid:[" + std::to_string(inode) + "]";
}

bool ready(const Descriptor& handle, int milliseconds) {
  pollfd one{handle.get(), POLLIN, 0};
  int n;
  while ((n = ::poll(&one, 1, milliseconds)) < 0 && errno == EINTR) {
  }
  return n > 0;
}

}  // namespace

void PipeText::read() {
  std::array<char, 65536> buffer;
  // A writer that never pauses does not keep the reader here.
  for (int turn = 0; end && turn < 16; ++turn) {
    const ssize_t n = ::read(end.get(), buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) return end.close();
    bytes += n;
    const size_t room = keep_last ? buffer.size() : kept_bytes - std::min(kept_bytes, text.size());
    text.append(buffer.data(), std::min(static_cast<size_t>(n), room));
    if (text.size() > kept_bytes) text.erase(0, text.size() - kept_bytes);
  }
}

SandboxedProcess::SandboxedProcess(const SandboxTools& tools, const SandboxLimits& limits,
                                   std::string_view program)
    : nonce_(random_nonce()),
      output_{{}, static_cast<size_t>(limits.output_bytes)},
      errors_{{}, kErrorTail, true},
      report_{{}, 2 * kNonceBytes},
      information_{{}, 4096} {
  Pipe input = make_pipe(), output = make_pipe(), errors = make_pipe(), report = make_pipe(),
       information = make_pipe();
  if (::write(input.write.get(), nonce_.data(), nonce_.size()) < 0)
    throw system_error("sandbox", "write to a pipe", errno);
  ::fcntl(input.read.get(), F_SETFL, 0);
  const Descriptor filter = system_call_filter(), file = memory_file(program);
  SpawnPlan plan;
  plan.give(input.read, kInput);
  plan.give(output.write, kOutput);
  plan.give(errors.write, kErrors);
  plan.give(report.write, kReport);
  plan.give(information.write, kInformation);
  plan.give(filter, kFilter);
  plan.give(file, kProgram);
  command_ = plan.spawn(sandbox_command(tools, limits, ::geteuid() == 0));
  command_handle_ = process_handle(command_);
  output_.end = std::move(output.read);
  errors_.end = std::move(errors.read);
  report_.end = std::move(report.read);
  information_.end = std::move(information.read);
}

SandboxedProcess::~SandboxedProcess() {
  if (command_ < 0) return;
  kill();
  join();
}

void SandboxedProcess::wait(std::chrono::milliseconds at_most) {
  std::array<pollfd, 5> all{
      pollfd{command_handle_.get(), POLLIN, 0}, pollfd{output_.end.get(), POLLIN, 0},
      pollfd{errors_.end.get(), POLLIN, 0}, pollfd{report_.end.get(), POLLIN, 0},
      pollfd{information_.end.get(), POLLIN, 0}};
  ::poll(all.data(), all.size(), static_cast<int>(at_most.count()));
  read_pipes();
  learn_first_process();
  running_ = running_ && !ready(command_handle_, 0);
}

void SandboxedProcess::read_pipes() {
  for (PipeText* pipe : {&output_, &errors_, &report_, &information_}) pipe->read();
}

void SandboxedProcess::learn_first_process() {
  if (first_ || information_.end || information_.text.empty()) return;
  const auto information = nlohmann::json::parse(information_.text, nullptr, false);
  information_.text.clear();
  if (!information.is_object() || !information.contains("child-pid")) return;
  const pid_t first = information["child-pid"].get<pid_t>();
  Descriptor handle = process_handle(first);
  // A process that ended may have left its number to one outside of the sandbox.
  const int64_t pid_namespace = information.value("pid-namespace", int64_t{0});
  if (!handle || !is_in_pid_namespace(first, pid_namespace)) return;
  first_handle_ = std::move(handle);
  first_ = first;
}

void SandboxedProcess::kill() {
  // The kernel ends a PID namespace with its first process. Until that is known the command is
  // ended, which takes the first process with it (--die-with-parent).
  end_process(first_handle_ ? first_handle_ : command_handle_);
}

int SandboxedProcess::join() {
  // bwrap ends with the program; what the program left running ends with bwrap's first process.
  constexpr int kPatience = 30000;
  int status = 0;
  const bool command_ended = ready(command_handle_, kPatience);
  if (first_handle_) end_process(first_handle_);
  const bool all_ended = command_ended && (!first_handle_ || ready(first_handle_, kPatience));
  if (command_ended) {
    ::waitpid(command_, &status, 0);
    command_ = -1;
  }
  require(all_ended, "sandbox: processes of a program are left ", kPatience / 1000,
          " s after they were killed; wanted none");
  read_pipes();
  running_ = false;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace lineage
