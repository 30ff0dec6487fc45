#include "lineage/stages/regrown.h"

#include <gtest/gtest.h>

namespace lineage {
namespace {

TEST(Regrown, TheDifferencesAreNamed) {
  Manifest earlier;
  earlier.stage = "sft";
  earlier.config = "[model]\nlayers = 2\n\n[sft]\nepochs = 2.0\nselect = \"last\"\n";
  earlier.seed = 1;
  earlier.tokenizer = "t";
  earlier.datasets["few"] = {{"digest", "d"}};
  const NodeInputs same{"sft", earlier.config, 1, "t", {{"few", "d"}}, {}};
  EXPECT_EQ(why_regrown(earlier, same), "this version identifies nodes in another way");
  NodeInputs now = same;
  now.frozen = "[model]\nlayers = 2\n\n[sft]\nepochs = 3.0\n\n[sft.pretrain_mixture]\ntext = 1.0\n";
  EXPECT_EQ(why_regrown(earlier, now),
            "sft.epochs is 3.0, and was 2.0; sft.pretrain_mixture.text is 1.0, and was not there; "
            "sft.select was \"last\"");
  now.seed = 2;
  EXPECT_TRUE(why_regrown(earlier, now).ends_with("; and 1 more")) << why_regrown(earlier, now);
  now = same;
  now.seed = 2;
  now.tokenizer = "u";
  now.data["few"] = "e";
  EXPECT_EQ(why_regrown(earlier, now),
            "the seed is 2, and was 1; its tokenizer has changed; few has other text");
  now = same;
  now.regrown_parents = {"base"};
  EXPECT_EQ(why_regrown(earlier, now), "its parent base is trained again");
  now.stage = "feedme";
  now.frozen = "[model]\n";
  EXPECT_TRUE(why_regrown(earlier, now).starts_with("its stage is feedme, and was sft; its par"));
}

}  // namespace
}  // namespace lineage
