// What the ranks' exchange costs beside a plain copy:
//   mpirun -np 2 --bind-to none comm_bench [elements]
// Each line: the best and the median of the rounds on rank 0, in ms.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <vector>

#include "lineage/comm/communicator.h"

namespace lineage {
namespace {

void measure(Communicator& comm, const char* what, const std::function<void()>& work) {
  constexpr int kRounds = 21;
  std::vector<double> ms;
  for (int round = 0; round < kRounds; ++round) {
    comm.barrier();
    const auto start = std::chrono::steady_clock::now();
    work();
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
    ms.push_back(took.count());
  }
  std::ranges::sort(ms);
  if (comm.rank() == 0) std::printf("%-40s %8.3f %8.3f\n", what, ms[0], ms[kRounds / 2]);
}

void run(Communicator& comm, int64_t n) {
  Tensor x = Tensor::full({n}, 1), y = Tensor::full({n}, 0);
  const std::vector<int64_t> bounds = even_shards(n, comm.size());
  if (comm.rank() == 0)
    std::printf("%d ranks, %.1f MB; times in ms: best, median\n", comm.size(),
                static_cast<double>(x.byte_size()) / 1e6);
  measure(comm, "memcpy of the block",
          [&] { std::memcpy(y.bytes(), x.bytes(), static_cast<size_t>(x.byte_size())); });
  measure(comm, "reduce_scatter", [&] { comm.reduce_scatter(x, bounds); });
  measure(comm, "all_gather", [&] { comm.all_gather(x, bounds); });
  measure(comm, "reduce_scatter + all_gather", [&] {
    comm.reduce_scatter(x, bounds);
    comm.all_gather(x, bounds);
  });
  for (const int64_t bucket : {1 << 18, 1 << 20, 1 << 22}) {
    char name[64];
    std::snprintf(name, sizeof name, "reduce_scatter, buckets of %lld MB",
                  static_cast<long long>(bucket * 4 >> 20));
    measure(comm, name, [&] {
      std::vector<Pending> pending;
      for (int64_t begin = 0; begin < n; begin += bucket) {
        const int64_t length = std::min(bucket, n - begin);
        std::vector<int64_t> shares;
        for (int64_t b : bounds) shares.push_back(std::clamp<int64_t>(b - begin, 0, length));
        pending.push_back(comm.start_reduce_scatter(x.slice(begin, {length}), shares));
      }
      for (Pending& p : pending) p.wait();
    });
  }
  measure(comm, "all_reduce of one double", [&] { comm.all_reduce(1.0); });
}

}  // namespace
}  // namespace lineage

int main(int argc, char** argv) {
  const auto comm = lineage::mpi();
  lineage::run(*comm, argc > 1 ? std::atoll(argv[1]) : 12'300'000);
}
