#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace lineage {

// The threads that run the loops of one thread, the owner; see parallel.h. Only the owner calls
// run().
class Team {
 public:
  using RunBlock = void (*)(const void* body, int64_t block);

  // The owner and `threads` - 1 others. Error when the system has no more threads.
  explicit Team(int threads);
  ~Team();
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;

  int threads() const { return static_cast<int>(workers_.size()) + 1; }
  void run(int64_t blocks, bool dynamic, const void* body, RunBlock);

  // Whether the calling thread is at work on a block of any team.
  static bool at_work();

 private:
  static constexpr size_t kCacheLine = 64;
  struct alignas(kCacheLine) Share {  // neighbouring blocks
    std::atomic<int64_t> next = 0;
    int64_t end = 0;
  };

  void serve(size_t self);
  bool enter();
  void leave();
  void work(size_t self);
  void take(Share&);

  // The loop, written by the owner while no worker is inside.
  const void* body_ = nullptr;
  RunBlock run_block_ = nullptr;
  std::vector<Share> shares_;  // one for each thread, the owner's first
  size_t shares_used_ = 0;
  std::mutex failure_mutex_;
  std::exception_ptr failure_;

  // Counts the loops; workers wait for it to change.
  alignas(kCacheLine) std::atomic<uint32_t> loop_ = 0;
  // Whether a worker may still enter the loop, and how many are inside.
  alignas(kCacheLine) std::atomic<uint32_t> gate_ = 0;
  std::atomic<bool> over_ = false;
  std::vector<std::thread> workers_;
};

}  // namespace lineage
