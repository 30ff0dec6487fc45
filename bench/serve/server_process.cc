#include "bench/serve/server_process.h"

#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <charconv>
#include <filesystem>
#include <fstream>
#include <thread>

#include "lineage/base/clock.h"
#include "lineage/base/error.h"

namespace lineage {
namespace {

namespace fs = std::filesystem;

cpu_set_t set_of(int core) {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (core >= 0) {
    CPU_SET(static_cast<size_t>(core), &set);
  } else {
    for (size_t i = 0; i < CPU_SETSIZE; ++i) CPU_SET(i, &set);
  }
  return set;
}

void pin(pid_t thread, int core) {
  const cpu_set_t set = set_of(core);
  sched_setaffinity(thread, sizeof set, &set);
}

std::string first_line(const fs::path& file) {
  std::ifstream in(file);
  std::string line;
  std::getline(in, line);
  return line;
}

std::vector<pid_t> thread_ids(pid_t process) {
  std::vector<pid_t> all;
  std::error_code ignored;
  for (const auto& entry :
       fs::directory_iterator("/proc/" + std::to_string(process) + "/task", ignored))
    all.push_back(static_cast<pid_t>(std::stol(entry.path().filename())));
  return all;
}

fs::path folder_of(pid_t process, pid_t thread) {
  return "/proc/" + std::to_string(process) + "/task/" + std::to_string(thread);
}

}  // namespace

void pin_this_thread(int core) { pin(0, core); }

ServerProcess::ServerProcess(const std::string& binary, const std::vector<std::string>& arguments,
                             int engine_core, int other_core)
    : child_(true) {
  std::vector<std::string> words = {binary, "serve"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& w : words) argv.push_back(w.data());
  argv.push_back(nullptr);
  log_ = memfd_create("log", MFD_CLOEXEC);
  pid_ = fork();
  require(pid_ >= 0, "fork: failed; wanted a process for the server");
  if (pid_ == 0) {
    dup2(log_, 2);
    pin(0, other_core);  // inherited by its threads
    execvp(argv[0], argv.data());
    _exit(127);
  }
  wait_for_port();
  for (const pid_t t : thread_ids(pid_))
    if (first_line(folder_of(pid_, t) / "comm") == kEngineThread) pin(t, engine_core);
}

void ServerProcess::wait_for_port() {
  const auto begin = Clock::now();
  constexpr std::string_view kBefore = " at http://127.0.0.1:";
  for (;;) {
    const std::string text = log();
    if (const size_t at = text.find(kBefore); at != text.npos && text.find('\n', at) != text.npos) {
      std::from_chars(text.data() + at + kBefore.size(), text.data() + text.size(), port_);
      return;
    }
    if (!alive()) throw Error("lineage serve: has ended; it said: " + text);
    require(seconds_since(begin) < 60, "lineage serve: says no port; wanted one within 60 s");
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

ServerProcess::~ServerProcess() {
  if (child_) end();
  if (log_ >= 0) ::close(log_);
}

std::string ServerProcess::log() const {
  std::string text(1 << 16, '\0');
  const ssize_t n = log_ < 0 ? 0 : pread(log_, text.data(), text.size(), 0);
  text.resize(static_cast<size_t>(std::max<ssize_t>(0, n)));
  return text;
}

bool ServerProcess::alive() {
  if (!child_) return pid_ <= 0 || kill(pid_, 0) == 0;
  if (pid_ > 0 && waitpid(pid_, &status_, WNOHANG) == pid_) pid_ = 0;
  return pid_ > 0;
}

int ServerProcess::end() {
  if (child_ && pid_ > 0) {
    kill(pid_, SIGTERM);
    waitpid(pid_, &status_, 0);
    pid_ = 0;
  }
  return WIFSIGNALED(status_) ? -WTERMSIG(status_) : WEXITSTATUS(status_);
}

int64_t ServerProcess::private_bytes() const {
  std::ifstream in("/proc/" + std::to_string(pid_) + "/status");
  int64_t bytes = 0;
  for (std::string line; std::getline(in, line);)
    if (line.starts_with("RssAnon:") || line.starts_with("VmSwap:"))
      bytes += 1024 * std::stoll(line.substr(line.find(':') + 1));
  return bytes;
}

std::map<std::string, ThreadTime> ServerProcess::threads() const {
  std::map<std::string, ThreadTime> all;
  for (const pid_t t : thread_ids(pid_)) {
    double ran = 0, waited = 0;
    std::ifstream(folder_of(pid_, t) / "schedstat") >> ran >> waited;
    ThreadTime& sum = all[first_line(folder_of(pid_, t) / "comm")];
    sum.ran += 1e-9 * ran, sum.waited += 1e-9 * waited;
  }
  return all;
}

}  // namespace lineage
