#include "lineage/tensor/pool.h"

#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <map>
#include <mutex>
#include <new>
#include <string>
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
  std::byte* take(size_t size) {
    const std::lock_guard lock(mutex_);
    stats_.in_use += static_cast<int64_t>(size);
    stats_.peak_use = std::max(stats_.peak_use, stats_.in_use);
    if (auto it = free_.find(size); it != free_.end() && !it->second.empty()) {
      std::byte* block = it->second.back();
      it->second.pop_back();
      stats_.cached -= static_cast<int64_t>(size);
      return block;
    }
    std::byte* block = fresh(size);
    if (!block) {
      release_cached();
      block = fresh(size);
    }
    if (!block) {
      stats_.in_use -= static_cast<int64_t>(size);
      throw Error("memory: " + std::to_string(size) + " bytes wanted with " +
                      std::to_string(stats_.in_use) + " in use; the system has no more",
                  "use a smaller batch, context or model");
    }
    return block;
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
  std::map<size_t, std::vector<std::byte*>> free_;
  Stats stats_;
};

// Never destroyed: tensors in static storage may outlive any order of destruction.
Pool& instance() {
  static Pool* pool = new Pool;
  return *pool;
}

}  // namespace

std::shared_ptr<std::byte[]> allocate(size_t bytes) {
  const size_t size = size_class(bytes);
  return {instance().take(size), [size](std::byte* block) { instance().give_back(block, size); }};
}

Stats stats() { return instance().stats(); }
void trim() { instance().trim(); }

}  // namespace lineage::pool
