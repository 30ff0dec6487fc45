#include "lineage/run/models.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lineage/base/error.h"
#include "lineage/base/folder.h"
#include "lineage/run/testing.h"

namespace lineage {
namespace {

using Strings = std::vector<std::string>;
using testing::write_model;

class ModelsTest : public ::testing::Test {
 protected:
  // A run with a tree of two seeds that both name davinci; no tree names the last node.
  ModelsTest() {
    for (const char* node : {"davinci-1", "tuned-2", "former-3"}) write_model(run / "nodes" / node);
    link("a/davinci", "davinci-1");
    link("a/tuned", "tuned-2");
    link("a/seed-4/davinci", "davinci-1");
    link("a/.growing/former", "former-3");  // nothing hidden is a model of the tree
  }
  void link(const std::string& name, const std::string& node) {
    replace_link(run / "trees" / name, run / "nodes" / node);
  }
  static std::vector<std::string> names(const std::vector<FoundModel>& models) {
    std::vector<std::string> names;
    for (const FoundModel& m : models) names.push_back(m.name);
    return names;
  }
  static std::string error_of(const std::string& folder, const fs::path& default_run) {
    try {
      open_checkpoint(folder, default_run);
    } catch (const Error& e) {
      return std::string(e.what()) + " | " + e.hint();
    }
    return "none";
  }

  testing::TempFolder folder;
  fs::path run = folder / "run";
};

TEST_F(ModelsTest, ARunHasTheModelsThatItsTreesName) {
  const auto models = find_models(run);
  EXPECT_EQ(names(models), (Strings{"a/davinci", "a/seed-4/davinci", "a/tuned"}));
  EXPECT_EQ(models[2].folder, run / "trees" / "a" / "tuned");
  EXPECT_EQ(names(find_models(run / "trees" / "a")),
            (Strings{"davinci", "seed-4/davinci", "tuned"}));
  EXPECT_EQ(names(find_models(run / "trees" / "a" / "tuned")), (Strings{"tuned-2"}));
  EXPECT_EQ(distinct_folders(models),
            (std::vector<fs::path>{fs::canonical(run / "nodes" / "davinci-1"),
                                   fs::canonical(run / "nodes" / "tuned-2")}));
}

TEST_F(ModelsTest, AreCalledByTheirNodeOrWithTheirTree) {
  EXPECT_EQ(names(models_called({"tuned", "davinci"}, run)), (Strings{"a/tuned", "a/davinci"}));
  EXPECT_EQ(names(models_called({"seed-4/davinci"}, run)), (Strings{"a/seed-4/davinci"}));
  EXPECT_EQ(names(models_called({"a/davinci"}, run)), (Strings{"a/davinci"}));
  link("b/davinci", "davinci-1");  // the same model
  EXPECT_EQ(names(models_called({"davinci"}, run)), (Strings{"a/davinci"}));
  const auto error = [&](const Strings& called, const fs::path& where) {
    try {
      models_called(called, where);
    } catch (const Error& e) {
      return std::string(e.what()) + " | " + e.hint();
    }
    return std::string("none");
  };
  EXPECT_EQ(error({"tund"}, run), run.string() +
                                      ": no model is called \"tund\"; wanted one that is there | "
                                      "did you mean tuned?");
  EXPECT_EQ(
      error({"davinci", "a/davinci"}, run),
      run.string() +
          ": \"a/davinci\" is the model a/davinci, which is named already; wanted each once | ");
  link("b/tuned", "former-3");
  EXPECT_EQ(error({"tuned"}, run),
            run.string() +
                ": 2 models are called \"tuned\"; wanted the name of one | with its tree: "
                "a/tuned");
  EXPECT_EQ(error({"tuned"}, folder / "none"),
            (folder / "none").string() + ": no model there; wanted a run folder | ");
}

TEST_F(ModelsTest, WithoutTreesARunHasItsNodesAndAnyFolderItsCheckpoints) {
  write_model(folder / "bare" / "nodes" / "x-1");
  EXPECT_EQ(names(find_models(folder / "bare")), (Strings{"x-1"}));
  write_model(folder / "some" / "b");
  write_model(folder / "some" / "deep" / "a");
  EXPECT_EQ(names(find_models(folder / "some")), (Strings{"b", "deep/a"}));
  EXPECT_TRUE(find_models(folder / "none").empty());
}

TEST_F(ModelsTest, ScoresLieInTheRunOfAModel) {
  EXPECT_EQ(scores_file(run), run / "scores.sqlite");
  EXPECT_EQ(scores_file(run / "trees" / "a" / "tuned"), run / "scores.sqlite");
  EXPECT_EQ(run_of(run / "trees" / "a" / "tuned"), run);
  write_model(folder / "alone");
  EXPECT_EQ(run_of(folder / "alone"), std::nullopt);
  EXPECT_EQ(scores_file(folder / "alone"), folder / "alone" / "scores.sqlite");
}

TEST_F(ModelsTest, AFolderOfModelsIsRefusedAndTheyAreListed) {
  const std::string at = run.string(), tuned = (run / "trees" / "a" / "tuned").string();
  EXPECT_THAT(
      error_of(at, "none"),
      ::testing::StartsWith(at + ": is a run folder; wanted one of its models | its models: "));
  EXPECT_THAT(error_of(at + "/trees/a", "none"),
              ::testing::StartsWith(at + "/trees/a: is a folder of models; wanted one of them | "));
  EXPECT_EQ(error_of("tuned", run),
            "tuned: no such folder; wanted a model's | did you mean " + tuned);
  EXPECT_THAT(error_of("tuned", "none"), ::testing::HasSubstr("tuned: no such folder"));
  EXPECT_EQ(error_of(tuned, "none"), "none");
}

}  // namespace
}  // namespace lineage
