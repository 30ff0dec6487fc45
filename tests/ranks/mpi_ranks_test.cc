// Run by mpirun (see CMakeLists.txt): the collectives of MPI processes against plain loops.

#include <gtest/gtest.h>

#include <cstdio>
#include <string>

#include "lineage/base/error.h"
#include "lineage/comm/communicator.h"
#include "lineage/comm/launcher.h"
#include "lineage/comm/testing.h"

namespace lineage {
namespace {

Communicator* world = nullptr;

TEST(MpiRanks, are_those_that_were_started) { EXPECT_EQ(world->size(), launched_processes()); }

TEST(MpiRanks, collectives_agree_with_a_plain_loop) {
  // The last ones take one message exactly, a little more, and many.
  for (const int64_t n : {0, 1, 17, 1025, 1 << 16, (1 << 16) + 1, 200'001})
    testing::expect_collectives(*world, n);
}

TEST(MpiRanks, small_collectives) { testing::expect_small_collectives(*world); }

TEST(MpiRanks, many_under_way_at_once) { testing::expect_overlap(*world); }

TEST(MpiRanks, blocks_are_free_afterwards) { testing::expect_blocks_are_free_afterwards(*world); }

// The last rank fails while the others wait for it.
int fail(const std::string& how) {
  try {
    const auto comm = mpi();
    try {
      Tensor x = testing::brought_tensor(comm->rank(), {100'000});
      const Pending pending = comm->start_reduce_scatter(x, even_shards(100'000, comm->size()));
      if (comm->rank() + 1 == comm->size()) {
        if (how == "leave") return 1;
        throw Error("rank failed");
      }
      for (;;) comm->all_reduce(x);
    } catch (const Error&) {
      if (how == "abandon") comm->abandon();
      throw;
    }
  } catch (const Error&) {
    return 1;
  }
}

}  // namespace
}  // namespace lineage

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  if (const std::string how = argc > 1 ? argv[1] : ""; how.starts_with("--fail="))
    return lineage::fail(how.substr(7));
  const auto comm = lineage::mpi();
  lineage::world = comm.get();
  // One report is enough; a failure elsewhere still fails the run.
  if (comm->rank() > 0)
    delete ::testing::UnitTest::GetInstance()->listeners().Release(
        ::testing::UnitTest::GetInstance()->listeners().default_result_printer());
  const int result = RUN_ALL_TESTS();
  if (result != 0) std::fprintf(stderr, "rank %d failed\n", comm->rank());
  return static_cast<int>(comm->all_reduce(result, lineage::Reduce::max));
}
