#include "lineage/base/parallel.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cfloat>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <functional>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include "lineage/base/error.h"
#include "lineage/base/testing.h"

namespace lineage {
namespace {

// The address space of this process, in bytes.
[[maybe_unused]] rlim_t address_space() {
  std::ifstream statm("/proc/self/statm");
  rlim_t pages = 0;
  statm >> pages;
  return pages * static_cast<rlim_t>(::sysconf(_SC_PAGESIZE));
}

using Blocks = std::set<std::tuple<int64_t, int64_t, int64_t>>;

Blocks blocks_of(int64_t n, int64_t block, bool dynamic) {
  std::mutex mutex;
  Blocks blocks;
  parallel_blocks(
      n, block,
      [&](int64_t index, int64_t begin, int64_t end) {
        const std::lock_guard lock(mutex);
        EXPECT_TRUE(blocks.insert({index, begin, end}).second) << "a block ran twice";
      },
      dynamic);
  return blocks;
}

TEST(Parallel, BlocksDoNotDependOnTheThreads) {
  for (const bool dynamic : {false, true}) {
    for (const int threads : {1, 2, 3, 8}) {
      const testing::UseThreads scope(threads);
      EXPECT_EQ(blocks_of(10, 4, dynamic), (Blocks{{0, 0, 4}, {1, 4, 8}, {2, 8, 10}}));
      EXPECT_EQ(blocks_of(3, 5, dynamic), (Blocks{{0, 0, 3}}));
      EXPECT_EQ(blocks_of(0, 4, dynamic), Blocks{});
    }
  }
}

// Partial sums combined in block order: the same bits whatever the number of threads.
TEST(Parallel, SumsAreTheSameForAnyNumberOfThreads) {
  constexpr int64_t kN = 100'003, kBlock = 1024;
  std::vector<float> x(kN);
  for (int64_t i = 0; i < kN; ++i) x[i] = std::sin(static_cast<float>(i));
  const auto sum = [&](int threads, bool dynamic) {
    const testing::UseThreads scope(threads);
    std::vector<float> partial(kN / kBlock + 1);
    parallel_blocks(
        kN, kBlock,
        [&](int64_t index, int64_t begin, int64_t end) {
          float s = 0;
          for (int64_t i = begin; i < end; ++i) s += x[i];
          partial[index] = s;
        },
        dynamic);
    float total = 0;
    for (float s : partial) total += s;
    return total;
  };
  const float want = sum(1, false);
  for (const int threads : {2, 3, 7})
    for (const bool dynamic : {false, true}) EXPECT_EQ(sum(threads, dynamic), want);
}

TEST(Parallel, ForVisitsEveryIndexOnce) {
  const testing::UseThreads scope(4);
  std::vector<std::atomic<int>> visits(1000);
  parallel_for(1000, 7, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) ++visits[i];
  });
  for (const auto& v : visits) EXPECT_EQ(v, 1);
}

TEST(Parallel, AnExceptionReachesTheCaller) {
  for (const bool dynamic : {false, true}) {
    for (const int threads : {1, 4}) {
      const testing::UseThreads scope(threads);
      std::string what;
      try {
        parallel_blocks(
            100, 1,
            [](int64_t i, int64_t, int64_t) {
              if (i == 57) throw std::runtime_error("block 57");
            },
            dynamic);
      } catch (const std::runtime_error& e) {
        what = e.what();
      }
      EXPECT_EQ(what, "block 57");
    }
  }
}

TEST(Parallel, ALoopInsideALoopRunsOnItsOwnThread) {
  const testing::UseThreads scope(2);
  std::atomic<int> inner_threads{0}, visits{0};
  parallel_for(2, 1, [&](int64_t, int64_t) {
    inner_threads = std::max(inner_threads.load(), num_threads());
    parallel_for(10, 1,
                 [&](int64_t begin, int64_t end) { visits += static_cast<int>(end - begin); });
  });
  EXPECT_EQ(inner_threads, 1);
  EXPECT_EQ(visits, 20);
}

// True once `done` is; false after a time in which any thread has come.
bool comes_true(const std::function<bool()>& done) {
  constexpr std::chrono::seconds kLongest(20);
  const auto start = std::chrono::steady_clock::now();
  while (!done()) {
    if (std::chrono::steady_clock::now() - start > kLongest) return false;
    std::this_thread::yield();
  }
  return true;
}

// A thread that the scheduler has stopped holds up the one block that it is at, not those that were
// meant for it.
TEST(Parallel, OthersTakeTheBlocksOfAThreadThatIsHeldUp) {
  constexpr int64_t kBlocks = 64;
  for (const bool dynamic : {false, true}) {
    const testing::UseThreads scope(2);
    const auto caller = std::this_thread::get_id();
    std::atomic<int64_t> begun = 0, done = 0;
    std::atomic<bool> other_came = false, in_time = true;
    parallel_blocks(
        kBlocks, 1,
        [&](int64_t, int64_t, int64_t) {
          const bool first = begun++ == 0, caller_runs = std::this_thread::get_id() == caller;
          if (caller_runs && !other_came) {
            if (first && !comes_true([&] { return other_came.load(); })) in_time = false;
          } else if (!caller_runs && !other_came.exchange(true)) {
            if (!comes_true([&] { return done == kBlocks - 1; })) in_time = false;
          }
          ++done;
        },
        dynamic);
    EXPECT_TRUE(in_time);
    EXPECT_EQ(done, kBlocks);
  }
}

// Loops short enough that workers come late, early and in between.
TEST(Parallel, ManyShortLoopsRunEveryBlockOnce) {
  const testing::UseThreads scope(4);
  int64_t total = 0, want = 0;
  for (int64_t loop = 0; loop < 300'000; ++loop) {
    std::array<int64_t, 7> seen{};
    parallel_blocks(
        1 + loop % 7, 1, [&](int64_t i, int64_t, int64_t) { seen[i] += i + 1; }, loop % 2 == 0);
    for (const int64_t s : seen) total += s;
    const int64_t blocks = 1 + loop % 7;
    want += blocks * (blocks + 1) / 2;
  }
  EXPECT_EQ(total, want);
}

// A sanitizer's own memory does not fit under such a limit.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
TEST(Parallel, MoreThreadsThanTheSystemGivesIsAnError) {
  rlimit old{};
  ASSERT_EQ(::getrlimit(RLIMIT_AS, &old), 0);
  std::string what;
  std::thread([&] {
    rlimit small = old;
    small.rlim_cur = address_space() + (rlim_t{64} << 20);  // room for a few stacks
    ::setrlimit(RLIMIT_AS, &small);
    set_num_threads(1000);
    try {
      parallel_blocks(10, 1, [](int64_t, int64_t, int64_t) {});
    } catch (const Error& e) {
      what = e.what();
    }
    ::setrlimit(RLIMIT_AS, &old);
  }).join();
  EXPECT_NE(what.find(" of 1000"), std::string::npos) << what;
}

#endif

TEST(Parallel, ThreadCountBelongsToTheCallingThread) {
  const testing::UseThreads scope(3);
  std::thread([] { set_num_threads(1); }).join();
  EXPECT_EQ(num_threads(), 3);
  set_num_threads(0);
  EXPECT_EQ(num_threads(), 1);
}

#if defined(__linux__)
// The threads of this process, which Linux lists.
size_t threads_there() {
  size_t count = 0;
  for ([[maybe_unused]] const auto& t : std::filesystem::directory_iterator("/proc/self/task"))
    ++count;
  return count;
}

TEST(Parallel, AThreadsTeamHasTheWantedSizeAndEndsWithIt) {
  const size_t before = threads_there();
  std::thread([&] {
    const size_t alone = threads_there();
    for (const int threads : {5, 2, 3}) {
      set_num_threads(threads);
      std::atomic<int64_t> total = 0;
      parallel_blocks(100, 1, [&](int64_t i, int64_t, int64_t) { total += i; });
      EXPECT_EQ(total, 4950);
      EXPECT_EQ(threads_there(), alone + static_cast<size_t>(threads) - 1);
    }
  }).join();
  EXPECT_EQ(threads_there(), before);
}
#endif

#if defined(__x86_64__)
TEST(Parallel, EveryThreadFlushesDenormals) {
  const testing::UseThreads scope(4);
  std::vector<float> halves(64, 1);
  volatile float smallest = FLT_MIN;
  parallel_blocks(64, 1, [&](int64_t i, int64_t, int64_t) { halves[i] = smallest / 2; });
  for (float half : halves) EXPECT_EQ(half, 0);
}
#endif

}  // namespace
}  // namespace lineage
