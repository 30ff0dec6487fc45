#pragma once

#include <algorithm>
#include <cstdint>

namespace lineage {

// Loops over fixed blocks on a team of threads. A block's bounds depend on `n` and `block` alone,
// so a block's result never depends on the number of threads; sums over blocks are combined by the
// caller in block order.
//
// A loop never waits for a thread that is not running: the caller takes the blocks of threads that
// have not started yet, and a thread without work spins for a moment and then sleeps. So on a
// machine with other work the threads of a team run at the same time or not at all, as if the
// scheduler knew that they belong together (gang scheduling: Ousterhout, "Scheduling Techniques for
// Concurrent Systems", ICDCS 1982).

int num_threads();            // of the next parallel loop on this thread
void set_num_threads(int n);  // for this thread's loops; n >= 1

// The cores that this process may use, by its affinity; at least 1.
int available_cores();

// Denormal numbers slow matrix products tenfold, so every compute thread flushes them to zero.
// parallel_blocks() calls it on each thread; cheap to call again.
void flush_denormals_to_zero();

namespace detail {
// Calls run(body, i) once for every i in [0, blocks) on the calling thread and its team.
void run_on_team(int64_t blocks, bool dynamic, const void* body,
                 void (*run)(const void* body, int64_t block));
}  // namespace detail

// body(block_index, begin, end) for every block of [0, n). Each thread has a run of blocks of its
// own, so that equal loops find their data in its cache, and helps the others once that is done; or
// (dynamic) all take the next block of one run. The first exception of a body is rethrown when all
// blocks are done. A loop inside a loop runs on its own thread.
template <class Body>
void parallel_blocks(int64_t n, int64_t block, const Body& body, bool dynamic = false) {
  const int64_t blocks = (n + block - 1) / block;
  const auto run = [&](int64_t i) { body(i, i * block, std::min(n, (i + 1) * block)); };
  if (blocks <= 1 || num_threads() == 1) {
    flush_denormals_to_zero();
    for (int64_t i = 0; i < blocks; ++i) run(i);
    return;
  }
  detail::run_on_team(blocks, dynamic, &run, [](const void* body_of_block, int64_t i) {
    (*static_cast<decltype(&run)>(body_of_block))(i);
  });
}

// body(begin, end) over [0, n); `grain` is the smallest piece worth a thread.
template <class Body>
void parallel_for(int64_t n, int64_t grain, const Body& body) {
  parallel_blocks(n, grain, [&](int64_t, int64_t begin, int64_t end) { body(begin, end); });
}

}  // namespace lineage
