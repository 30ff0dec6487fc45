#pragma once

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <vector>

namespace lineage {

// Runs tasks in parallel, a thread each, within the compute threads of the caller of run(). Tasks
// that leave threads idle between their parallel loops, like a small model's training steps, take
// less time in parallel than one after another. Ready tasks are started in the order of their
// critical path (list scheduling: Hu, "Parallel Sequencing and Assembly Line Problems", Operations
// Research 9(6), 1961).
class TaskGraph {
 public:
  struct Task {
    std::vector<size_t> after = {};  // earlier tasks of the list that must be done first
    double cost = 1;                 // in any unit
  };

  // At most `at_once` tasks run at a time. With 1 they run in the order of the list, on the calling
  // thread.
  TaskGraph(std::vector<Task> tasks, int at_once);

  // Calls work(i) for every task i. After a failure no task is started, and the first failure is
  // thrown once the running ones have ended.
  void run(const std::function<void(size_t)>& work);

  // Gives the loops of `task` its current share of the threads; its work calls this between steps.
  // True: another task has failed, so stop.
  bool rebalance(size_t task);

 private:
  enum class State : uint8_t { waiting, running, done };
  bool ready(size_t task) const;
  size_t next() const;  // the ready task to begin; tasks_.size() when none is ready
  void serve(const std::function<void(size_t)>& work);

  std::vector<Task> tasks_;
  int at_once_, threads_;
  std::vector<double> critical_path_;  // of each task: cost until all that depend on it are done
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<State> states_;
  std::vector<size_t> running_;  // in the order of their start
  std::exception_ptr failure_;
};

}  // namespace lineage
