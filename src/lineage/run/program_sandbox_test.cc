#include "lineage/run/program_sandbox.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "lineage/eval/scenarios/file_scenario.h"
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

// The benchmark's own solutions, put together with their tests as a model's answers are.
TEST(ProgramSandbox, SolutionsOfHumanEvalPass) {
  LINEAGE_NEEDS_SANDBOX();
  const char* shared = std::getenv("LINEAGE_SHARED");
  const std::filesystem::path file =
      std::filesystem::path(shared ? shared : LINEAGE_SOURCE_DIR "/../shared") /
      "data/benchmarks/humaneval/HumanEval.jsonl.gz";
  if (!std::filesystem::exists(file)) GTEST_SKIP() << "no " << file;
  const ProgramRunner run = sandboxed_programs();
  const auto scenario = file_scenarios({file}, {.program_runner = [&] { return run; }}).at(0);
  for (const Instance& item : scenario->items(ItemSet::test, 10)) {
    Prediction p;
    p.output = item.answers[0].text;
    EXPECT_EQ(scenario->spec().metric.score(item, p), 1) << item.question.text;
    p.output = "    return NotImplemented\n";
    EXPECT_EQ(scenario->spec().metric.score(item, p), 0) << item.question.text;
  }
}

}  // namespace
}  // namespace lineage
