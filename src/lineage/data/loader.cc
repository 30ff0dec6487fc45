#include "lineage/data/loader.h"

#include <algorithm>

namespace lineage {

Loader::Loader(Make make, int64_t first_step, int64_t depth)
    : make_(std::move(make)),
      depth_(static_cast<size_t>(std::max<int64_t>(depth, 1))),
      thread_([this, first_step] { run(first_step); }) {}

Loader::~Loader() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Loader::run(int64_t step) {
  for (;; ++step) {
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return stop_ || ready_.size() < depth_; });
      if (stop_) return;
    }
    Item item;
    try {
      item.batch = make_(step);
    } catch (...) {
      item.failure = std::current_exception();
    }
    const bool failed = item.failure != nullptr;
    {
      const std::lock_guard lock(mutex_);
      ready_.push_back(std::move(item));
    }
    changed_.notify_all();
    if (failed) return;
  }
}

Batch Loader::next() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return !ready_.empty(); });
  if (ready_.front().failure) std::rethrow_exception(ready_.front().failure);  // every time
  Item item = std::move(ready_.front());
  ready_.pop_front();
  lock.unlock();
  changed_.notify_all();
  return std::move(item.batch);
}

}  // namespace lineage
