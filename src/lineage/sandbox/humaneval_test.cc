// HumanEval (Chen et al., "Evaluating Large Language Models Trained on Code", 2021, section 2) in
// the sandbox: its references pass, and what is wrong does not.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "lineage/base/json.h"
#include "lineage/sandbox/testing.h"

namespace lineage {
namespace {

using testing::sandbox_here;

std::filesystem::path humaneval() {
  const char* shared = std::getenv("LINEAGE_SHARED");
  const std::filesystem::path folder =
      shared ? shared : std::filesystem::path(LINEAGE_SOURCE_DIR) / ".." / "shared";
  return folder / "data/benchmarks/humaneval/HumanEval.jsonl.gz";
}

struct Problem {
  std::string id, prompt, solution, tests, name;

  // As the authors' execution.py puts it together.
  std::string program(const std::string& completion) const {
    return prompt + completion + "\n" + tests + "\ncheck(" + name + ")";
  }
};

std::vector<Problem> problems() {
  std::string text;
  FILE* pipe = ::popen(("gzip -dc '" + humaneval().string() + "'").c_str(), "r");
  char buffer[4096];
  for (size_t n; (n = std::fread(buffer, 1, sizeof buffer, pipe)) > 0;) text.append(buffer, n);
  ::pclose(pipe);
  std::vector<Problem> all;
  for (size_t at = 0; at < text.size();) {
    const size_t end = text.find('\n', at);
    const JsonObject o = JsonObject::parse(text.substr(at, end - at), "HumanEval");
    all.push_back({o.get<std::string>("task_id"), o.get<std::string>("prompt"),
                   o.get<std::string>("canonical_solution"), o.get<std::string>("test"),
                   o.get<std::string>("entry_point")});
    at = end + 1;
  }
  return all;
}

class HumanEval : public ::testing::Test {
 protected:
  void SetUp() override {
    LINEAGE_NEEDS_SANDBOX();
    if (!std::filesystem::exists(humaneval()))
      GTEST_SKIP() << humaneval() << " is not there; set LINEAGE_SHARED to the folder above data/";
  }
  static std::vector<ProgramRun> run(const std::vector<std::string>& programs) {
    return sandbox_here().run_all(programs, {}, 2);
  }
};

TEST_F(HumanEval, TheReferencesPass) {
  const std::vector<Problem> all = problems();
  ASSERT_EQ(all.size(), 164u);
  std::vector<std::string> programs;
  for (const Problem& p : all) programs.push_back(p.program(p.solution));
  const std::vector<ProgramRun> runs = run(programs);
  for (size_t i = 0; i < all.size(); ++i)
    EXPECT_EQ(runs[i].ending, Ending::passed)
        << all[i].id << ": " << ending_name(runs[i].ending) << "\n"
        << runs[i].error_tail;
}

TEST_F(HumanEval, WhatIsWrongFails) {
  const std::vector<Problem> all = problems();
  std::vector<std::string> programs;
  // Every tenth: a wrong result, an exit before the tests, no Python, an endless recursion.
  for (size_t i = 0; i < all.size(); i += 10)
    for (const char* completion :
         {"    return None\n", "    import sys\n    sys.exit(0)\n", "    return (\n",
          "\nimport sys\ndef f(n): return f(n + 1)\nf(0)\n"})
      programs.push_back(all[i].program(completion));
  for (const ProgramRun& r : run(programs)) EXPECT_EQ(r.ending, Ending::failed) << r.error_tail;
}

}  // namespace
}  // namespace lineage
