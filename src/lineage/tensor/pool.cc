#include "lineage/tensor/pool.h"

#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <map>
#include <mutex>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "lineage/base/error.h"

namespace lineage::pool {
namespace {

constexpr size_t kAlignment = 64, kHugePage = size_t{2} << 20;

// Classes are an eighth of a power of two apart, so at most one ninth of a block is unused.
size_t size_class(size_t bytes) {
  bytes = std::max(bytes, size_t{512});
  const size_t step = std::bit_floor(bytes) / 8;
  return (bytes + step - 1) / step * step;
}

class Pool {
 public:
  // A block of at least that size, and its own.
  std::pair<std::byte*, size_t> take(size_t size) {
    const std::lock_guard lock(mutex_);
    if (const auto it = free_.lower_bound(size); it != free_.end() && it->first <= 2 * size) {
      const auto [found, block] = std::pair(it->first, it->second.back());
      it->second.pop_back();
      if (it->second.empty()) free_.erase(it);
      stats_.cached -= static_cast<int64_t>(found);
      count_use(found);
      return {block, found};
    }
    std::byte* block = fresh(size);
    if (!block) {
      release_cached();
      block = fresh(size);
    }
    if (!block)
      throw Error("memory: " + std::to_string(size) + " bytes wanted with " +
                      std::to_string(stats_.in_use) + " in use; the system has no more",
                  "use a smaller batch, context or model");
    count_use(size);
    return {block, size};
  }

  void give_back(std::byte* block, size_t size) {
    const std::lock_guard lock(mutex_);
    free_[size].push_back(block);
    stats_.in_use -= static_cast<int64_t>(size);
    stats_.cached += static_cast<int64_t>(size);
  }

  Stats stats() {
    const std::lock_guard lock(mutex_);
    return stats_;
  }

  void trim() {
    const std::lock_guard lock(mutex_);
    release_cached();
  }

 private:
  void count_use(size_t size) {
    stats_.in_use += static_cast<int64_t>(size);
    stats_.peak_use = std::max(stats_.peak_use, stats_.in_use);
  }

  static std::byte* fresh(size_t size) {
    const bool large = size >= kHugePage;
    const size_t alignment = large ? kHugePage : kAlignment;
    void* block = std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
    if (block && large) madvise(block, size, MADV_HUGEPAGE);
    return static_cast<std::byte*>(block);
  }

  void release_cached() {
    for (auto& [size, blocks] : free_)
      for (std::byte* block : blocks) std::free(block);
    free_.clear();
    stats_.cached = 0;
  }

  std::mutex mutex_;
  std::map<size_t, std::vector<std::byte*>> free_;  // no list is empty
  Stats stats_;
};

// Never destroyed: tensors in static storage may outlive any order of destruction.
Pool& instance() {
  static Pool* pool = new Pool;
  return *pool;
}

}  // namespace

std::shared_ptr<std::byte[]> allocate(size_t bytes) {
  const auto taken = instance().take(size_class(bytes));
  return {taken.first, [size = taken.second](std::byte* p) { instance().give_back(p, size); }};
}

Stats stats() { return instance().stats(); }
void trim() { instance().trim(); }

}  // namespace lineage::pool
