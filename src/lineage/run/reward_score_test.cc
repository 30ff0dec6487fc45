#include "lineage/run/reward_score.h"

#include <gtest/gtest.h>

#include "lineage/base/error.h"
#include "lineage/data/preferences.h"
#include "lineage/data/testing.h"
#include "lineage/rlhf/answer_rows.h"
#include "lineage/run/testing.h"

namespace lineage {
namespace {

using testing::error_of;

class RewardScoreTest : public ::testing::Test {
 protected:
  RewardScoreTest() {
    GptConfig config;
    config.layers = 1, config.width = 8, config.heads = 1, config.context = 24;
    config.vocab = Vocabulary::get().tokenizer()->vocab();
    config.scalar_head = true;
    model = make_model(config, false);
    model.config = config;
    model.parameters->initialize(3);
    model.tokenizer = Vocabulary::get().tokenizer();
  }
  AnswerRewards score(const std::string& records, TooLong rule = TooLong::cut_front) {
    testing::write_text(folder / "a.jsonl", records);
    return score_answers(model, "m", {(folder / "a.jsonl").string()}, rule);
  }
  // The reward of an answer beside no others.
  double alone(const std::vector<Token>& prompt, std::vector<Token> answer) {
    answer.push_back(model.tokenizer->special(Special::end_of_turn));
    const AnswerRows rows = answer_rows(std::vector<AnsweredPrompt>{{prompt, answer}}, 24);
    return answer_rewards(*model.gpt, rows).data<float>()[0];
  }

  testing::TempFolder folder;
  Model model;
};

constexpr const char* kTwo =
    R"({"prompt": "the cat", "completion": "the dog"}
{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}, {"role": "user", "content": "c"}, {"role": "assistant", "content": "d"}]}
)";

TEST_F(RewardScoreTest, TheLastAnswerOfEachRecordHasItsReward) {
  const AnswerRewards scores = score(kTwo);
  ASSERT_EQ(scores.all.size(), 2u);
  EXPECT_EQ(scores.all[0].place, (folder / "a.jsonl").string() + ":1");
  const ChatTemplate chat(*model.tokenizer);
  const auto prompt = [&](const std::vector<Turn>& turns) { return chat.prompt(turns); };
  const auto& words = *model.tokenizer;
  EXPECT_NEAR(scores.all[0].reward,
              alone(prompt({{Role::user, "the cat"}}), words.encode("the dog")), 1e-6);
  EXPECT_NEAR(scores.all[1].reward,
              alone(prompt({{Role::user, "a"}, {Role::assistant, "b"}, {Role::user, "c"}}),
                    words.encode("d")),
              1e-6);
  EXPECT_DOUBLE_EQ(scores.mean(), (scores.all[0].reward + scores.all[1].reward) / 2);
}

TEST_F(RewardScoreTest, LongOnesAreCutOrDroppedByRule) {
  const std::string long_one =
      R"({"prompt": "the the the the the the the the the the the the the the the the the the the",
"completion": "a cat a cat a cat"})";
  std::string line = long_one;
  line.erase(line.find('\n'), 1);
  EXPECT_EQ(score(kTwo + line).record.truncated, 1);
  const AnswerRewards dropped = score(kTwo + line, TooLong::drop);
  EXPECT_EQ(dropped.all.size(), 2u);
  EXPECT_EQ(describe_dropped(dropped.record), "1 dropped (1 too large)");
  EXPECT_EQ(error_of([&] { score(line, TooLong::drop); }),
            "no answer to judge: 1 dropped (1 too large); wanted some");
}

TEST_F(RewardScoreTest, AContentFilterIsNoJudge) {
  model.manifest.stage = "moderation";
  EXPECT_EQ(
      error_of([&] { score(kTwo); }),
      "m: is a content filter, which judges requests; wanted a reward model to judge answers");
  EXPECT_STREQ(scalar_model_name(model), "a content filter");
  model.manifest.stage = "reward";
  EXPECT_STREQ(scalar_model_name(model), "a reward model");
  EXPECT_EQ(score(kTwo).all.size(), 2u);
}

TEST_F(RewardScoreTest, WhatCannotBeJudgedIsNamed) {
  EXPECT_EQ(error_of([&] { score("{\"prompt\": \"a\"}"); }).substr(0, 1), "/");
  EXPECT_EQ(testing::hint_of([&] { score("{\"prompt\": \"a\"}"); }), "correct the record");
  model.config.scalar_head = false;
  EXPECT_EQ(error_of([&] { score(kTwo); }),
            "m: is a language model; wanted a reward model to judge answers");
}

}  // namespace
}  // namespace lineage
