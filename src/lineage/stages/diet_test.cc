#include "lineage/stages/diet.h"

#include <gtest/gtest.h>

namespace lineage {
namespace {

TEST(Diet, TokensGoByMixtureEpochsAndParents) {
  const Recipe recipe = parse_recipe(R"(
name = "diet"
[tokenizer]
kind = "world"
[model]
layers = 1
width = 16
heads = 1
context = 64
vocab = 0
[corpora.text]
kind = "text"
[corpora.code]
kind = "code"
[demonstrations.few]
types = 16
examples = 100
[demonstrations.many]
[nodes.base]
stage = "pretrain"
[nodes.base.pretrain]
tokens = 6400
mixture = {text = 1}
[nodes.code]
stage = "pretrain"
parents = ["base"]
[nodes.code.pretrain]
tokens = 3840
mixture = {code = 2, text = 1}
[nodes.tuned]
stage = "sft"
parents = ["code"]
[nodes.tuned.sft]
epochs = 3
mixture = {few = 1}
pretrain_share = 0.25
pretrain_mixture = {text = 1}
)",
                                     "diet.toml");
  const auto all = read_tokens(recipe, {{"few", 1000}, {"many", 7}});
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[0].parent, "");
  EXPECT_EQ(all[0].own, (std::map<std::string, double>{{"text", 6400}}));
  EXPECT_NEAR(all[1].own.at("code"), 2560, 1e-9);
  EXPECT_NEAR(all[1].total.at("text"), 7680, 1e-9);
  EXPECT_EQ(all[2].parent, "code");
  EXPECT_NEAR(all[2].own.at("few"), 3000, 1e-9);
  EXPECT_NEAR(all[2].own.at("text"), 1000, 1e-9);
  EXPECT_NEAR(all[2].total.at("text"), 8680, 1e-9);
  EXPECT_FALSE(all[2].total.contains("many"));
}

}  // namespace
}  // namespace lineage
