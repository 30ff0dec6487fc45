#include "lineage/base/parallel.h"

#include <omp.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace lineage {

int num_threads() { return omp_in_parallel() ? 1 : omp_get_max_threads(); }
void set_num_threads(int n) { omp_set_num_threads(std::max(1, n)); }
void release_threads() { omp_pause_resource(omp_pause_soft, omp_get_initial_device()); }

void flush_denormals_to_zero() {
#if defined(__x86_64__)
  constexpr unsigned kFlushToZero = 0x8000, kDenormalsAreZero = 0x0040;
  _mm_setcsr(_mm_getcsr() | kFlushToZero | kDenormalsAreZero);
#endif
}

int detail::thread_index() { return omp_get_thread_num(); }

}  // namespace lineage
