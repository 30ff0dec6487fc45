// The stand-in of a build without MPI, compiled into this test in every build.

#include <gtest/gtest.h>

#include <cstdlib>

#include "lineage/base/error.h"
#include "lineage/comm/communicator.h"

namespace lineage {
namespace {

TEST(MpiAbsent, one_process_trains_alone) {
  unsetenv("OMPI_COMM_WORLD_SIZE");
  EXPECT_EQ(mpi()->size(), 1);
}

TEST(MpiAbsent, several_processes_are_refused) {
  setenv("OMPI_COMM_WORLD_SIZE", "2", 1);
  try {
    mpi();
    FAIL() << "two processes that do not know of each other";
  } catch (const Error& e) {
    EXPECT_STREQ(e.what(),
                 "ranks: 2 processes were started together; this build has no MPI and runs one");
    EXPECT_EQ(e.hint(), "install the Debian package libopenmpi-dev, configure and build again");
  }
}

}  // namespace
}  // namespace lineage
