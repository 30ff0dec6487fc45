#include "lineage/base/task_graph.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <vector>

#include "lineage/base/error.h"
#include "lineage/base/testing.h"

namespace lineage {
namespace {

// Waits until `done` says so, ten seconds at most.
void wait_for(const std::function<bool()>& done) {
  for (int i = 0; i < 10'000 && !done(); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  EXPECT_TRUE(done());
}

TEST(TaskGraph, OneAtATimeKeepsTheOrderAndTheThread) {
  const testing::UseThreads four(4);
  std::vector<size_t> order;
  TaskGraph one({{.cost = 1}, {.cost = 9}, {.after = {0}, .cost = 5}}, 1);
  one.run([&](size_t i) {
    EXPECT_FALSE(one.rebalance(i));
    EXPECT_EQ(num_threads(), 4);
    order.push_back(i);
  });
  EXPECT_EQ(order, (std::vector<size_t>{0, 1, 2}));
}

TEST(TaskGraph, NoneBeginsBeforeWhatItWaitsFor) {
  const std::vector<TaskGraph::Task> tasks = {
      {}, {}, {.after = {0}}, {.after = {0, 1}}, {.after = {3}}, {}};
  for (int at_once : {2, 3, 6}) {
    std::vector<std::atomic<bool>> done(tasks.size());
    std::atomic<int> most = 0, now = 0, count = 0;
    std::atomic<bool> two = false;
    TaskGraph all(tasks, at_once);
    all.run([&](size_t i) {
      const int beside = ++now;
      for (int seen = most; seen < beside && !most.compare_exchange_weak(seen, beside);) {
      }
      for (const size_t before : tasks[i].after) EXPECT_TRUE(done[before]) << before << " " << i;
      if (beside == 2) two = true;
      wait_for([&] { return two.load(); });  // the first has another beside it
      --now, ++count;
      done[i] = true;
    });
    EXPECT_EQ(count, 6);
    EXPECT_LE(most, at_once);
    EXPECT_GE(most, 2);
  }
}

// Two at a time: 0, and the start of the longest path, which is 2 with 3 behind it and not 1.
TEST(TaskGraph, TheCostliestWayGoesFirst) {
  std::mutex mutex;
  std::vector<size_t> begun;
  std::atomic<bool> three = false;
  TaskGraph all({{.cost = 20}, {.cost = 3.5}, {.cost = 3}, {.after = {2}, .cost = 4}}, 2);
  all.run([&](size_t i) {
    {
      const std::scoped_lock lock(mutex);
      begun.push_back(i);
    }
    if (i == 3) three = true;
    if (i == 0) wait_for([&] { return three.load(); });
  });
  ASSERT_EQ(begun.size(), 4u);
  EXPECT_EQ(std::ranges::find(begun, 1u) - begun.begin(), 3);
}

TEST(TaskGraph, ThreadsAreSharedAsPiecesComeAndGo) {
  const testing::UseThreads five(5);
  std::atomic<int> begun = 0, measured = 0;
  std::atomic<bool> second_done = false;
  std::atomic<int> sum = 0, alone = 0;
  TaskGraph two({{.cost = 2}, {.cost = 1}}, 2);
  two.run([&](size_t i) {
    ++begun;
    wait_for([&] { return begun == 2; });
    two.rebalance(i);
    sum += num_threads();
    ++measured;
    wait_for([&] { return measured == 2; });
    if (i == 1) return;
    wait_for([&] {  // the other goes: all threads are this one's
      two.rebalance(i);
      return num_threads() == 5;
    });
    alone = num_threads();
  });
  EXPECT_EQ(sum, 5);
  EXPECT_EQ(alone, 5);
  EXPECT_EQ(num_threads(), 5);  // the caller's own
}

TEST(TaskGraph, AFailureStopsTheOthersAndIsThrown) {
  std::atomic<bool> told = false;
  std::atomic<int> begun = 0;
  TaskGraph all({{.cost = 3}, {.cost = 2}, {.after = {0}}, {.after = {1}}}, 2);
  try {
    all.run([&](size_t i) {
      ++begun;
      wait_for([&] { return begun == 2; });
      if (i == 1) throw std::runtime_error("broken");
      wait_for([&] { return all.rebalance(i); });
      told = true;
    });
    FAIL() << "nothing thrown";
  } catch (const std::runtime_error& e) {
    EXPECT_STREQ(e.what(), "broken");
  }
  EXPECT_TRUE(told);
  EXPECT_EQ(begun, 2);
}

TEST(TaskGraph, OnlyAPieceBeforeCanBeWaitedFor) {
  EXPECT_THROW(TaskGraph({{.after = {1}}, {}}, 2), Error);
  EXPECT_THROW(TaskGraph({{.after = {0}}}, 1), Error);
  TaskGraph({}, 3).run([](size_t) { FAIL(); });
}

}  // namespace
}  // namespace lineage
