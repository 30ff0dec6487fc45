#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace lineage {

constexpr const char* kEngineThread = "lineage-models";  // of the server

void pin_this_thread(int core);  // -1: anywhere

// What threads of one name have done so far.
struct ThreadTime {
  double ran = 0, waited = 0;  // seconds on a processor, and seconds ready for one
};

// `lineage serve MODEL` as a child process, or one that runs already.
class ServerProcess {
 public:
  // Its thread of the models has `engine_core` alone, the others `other_core`.
  ServerProcess(const std::string& binary, const std::vector<std::string>& arguments,
                int engine_core, int other_core);
  // One that is there; without a process id its threads and its memory are unknown.
  ServerProcess(uint16_t port, pid_t pid) : pid_(pid), port_(port) {}
  ~ServerProcess();
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  uint16_t port() const { return port_; }
  bool known() const { return pid_ > 0; }
  bool alive();
  int64_t private_bytes() const;  // RssAnon + VmSwap
  std::map<std::string, ThreadTime> threads() const;
  // Asks it to end and waits; its exit status, or minus the signal that killed it.
  int end();
  std::string log() const;

 private:
  void wait_for_port();

  pid_t pid_ = 0;
  uint16_t port_ = 0;
  int log_ = -1;
  bool child_ = false;
  int status_ = 0;
};

}  // namespace lineage
