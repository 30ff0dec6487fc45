#pragma once

#include <algorithm>
#include <cstdint>
#include <exception>

namespace lineage {

// Loops over fixed blocks on OpenMP, the pool that oneDNN uses too. A block's bounds depend on
// `n` and `block` alone, so what one block computes never depends on the number of threads; sums
// over blocks are combined by the caller in block order.

int num_threads();            // of the next parallel loop on this thread
void set_num_threads(int n);  // for this thread's loops; n >= 1

// Ends the threads that wait for this one's next loop, which would start others. As long as more of
// them wait in a process than it has cores, those of every loop go to sleep at its end instead of
// spinning for the next one (GCC's libgomp), and a small model's step takes a quarter longer.
void release_threads();

// Denormal numbers slow matrix products tenfold, so every compute thread flushes them to zero.
// parallel_blocks() calls it on each thread; cheap to call again.
void flush_denormals_to_zero();

namespace detail {
int thread_index();
}

// body(block_index, begin, end) for every block of [0, n). Blocks are dealt to threads in order,
// or one at a time as threads become free (dynamic). The first exception of a body is rethrown.
template <class Body>
void parallel_blocks(int64_t n, int64_t block, const Body& body, bool dynamic = false) {
  const int64_t blocks = (n + block - 1) / block;
  const auto run = [&](int64_t i) { body(i, i * block, std::min(n, (i + 1) * block)); };
  if (blocks <= 1 || num_threads() == 1) {
    flush_denormals_to_zero();
    for (int64_t i = 0; i < blocks; ++i) run(i);
    return;
  }
  std::exception_ptr failure;
  const auto guarded = [&](int64_t i) {
    try {
      run(i);
    } catch (...) {
#pragma omp critical(lineage_parallel_failure)
      if (!failure) failure = std::current_exception();
    }
  };
#pragma omp parallel
  {
    flush_denormals_to_zero();
    if (dynamic) {
#pragma omp for schedule(dynamic, 1)
      for (int64_t i = 0; i < blocks; ++i) guarded(i);
    } else {
#pragma omp for schedule(static)
      for (int64_t i = 0; i < blocks; ++i) guarded(i);
    }
  }
  if (failure) std::rethrow_exception(failure);
}

// body(begin, end) over [0, n); `grain` is the smallest piece worth a thread.
template <class Body>
void parallel_for(int64_t n, int64_t grain, const Body& body) {
  parallel_blocks(n, grain, [&](int64_t, int64_t begin, int64_t end) { body(begin, end); });
}

}  // namespace lineage
