#include "lineage/base/parallel.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cfloat>
#include <cmath>
#include <filesystem>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include "lineage/base/testing.h"

namespace lineage {
namespace {

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
  for (int64_t i = 0; i < kN; ++i) x[static_cast<size_t>(i)] = std::sin(static_cast<float>(i));
  const auto sum = [&](int threads, bool dynamic) {
    const testing::UseThreads scope(threads);
    std::vector<float> partial(kN / kBlock + 1);
    parallel_blocks(
        kN, kBlock,
        [&](int64_t index, int64_t begin, int64_t end) {
          float s = 0;
          for (int64_t i = begin; i < end; ++i) s += x[static_cast<size_t>(i)];
          partial[static_cast<size_t>(index)] = s;
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
    for (int64_t i = begin; i < end; ++i) ++visits[static_cast<size_t>(i)];
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

TEST(Parallel, ReleasedThreadsEndAndOthersComeForTheNextLoop) {
  const testing::UseThreads scope(5);
  release_threads();
  const size_t alone = threads_there();
  const auto sum = [] {
    std::atomic<int64_t> total = 0;
    parallel_blocks(100, 1, [&](int64_t i, int64_t, int64_t) { total += i; });
    return total.load();
  };
  for (int again = 0; again < 2; ++again) {
    EXPECT_EQ(sum(), 4950);
    EXPECT_EQ(threads_there(), alone + 4);
    release_threads();
    EXPECT_EQ(threads_there(), alone);
  }
  release_threads();  // none
}
#endif

#if defined(__x86_64__)
TEST(Parallel, EveryThreadFlushesDenormals) {
  const testing::UseThreads scope(4);
  std::vector<float> halves(64, 1);
  volatile float smallest = FLT_MIN;
  parallel_blocks(
      64, 1, [&](int64_t i, int64_t, int64_t) { halves[static_cast<size_t>(i)] = smallest / 2; });
  for (float half : halves) EXPECT_EQ(half, 0);
}
#endif

}  // namespace
}  // namespace lineage
