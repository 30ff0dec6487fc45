#pragma once

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <functional>
#include <string>
#include <thread>
#include <vector>

namespace lineage::testing {

struct Output {
  int status = -1;
  std::string text;  // standard output and error together
};

inline Output run_command(const std::string& command) {
  Output out;
  FILE* pipe = ::popen(command.c_str(), "r");
  char buffer[4096];
  for (size_t n; (n = std::fread(buffer, 1, sizeof buffer, pipe)) > 0;) out.text.append(buffer, n);
  out.status = WEXITSTATUS(::pclose(pipe));
  return out;
}

// Runs the program through a shell.
inline Output run_program(const std::string& arguments, const std::string& redirect = "2>&1") {
  return run_command(std::string(LINEAGE_BINARY) + " " + arguments + " " + redirect);
}

// Starts the program, silent, and sends it a signal once `now` holds. False when it ended before.
// `status` is that of waitpid().
inline bool run_and_signal(std::vector<std::string> arguments, int signal,
                           const std::function<bool()>& now, int* status = nullptr) {
  arguments.insert(arguments.begin(), "lineage");
  std::vector<char*> argv;
  for (std::string& a : arguments) argv.push_back(a.data());
  argv.push_back(nullptr);
  const pid_t child = ::fork();
  if (child == 0) {
    const int null = ::open("/dev/null", O_WRONLY);
    ::dup2(null, STDOUT_FILENO);
    ::dup2(null, STDERR_FILENO);
    ::execv(LINEAGE_BINARY, argv.data());
    ::_exit(127);
  }
  while (!now()) {
    if (::waitpid(child, nullptr, WNOHANG) != 0) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  ::kill(child, signal);
  ::waitpid(child, status, 0);
  return true;
}

}  // namespace lineage::testing
