#include "lineage/run/recipe_run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <map>
#include <set>

#include "lineage/base/file.h"
#include "lineage/base/interrupted.h"
#include "lineage/comm/communicator.h"
#include "lineage/comm/threads.h"
#include "lineage/eval/testing.h"
#include "lineage/run/models.h"
#include "lineage/run/testing.h"

namespace lineage {
namespace {

using Seeds = std::vector<uint64_t>;
using testing::tiny_world_recipe;

class RecipeRunTest : public ::testing::Test {
 protected:
  static Recipe recipe(const std::string& more = {}) {
    return parse_recipe(tiny_world_recipe(more), "tiny.toml");
  }
  RunOptions options(const std::string& out = "runs") const {
    RunOptions o;
    o.grow.out = folder / out;
    o.command = "lineage grow tiny.toml";
    return o;
  }
  std::optional<Report> run(const Recipe& r, const RunOptions& o) const {
    return run_recipe(r, o, *single_process(), silent());
  }

  testing::TempFolder folder;
};

TEST_F(RecipeRunTest, GrowsMeasuresRecordsAndReports) {
  RunOptions o = options();
  o.seeds = 2;
  std::vector<uint64_t> grown;
  int evaluated = 0;
  o.grown = [&](const GrownTree& tree) {
    grown.push_back(tree.seed);
    EXPECT_EQ(tree.nodes.size(), 2u);
    EXPECT_GT(tree.seconds, 0);
  };
  o.evaluated = [&](double) { ++evaluated; };
  const auto report = run(recipe(), o);
  ASSERT_TRUE(report);
  EXPECT_EQ(grown, (Seeds{5, 6}));
  EXPECT_EQ(evaluated, 2);
  EXPECT_EQ(report->name, "tiny");
  EXPECT_EQ(report->seeds, (Seeds{5, 6}));
  ASSERT_EQ(report->nodes.size(), 2u);
  EXPECT_EQ(report->nodes[1].name, "tuned");
  EXPECT_FALSE(report->scores.empty());
  ASSERT_EQ(report->runs.size(), 1u);
  EXPECT_EQ(report->runs[0].command, "lineage grow tiny.toml");

  // The same again measures nothing twice.
  const auto runs = [&] {
    return Database(folder / "runs" / "scores.sqlite")
        .query("SELECT count(*) AS n FROM runs")[0]
        .integer("n");
  };
  const int64_t before = runs();
  run(recipe(), o);
  EXPECT_EQ(runs(), before);
}

TEST_F(RecipeRunTest, RanksShareTheNodesAndOneReports) {
  std::array<std::optional<Report>, 2> reports;
  run_ranks(2, [&](Communicator& ranks) {
    reports[ranks.rank()] = run_recipe(recipe(), options(), ranks, silent());
  });
  ASSERT_TRUE(reports[0]);
  EXPECT_FALSE(reports[1]);
  std::set<std::string> measured;
  for (const ReportScore& s : reports[0]->scores) measured.insert(s.node);
  EXPECT_EQ(measured, (std::set<std::string>{"davinci", "tuned"}));
}

TEST_F(RecipeRunTest, WithoutQuestionsThereAreNoScores) {
  RunOptions o = options();
  o.evaluate = false;
  o.evaluated = [](double) { FAIL(); };
  EXPECT_TRUE(run(recipe(), o)->scores.empty());
  EXPECT_FALSE(fs::exists(folder / "runs" / "scores.sqlite"));
}

TEST_F(RecipeRunTest, WhatIsWrongWithTheQuestionsIsToldBeforeTraining) {
  Recipe r = recipe();
  r.evaluation.abilities = {"A99"};
  EXPECT_THROW(run(r, options("none")), Error);
  EXPECT_THROW(plan_run(r, options("none"), 1), Error);
  EXPECT_FALSE(fs::exists(folder / "none"));
}

TEST_F(RecipeRunTest, AnInterruptedEvaluationKeepsWhatItMeasured) {
  RunOptions o = options();
  bool grown = false;
  o.grown = [&](const GrownTree&) { grown = true; };
  o.grow.interrupted = [&] { return grown; };
  EXPECT_THROW(run(recipe(), o), Interrupted);
  EXPECT_TRUE(fs::exists(folder / "runs" / "trees" / "tiny" / "tuned"));
  grown = false, o.grown = {};
  EXPECT_FALSE(run(recipe(), o)->scores.empty());
}

TEST_F(RecipeRunTest, ThePlanCountsTheQuestionsAndWritesNothing) {
  Recipe r = recipe();
  r.evaluation.n = 0, r.evaluation.abilities = {"A13"};
  RunOptions o = options();
  o.grow.nodes = {"davinci"};
  const RunPlan plan = plan_run(r, o, 1);
  EXPECT_FALSE(fs::exists(folder / "runs"));
  EXPECT_FALSE(plan.problem);
  ASSERT_EQ(plan.growth.nodes.size(), 1u);
  ASSERT_TRUE(plan.evaluation);
  EXPECT_GT(plan.training_seconds, 0);
  EXPECT_GT(plan.evaluation_seconds, 0);
  EXPECT_GT(plan.free_disk_bytes, 0);
  run(r, o);
  const auto asked = table(Database(folder / "runs" / "scores.sqlite"),
                           "SELECT count(*), count(DISTINCT scenario) FROM predictions");
  EXPECT_EQ(asked[0], (std::vector<std::string>{std::to_string(plan.evaluation->items),
                                                std::to_string(plan.evaluation->scenarios)}));
}

TEST_F(RecipeRunTest, APlanThatDoesNotFitSaysWhy) {
  Recipe r = recipe();
  r.nodes[0].model.width = 1 << 14, r.nodes[0].model.layers = 96;
  RunOptions o = options();
  o.evaluate = false, o.grow.nodes = {"davinci"};
  const RunPlan plan = plan_run(r, o, 1);
  ASSERT_TRUE(plan.problem);
  EXPECT_THAT(plan.problem->what(), ::testing::HasSubstr("davinci"));
}

// A tree that knows nothing of the micro-world, measured by a file of questions.
class FileTreeTest : public RecipeRunTest {
 protected:
  FileTreeTest() {
    testing::write_corpus(folder / "corpus", 10);
    std::string lines;
    for (int i = 0; i < 40; ++i)
      lines += R"({"query": "the cat sees", "choices": [" the dog", " rain sun sun"], "gold": 0})"
               "\n";
    testing::write_text(folder / "pets.jsonl", lines);
    testing::write_text(
        folder / "small.toml",
        testing::small_recipe("corpus",
                              "[evaluation]\nfiles = [\"pets.jsonl\"]\n"
                              "[evaluation.questions.shown]\npaths = [\"p*.jsonl\"]\n"
                              "n = 5\nshots = 1\n"));
  }
  Recipe small(const std::vector<std::string>& sets = {"pretrain.tokens=2048"}) const {
    return load_recipe(folder / "small.toml", sets);
  }
};

TEST_F(FileTreeTest, IsMeasuredByItsFilesAndShowsThemAlone) {
  const auto report = run(small(), options());
  ASSERT_TRUE(report);
  std::vector<std::string> rows, finer;
  for (const ReportAbility& a : report->abilities)
    (a.of.empty() ? rows : finer)
        .push_back(a.of.empty() ? a.id + "|" + a.ability + "|" + a.name : a.of + "|" + a.scenario);
  const std::string file = folder.path().filename().string() + "/pets.jsonl";
  EXPECT_EQ(rows, (std::vector<std::string>{"pets|pets|" + file, "shown|shown|" + file}));
  EXPECT_EQ(finer, (std::vector<std::string>{"pets|pets.acc_norm", "shown|shown.k1.acc_norm"}));
  ASSERT_EQ(report->scores.size(), 4u);
  std::map<std::string, int64_t> items;
  for (const ReportScore& s : report->scores) {
    items[s.ability] = s.n;
    ASSERT_TRUE(s.score) << s.ability;
    EXPECT_LT(s.score->low, s.score->high) << s.ability;  // each has its interval
  }
  EXPECT_EQ(items["pets"], 28);  // of 40, less those that choose and demonstrate
  EXPECT_EQ(items["shown"], 5);
}

TEST_F(FileTreeTest, ThePlanCountsItsFiles) {
  const RunPlan plan = plan_run(small(), options(), 1);
  ASSERT_TRUE(plan.evaluation);
  EXPECT_EQ(plan.evaluation->scenarios, 2);
  EXPECT_EQ(plan.evaluation->items, 28 + 5);
  EXPECT_TRUE(plan.evaluation->estimated);
  EXPECT_GT(plan.evaluation_seconds, 0);
}

TEST_F(FileTreeTest, WhatIsWrongWithAFileIsToldBeforeTraining) {
  const Recipe missing = small({"evaluation.files=[\"none.jsonl\"]"});
  EXPECT_THROW(run(missing, options("none")), Error);
  EXPECT_THROW(plan_run(missing, options("none"), 1), Error);
  EXPECT_FALSE(fs::exists(folder / "none"));
  // Another file under a name that the run has scores of.
  run(small(), options());
  testing::write_text(folder / "other" / "pets.jsonl", read_file(folder / "pets.jsonl"));
  const Recipe other =
      small({"evaluation.files=[\"" + (folder / "other/pets.jsonl").string() + "\"]", "seed=9"});
  EXPECT_THROW(run(other, options()), Error);
  EXPECT_EQ(distinct_folders(find_models(folder / "runs")).size(), 1u);
}

TEST_F(FileTreeTest, AWorldsTreeIsMeasuredByFilesToo) {
  Recipe r = recipe("[evaluation.questions.pets]\npaths = [\"" + (folder / "pets.jsonl").string() +
                    "\"]\n");
  const auto report = run(r, options());
  std::set<std::string> abilities;
  for (const ReportAbility& a : report->abilities) abilities.insert(a.ability);
  EXPECT_TRUE(abilities.contains("A13"));
  EXPECT_TRUE(abilities.contains("pets"));
}

}  // namespace
}  // namespace lineage
