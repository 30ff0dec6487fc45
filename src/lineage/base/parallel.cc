#include "lineage/base/parallel.h"

#include <memory>
#include <thread>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "lineage/base/team.h"

namespace lineage {
namespace {

thread_local int wanted_threads = 0;  // 0: as many as there are cores

// The calling thread's team, whose threads end with it.
thread_local std::unique_ptr<Team> team;

}  // namespace

int available_cores() {
  static const int cores = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  return cores;
}

int num_threads() {
  if (Team::at_work()) return 1;
  return wanted_threads > 0 ? wanted_threads : available_cores();
}

void set_num_threads(int n) { wanted_threads = std::max(1, n); }

void flush_denormals_to_zero() {
#if defined(__x86_64__)
  constexpr unsigned kFlushToZero = 0x8000, kDenormalsAreZero = 0x0040;
  _mm_setcsr(_mm_getcsr() | kFlushToZero | kDenormalsAreZero);
#endif
}

void detail::run_on_team(int64_t blocks, bool dynamic, const void* body,
                         void (*run)(const void*, int64_t)) {
  const int threads = num_threads();
  if (!team || team->threads() != threads) {
    team.reset();
    team = std::make_unique<Team>(threads);
  }
  team->run(blocks, dynamic, body, run);
}

}  // namespace lineage
