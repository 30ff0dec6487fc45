#include "lineage/run/program_sandbox.h"

#include <gtest/gtest.h>

#include "lineage/sandbox/testing.h"

namespace lineage {
namespace {

TEST(ProgramSandbox, AProgramPassesOrSaysWhyNot) {
  LINEAGE_NEEDS_SANDBOX();
  const ProgramRunner run = sandboxed_programs();
  EXPECT_TRUE(run("assert 1 + 1 == 2\n").passed);
  const ProgramVerdict wrong = run("assert 1 + 1 == 3\n");
  EXPECT_FALSE(wrong.passed);
  EXPECT_EQ(wrong.why, "failed");
}

}  // namespace
}  // namespace lineage
