#include "lineage/stages/tokens_seen.h"

#include <gtest/gtest.h>

#include "lineage/stages/stage.h"

namespace lineage {
namespace {

TEST(TokensSeen, TokensGoByMixtureEpochsAndParents) {
  const Recipe recipe = parse_recipe(R"(
name = "seen"
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
                                     "seen.toml");
  const auto all = tokens_seen(recipe, {{"few", 1000}, {"many", 7}});
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

// The texts of a tuned node whose pretrain_mixture is empty, as its frozen config has them.
TEST(TokensSeen, TuningReplaysWhatItsParentWasPretrainedOn) {
  constexpr const char* kRecipe = R"(
name = "seen"
[tokenizer]
kind = "world"
[model]
layers = 1
width = 16
heads = 1
context = 64
[corpora.text]
kind = "text"
[corpora.code]
kind = "code"
[corpora.unread]
kind = "text"
[demonstrations.few]
types = 16
examples = 100
[sft]
pretrain_share = 0.25
[nodes.base]
stage = "pretrain"
[nodes.base.pretrain]
tokens = 6400
batch_tokens = 64
mixture = {text = 1}
[nodes.code]
stage = "pretrain"
parents = ["base"]
[nodes.code.pretrain]
tokens = 3840
batch_tokens = 64
mixture = {code = 2, text = 1}
[nodes.of-base]
stage = "sft"
parents = ["base"]
[nodes.of-code]
stage = "sft"
parents = ["code"]
[nodes.of-tuned]
stage = "sft"
parents = ["of-code"]
)";
  const auto texts = [&](const std::string& name, const std::vector<std::string>& sets = {}) {
    const Recipe recipe = parse_recipe(kRecipe, "seen.toml", sets);
    return stage_of(recipe.node(name)).reads(recipe.node(name), recipe).texts;
  };
  using Texts = std::map<std::string, double>;
  EXPECT_EQ(texts("of-base"), (Texts{{"text", 1}}));
  EXPECT_EQ(texts("of-code"), (Texts{{"code", 2560. / 10240}, {"text", 7680. / 10240}}));
  EXPECT_EQ(texts("of-tuned", {"sft.tokens=6400", "nodes.of-code.sft.pretrain_mixture={text=1}"}),
            texts("of-code"))
      << "replayed text is not counted";
  EXPECT_EQ(texts("of-code", {"sft.pretrain_mixture={text=1}"}), (Texts{{"text", 1}}));
  EXPECT_EQ(texts("of-code", {"sft.pretrain_share=0"}), Texts{});
  const Recipe recipe = parse_recipe(kRecipe, "seen.toml");
  const std::string frozen = stage_of(recipe.node("of-code")).frozen(recipe.node("of-code"));
  EXPECT_NE(frozen.find("[sft.pretrain_mixture]\ncode = 0.25\ntext = 0.75\n"), std::string::npos)
      << frozen;
}

}  // namespace
}  // namespace lineage
