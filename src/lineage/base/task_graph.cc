#include "lineage/base/task_graph.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "lineage/base/error.h"
#include "lineage/base/parallel.h"

namespace lineage {

TaskGraph::TaskGraph(std::vector<Task> tasks, int at_once)
    : tasks_(std::move(tasks)),
      at_once_(std::min(at_once, static_cast<int>(tasks_.size()))),
      threads_(num_threads()),
      critical_path_(tasks_.size()),
      states_(tasks_.size(), State::waiting) {
  for (size_t i = tasks_.size(); i-- > 0;) {
    critical_path_[i] += tasks_[i].cost;
    for (const size_t before : tasks_[i].after) {
      require(before < i, "task ", i, " waits for task ", before, "; wanted an earlier one");
      critical_path_[before] = std::max(critical_path_[before], critical_path_[i]);
    }
  }
}

void TaskGraph::run(const std::function<void(size_t)>& work) {
  if (at_once_ <= 1) {
    for (size_t i = 0; i < tasks_.size(); ++i) work(i);
    return;
  }
  {
    std::vector<std::jthread> workers;
    for (int w = 0; w < at_once_; ++w) workers.emplace_back([&] { serve(work); });
  }
  if (failure_) std::rethrow_exception(failure_);
}

bool TaskGraph::ready(size_t task) const {
  const auto& after = tasks_[task].after;
  return states_[task] == State::waiting &&
         std::ranges::all_of(after, [&](size_t i) { return states_[i] == State::done; });
}

size_t TaskGraph::next() const {
  size_t best = tasks_.size();
  for (size_t i = 0; i < tasks_.size(); ++i)
    if (ready(i) && (best == tasks_.size() || critical_path_[i] > critical_path_[best])) best = i;
  return best;
}

void TaskGraph::serve(const std::function<void(size_t)>& work) {
  std::unique_lock lock(mutex_);
  const auto over = [&] {
    return failure_ || std::ranges::find(states_, State::waiting) == states_.end();
  };
  while (true) {
    changed_.wait(lock, [&] { return over() || next() < tasks_.size(); });
    if (over()) return;
    const size_t task = next();
    states_[task] = State::running;
    running_.push_back(task);
    lock.unlock();
    std::exception_ptr failure;
    try {
      rebalance(task);
      work(task);
    } catch (...) {
      failure = std::current_exception();
    }
    lock.lock();
    states_[task] = State::done;
    std::erase(running_, task);
    if (!failure_) failure_ = failure;
    changed_.notify_all();
  }
}

bool TaskGraph::rebalance(size_t task) {
  if (at_once_ <= 1) return false;
  const std::scoped_lock lock(mutex_);
  const int tasks = static_cast<int>(running_.size());
  const int place = static_cast<int>(std::ranges::find(running_, task) - running_.begin());
  const int share = threads_ / tasks + (place < threads_ % tasks);
  set_num_threads(share);
  return failure_ != nullptr;
}

}  // namespace lineage
