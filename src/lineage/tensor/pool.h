#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace lineage {

// A process-wide caching allocator for tensors: 64-byte aligned blocks, huge pages for large ones.
// A freed block waits in a list of its size class for the next request of that class, or of one
// down to half of it where that has none: a training step allocates nothing after the first, and a
// server, whose steps differ in size, little after the largest. Thread-safe.
namespace pool {

std::shared_ptr<std::byte[]> allocate(size_t bytes);

struct Stats {
  int64_t in_use = 0;    // bytes handed out now
  int64_t cached = 0;    // bytes waiting to be reused
  int64_t peak_use = 0;  // most bytes ever handed out at once
};
Stats stats();
void trim();  // returns the cached blocks to the system

}  // namespace pool
}  // namespace lineage
