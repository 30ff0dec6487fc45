#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>

#include "lineage/data/batch.h"

namespace lineage {

// Makes the batches of the next steps on a thread of its own while the model computes. It hands out
// exactly make(first), make(first + 1), …, so a run with it equals a run without. next() rethrows
// an exception of make() at the step it belongs to. next() is for one thread.
class Loader {
 public:
  using Make = std::function<Batch(int64_t step)>;

  // At most `depth` batches wait at a time. `make` runs on the loader's thread only.
  Loader(Make make, int64_t first_step, int64_t depth = 4);
  ~Loader();
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  Batch next();

 private:
  struct Item {
    Batch batch;
    std::exception_ptr failure;
  };
  void run(int64_t step);

  Make make_;
  size_t depth_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Item> ready_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace lineage
