#include "lineage/run/program_sandbox.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "lineage/eval/scenarios/file_scenario.h"
#include "lineage/sandbox/testing.h"

namespace lineage {
namespace {

namespace fs = std::filesystem;

TEST(ProgramSandbox, SaysInOrderWhichPass) {
  LINEAGE_NEEDS_SANDBOX();
  const ProgramRunner run = sandboxed_programs();
  const std::vector<std::string> programs = {"assert 1 + 1 == 2\n", "assert 1 + 1 == 3\n",
                                             "import sys\nsys.exit(0)\n", "x = 1\n"};
  EXPECT_EQ(run(programs), (std::vector<bool>{true, false, false, true}));
}

// As `lineage eval --file` executes them, whichever set a problem is in.
TEST(ProgramSandbox, HumanEvalsReferencesPassAsAnswers) {
  LINEAGE_NEEDS_SANDBOX();
  const char* shared = std::getenv("LINEAGE_SHARED");
  const fs::path file = (shared ? fs::path(shared) : fs::path(LINEAGE_SOURCE_DIR) / "../shared") /
                        "data/benchmarks/humaneval/HumanEval.jsonl.gz";
  if (!fs::exists(file)) GTEST_SKIP() << file << " is not there; set LINEAGE_SHARED";
  const auto scenarios = file_scenarios({file}, {.program_runner = sandboxed_programs});
  ASSERT_EQ(scenarios.size(), 1u);
  const ScenarioSpec& spec = scenarios[0]->spec();
  std::vector<Instance> items;
  for (const ItemSet set : {ItemSet::examples, ItemSet::dev, ItemSet::test})
    for (Instance& item : scenarios[0]->items(set, 1000)) items.push_back(std::move(item));
  ASSERT_EQ(items.size(), 164u);
  std::vector<Prediction> references(items.size());
  for (size_t i = 0; i < items.size(); ++i) references[i].output = items[i].answers[0].text;
  spec.judge(items, references);
  for (size_t i = 0; i < items.size(); ++i)
    EXPECT_EQ(spec.metric.score(items[i], references[i]), 1) << items[i].id;
  references[0].output = "    return None\n";
  EXPECT_EQ(spec.metric.score(items[0], references[0]), 0);
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
