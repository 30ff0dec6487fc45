#include "lineage/serve/served_models.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lineage/base/folder.h"
#include "lineage/serve/api_error.h"
#include "lineage/serve/testing.h"

namespace lineage {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> ids(const ServedModels& models) {
  std::vector<std::string> ids;
  for (const auto& m : models.all()) ids.push_back(m->id);
  return ids;
}

// A run folder that grows while it is served.
class ServedModelsTest : public ::testing::Test {
 protected:
  Manifest grow(const std::string& tree, const std::string& node,
                const std::vector<std::string>& parents = {}) {
    const fs::path at = folder.path() / "nodes" / (node + "-" + tree);
    const Manifest m = testing::write_model(at, testing::small_tokenizer(), ++seed, false, parents);
    fs::create_directories(trees() / tree);
    replace_link(trees() / tree / node, at);
    return m;
  }
  fs::path trees() const { return folder.path() / "trees"; }

  testing::TempFolder folder;
  uint64_t seed = 0;
};

TEST_F(ServedModelsTest, AModelThatIsGrownMeanwhileIsFound) {
  const Manifest davinci = grow("a", "davinci");
  ServedModels models({folder.string()}, "");
  const auto before = models.called("davinci");
  grow("a", "tuned", {davinci.weights});
  EXPECT_THAT(ids(models), ElementsAre("davinci"));
  EXPECT_EQ(models.called("tuned")->parent, "davinci") << "an unknown name is looked for";
  EXPECT_THAT(ids(models), ElementsAre("davinci", "tuned"));
  EXPECT_EQ(models.called("davinci"), before) << "so its weights stay in memory";
  EXPECT_EQ(models.default_model(), before) << "as when the server started";
  EXPECT_THROW(models.called("none"), ApiError);
}

TEST_F(ServedModelsTest, IdsStayWhenAnotherTreeGetsANodeOfThatName) {
  grow("b", "davinci");
  ServedModels models({folder.string()}, "");
  grow("a", "davinci");
  models.look_again();
  EXPECT_THAT(ids(models), ElementsAre("a/davinci", "davinci"));
  EXPECT_EQ(models.called("b/davinci")->id, "davinci");
}

TEST_F(ServedModelsTest, WhatIsRegrownOrRemovedIsSeen) {
  grow("a", "davinci");
  grow("a", "tuned");
  ServedModels models({folder.string()}, "davinci");
  const auto before = models.called("davinci");
  const Manifest again = grow("a", "davinci");
  fs::remove_all(folder.path() / "nodes" / "tuned-a");
  models.look_again();
  EXPECT_THAT(ids(models), ElementsAre("davinci"));
  EXPECT_EQ(models.called("davinci")->manifest.weights, again.weights);
  EXPECT_EQ(models.default_model()->manifest.weights, again.weights);
  EXPECT_NE(before->manifest.weights, again.weights);
}

TEST_F(ServedModelsTest, AnUnreadableModelIsLeftOutUntilItIsMended) {
  grow("a", "davinci");
  grow("a", "tuned");
  const fs::path manifest = folder.path() / "nodes" / "tuned-a" / "manifest.json";
  testing::write_text(manifest, "{}");
  std::vector<std::string> notes;
  ServedModels models({folder.string()}, "", &notes);
  EXPECT_THAT(notes, ElementsAre(::testing::HasSubstr("not served")));
  EXPECT_THAT(ids(models), ElementsAre("davinci"));
  fs::remove_all(manifest.parent_path());
  grow("a", "tuned");
  models.look_again();
  EXPECT_THAT(ids(models), ElementsAre("davinci", "tuned"));
}

TEST_F(ServedModelsTest, TreesThatAreServedEachAloneHaveNamesOfTheirOwn) {
  grow("a", "davinci");
  grow("b", "davinci");
  ServedModels models({(trees() / "a").string(), (trees() / "b").string()}, "");
  EXPECT_THAT(ids(models), ElementsAre("davinci", "b/davinci"));
  EXPECT_NE(models.called("davinci"), models.called("b/davinci"));
}

}  // namespace
}  // namespace lineage
