#include "lineage/run/recipe_audit.h"

#include <gtest/gtest.h>

#include "lineage/base/error.h"
#include "lineage/run/testing.h"

namespace lineage {
namespace {

Recipe recipe() { return parse_recipe(testing::tiny_world_recipe(), "tiny.toml"); }

TEST(RecipeAudit, ReadsCorporaAndDemonstrationsAndSaysWhatNodesRead) {
  const auto sources = audit_sources(recipe());
  ASSERT_EQ(sources.size(), 2u);
  EXPECT_EQ(sources[0].name, "text");
  EXPECT_EQ(sources[1].name, "few");
  EXPECT_EQ(sources[1].documents, 60 + 20);
  const RecipeAudit audit = audit_recipe(recipe(), 5, silent());
  EXPECT_TRUE(audit.report.clean()) << audit.report.first_leak();
  ASSERT_EQ(audit.seen.size(), 2u);
  EXPECT_EQ(audit.seen[1].node, "tuned");
  EXPECT_EQ(audit.seen[1].total.at("text"), audit.seen[0].own.at("text"));
}

TEST(RecipeAudit, ARecipeOfFilesHasNothingToAudit) {
  testing::TempFolder folder;
  testing::write_corpus(folder / "corpus", 2);
  Recipe r = parse_recipe(testing::small_recipe(folder / "corpus"), "small.toml");
  EXPECT_THROW(audit_sources(r), Error);
}

}  // namespace
}  // namespace lineage
