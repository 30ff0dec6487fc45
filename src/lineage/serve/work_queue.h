#pragma once

#include <pthread.h>

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace lineage {

// A thread that runs functions one after another, in the order in which they came. None may throw.
class WorkQueue {
 public:
  explicit WorkQueue(const char* name) : thread_([this] { run(); }) {
    pthread_setname_np(thread_.native_handle(), name);  // for top and the like
  }
  ~WorkQueue() { end(); }
  // Runs what is there, and ends the thread; what is posted later is dropped.
  void end() {
    {
      const std::lock_guard lock(mutex_);
      end_ = true;
    }
    wake_.notify_one();
    if (thread_.joinable()) thread_.join();
  }
  void post(std::function<void()> work) {
    {
      const std::lock_guard lock(mutex_);
      if (!end_) work_.push_back(std::move(work));
    }
    wake_.notify_one();
  }

 private:
  void run() {
    for (;;) {
      std::deque<std::function<void()>> now;
      {
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [this] { return end_ || !work_.empty(); });
        if (work_.empty()) return;
        now.swap(work_);
      }
      for (auto& work : now) {
        work();
        work = {};
      }
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> work_;
  bool end_ = false;
  std::thread thread_;
};

}  // namespace lineage
