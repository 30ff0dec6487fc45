#include "lineage/base/team.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <system_error>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "lineage/base/error.h"
#include "lineage/base/parallel.h"

namespace lineage {
namespace {

using Clock = std::chrono::steady_clock;

// The serial parts of a training step are shorter than this, so on a quiet machine a thread hardly
// ever sleeps in the middle of one. On a busy one it is the time that a thread wastes waiting for
// one that the scheduler has stopped, which then stays away for some milliseconds.
constexpr std::chrono::microseconds kSpin(100);

constexpr uint32_t kOpen = uint32_t{1} << 31;

thread_local bool at_work_now = false;

void relax() {
#if defined(__x86_64__)
  _mm_pause();
#endif
}

// Returns once `value` is no longer `old`: spins, then sleeps.
uint32_t wait_for_change(const std::atomic<uint32_t>& value, uint32_t old) {
  constexpr int kLooksBetweenClocks = 32;
  const auto start = Clock::now();
  do {
    for (int i = 0; i < kLooksBetweenClocks; ++i) {
      const uint32_t now = value.load(std::memory_order_acquire);
      if (now != old) return now;
      relax();
    }
  } while (Clock::now() - start < kSpin);
  value.wait(old, std::memory_order_acquire);
  return value.load(std::memory_order_acquire);
}

}  // namespace

bool Team::at_work() { return at_work_now; }

Team::Team(int threads) : shares_(static_cast<size_t>(std::max(1, threads))) {
  workers_.reserve(shares_.size() - 1);
  try {
    for (size_t self = 1; self < shares_.size(); ++self)
      workers_.emplace_back([this, self] { serve(self); });
  } catch (const std::system_error& e) {
    const size_t there = workers_.size() + 1;
    over_ = true;
    ++loop_;
    loop_.notify_all();
    for (std::thread& worker : workers_) worker.join();
    throw Error("threads: the system gives " + std::to_string(there) + " of " +
                    std::to_string(threads) + " (" + e.code().message() + "); wanted all",
                "take fewer with --threads, or see how many there may be: ulimit -u");
  }
}

Team::~Team() {
  over_.store(true, std::memory_order_relaxed);
  loop_.fetch_add(1, std::memory_order_release);
  loop_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void Team::run(int64_t blocks, bool dynamic, const void* body, RunBlock run_block) {
  body_ = body;
  run_block_ = run_block;
  shares_used_ = dynamic ? 1 : static_cast<size_t>(std::min<int64_t>(blocks, threads()));
  const int64_t used = static_cast<int64_t>(shares_used_);
  int64_t begin = 0;
  for (int64_t r = 0; r < used; ++r) {
    Share& own = shares_[r];
    own.next.store(begin, std::memory_order_relaxed);
    own.end = begin += blocks / used + (r < blocks % used);
  }
  gate_.store(kOpen, std::memory_order_release);
  loop_.fetch_add(1, std::memory_order_release);
  loop_.notify_all();

  work(0);
  // Whoever is not inside by now has nothing left to do.
  uint32_t gate = gate_.fetch_and(~kOpen, std::memory_order_acq_rel) & ~kOpen;
  while (gate != 0) gate = wait_for_change(gate_, gate);
  if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
}

void Team::serve(size_t self) {
  for (uint32_t seen = 0;;) {
    seen = wait_for_change(loop_, seen);
    if (over_.load(std::memory_order_relaxed)) return;
    if (!enter()) continue;
    seen = loop_.load(std::memory_order_relaxed);  // no other begins while a worker is inside
    work(self);
    leave();
  }
}

bool Team::enter() {
  uint32_t gate = gate_.load(std::memory_order_relaxed);
  while (gate & kOpen)
    if (gate_.compare_exchange_weak(gate, gate + 1, std::memory_order_acquire)) return true;
  return false;
}

void Team::leave() {
  if (gate_.fetch_sub(1, std::memory_order_release) == 1) gate_.notify_one();
}

// A thread's own share first, then the rest of the others' shares.
void Team::work(size_t self) {
  flush_denormals_to_zero();
  at_work_now = true;
  for (size_t r = 0; r < shares_used_; ++r) take(shares_[(self + r) % shares_used_]);
  at_work_now = false;
}

void Team::take(Share& share) {
  if (share.next.load(std::memory_order_relaxed) >= share.end) return;
  for (int64_t block; (block = share.next.fetch_add(1, std::memory_order_relaxed)) < share.end;) {
    try {
      run_block_(body_, block);
    } catch (...) {
      const std::lock_guard lock(failure_mutex_);
      if (!failure_) failure_ = std::current_exception();
    }
  }
}

}  // namespace lineage
