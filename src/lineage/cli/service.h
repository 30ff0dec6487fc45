#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

namespace lineage::cli {

// Tells systemd about this process, where it is a service of Type=notify: "READY=1", "STOPPING=1".
// Nothing happens outside of one, or when it cannot be told (sd_notify(3)).
void notify_service(const std::string& state);

// Tells systemd's watchdog that the server is well, as often as the unit's WatchdogSec wants it,
// for as long as this lives and `well` says so.
class ServiceWatch {
 public:
  explicit ServiceWatch(std::function<bool()> well);
  ~ServiceWatch();

 private:
  std::mutex mutex_;
  std::condition_variable wake_;
  bool ends_ = false;
  std::thread thread_;
};

}  // namespace lineage::cli
