#include "lineage/run/text_score.h"

#include <gtest/gtest.h>

#include "lineage/base/error.h"
#include "lineage/checkpoint/model.h"
#include "lineage/infer/engine.h"
#include "lineage/run/testing.h"

namespace lineage {
namespace {

constexpr const char* kText = "ann was born in";

class TextScoreTest : public ::testing::Test {
 protected:
  TextScoreTest() {
    testing::write_model(folder / "m");
    model = load_model(folder / "m");
    lm = language_model(*model.gpt, *model.tokenizer);
  }
  // `times` the text, about 4 tokens each; the model's context is 32.
  TextScore score(int times, int64_t overlap) {
    std::string text;
    for (int i = 0; i < times; ++i) text += (i ? " " : "") + std::string(kText);
    return score_text(*lm, text, overlap, "t.txt");
  }

  testing::TempFolder folder;
  Model model;
  std::unique_ptr<LanguageModel> lm;
};

TEST_F(TextScoreTest, ATextThatFitsIsOneWindow) {
  const std::vector<Token> ids = model.tokenizer->encode(kText);
  const auto whole = lm->score(std::vector<ScoreRequest>{{{}, ids}});
  const TextScore s = score(1, 16);
  EXPECT_DOUBLE_EQ(s.nats, -whole[0].log_prob);
  EXPECT_EQ(s.tokens, std::ssize(ids));
  EXPECT_EQ(s.bytes, 15);
  EXPECT_DOUBLE_EQ(s.nats_per_token(), s.nats / 4);
  EXPECT_NEAR(s.bits_per_byte(), s.nats / 0.693147 / 15, 1e-6);
}

TEST_F(TextScoreTest, EachTokenIsScoredOnceWhateverTheOverlap) {
  const TextScore none = score(40, 0), half = score(40, 16), most = score(40, 31);
  EXPECT_EQ(none.tokens, 160);
  for (const TextScore& s : {half, most}) {
    EXPECT_EQ(s.tokens, none.tokens);
    EXPECT_EQ(s.bytes, none.bytes);
    EXPECT_NE(s.nats, none.nats) << "another context, another probability";
    EXPECT_NEAR(s.nats_per_token(), none.nats_per_token(), 1);
  }
}

TEST_F(TextScoreTest, TextsAreAddedByTheirTokens) {
  TextScore sum = score(1, 16);
  sum += score(2, 16);
  EXPECT_EQ(sum.tokens, 12);
  EXPECT_DOUBLE_EQ(sum.nats, score(1, 16).nats + score(2, 16).nats);
}

TEST_F(TextScoreTest, ATextWithoutTokensIsRefused) {
  try {
    score_text(*lm, "", 0, "t.txt");
    FAIL();
  } catch (const Error& e) {
    EXPECT_STREQ(e.what(), "t.txt: has no token to score after the first; wanted more text");
  }
}

}  // namespace
}  // namespace lineage
