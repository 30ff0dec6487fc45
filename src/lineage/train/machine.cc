#include "lineage/train/machine.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <string>

#include "lineage/base/clock.h"
#include "lineage/kernels/kernels.h"

namespace lineage {
namespace {

double gflops(int64_t m, int64_t n, int64_t k, double seconds) {
  const Tensor a = Tensor::full({m, k}, 0.5f), b = Tensor::full({k, n}, 0.25f);
  Tensor c = Tensor::empty({m, n});
  double best = 0;
  for (const auto start = Clock::now();
       std::chrono::duration<double>(Clock::now() - start).count() < seconds;) {
    const auto begin = Clock::now();
    kernels().matmul(c, a, Trans::no, b, Trans::no, 0);
    const double took = std::chrono::duration<double>(Clock::now() - begin).count();
    best = std::max(best, 2e-9 * static_cast<double>(m * n * k) / took);
  }
  return best;
}

}  // namespace

double matmul_peak_gflops() {
  constexpr double kSeconds = 0.12;
  return std::max(gflops(1024, 1024, 384, kSeconds), gflops(1024, 1024, 1024, kSeconds));
}

int64_t available_memory() {
  std::ifstream in("/proc/meminfo");
  for (std::string key; in >> key;) {
    int64_t kib = 0;
    if (key == "MemAvailable:" && in >> kib) {
      int64_t limit = kib << 10;
      // A container's own limit, where there is one (cgroup v2).
      int64_t max = 0, used = 0;
      if (std::ifstream("/sys/fs/cgroup/memory.max") >> max &&
          std::ifstream("/sys/fs/cgroup/memory.current") >> used)
        limit = std::min(limit, max - used);
      return limit;
    }
  }
  return static_cast<int64_t>(sysconf(_SC_PHYS_PAGES)) * sysconf(_SC_PAGESIZE);
}

int64_t free_disk(const std::filesystem::path& path) {
  std::filesystem::path at = std::filesystem::absolute(path);
  while (!std::filesystem::exists(at) && at.has_parent_path() && at != at.parent_path())
    at = at.parent_path();
  std::error_code error;
  const auto space = std::filesystem::space(at, error);
  return error ? INT64_MAX : static_cast<int64_t>(space.available);
}

int64_t peak_memory() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<int64_t>(usage.ru_maxrss) << 10;
}

}  // namespace lineage
