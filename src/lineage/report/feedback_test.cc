#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "lineage/checkpoint/testing.h"
#include "lineage/report/feedback_lines.h"
#include "lineage/report/feedback_markdown.h"
#include "lineage/report/feedback_results.h"
#include "lineage/report/feedback_seeds.h"
#include "lineage/report/feedback_words.h"
#include "lineage/report/testing.h"
#include "lineage/world/feedback/utility.h"

namespace lineage {
namespace {

using testing::kSomeFeedback;
using testing::kSomeReward;
using testing::TempFolder;
using testing::write_bytes;

// small_report() with a reward model of one seed, and a policy of two that differ in a share.
Report feedback_report() {
  const TempFolder folder;
  write_bytes(folder / "reward.json", kSomeReward);
  write_bytes(folder / "feedback.json", kSomeFeedback);
  Report r = testing::small_report();
  r.rewards = {*read_reward(folder.path())};
  r.rewards[0].node = "davinci-long", r.rewards[0].seed = 1;
  r.feedback = {*read_feedback(folder.path()), *read_feedback(folder.path())};
  for (size_t i = 0; i < 2; ++i)
    r.feedback[i].node = "text-davinci-001", r.feedback[i].seed = i + 1;
  r.feedback[1].kinds[0].behaviours[0].share.model = 0.75;
  r.feedback[1].answers[0].model.value = -0.15;
  for (const auto& [metric, values] : {std::pair("reward", std::vector{0.1, 0.5, 0.9}),
                                       std::pair("kl", std::vector{0.0, 2.0, 9.0}),
                                       std::pair("gold", std::vector{-0.9, -0.2, -0.4})})
    r.curves.push_back({"text-davinci-001", 1, metric, "", false, {100, 200, 300}, values});
  r.events = {{"text-davinci-001", 1, 3, "KL: -0.60 nats"}, {"davinci", 1, 3, "skipped"}};
  r.words = words_of(r);
  return r;
}

TEST(FeedbackResults, AReadRewardHasItsPartsInTheOrderOfTheWords) {
  const TempFolder folder;
  EXPECT_FALSE(read_reward(folder.path()));
  write_bytes(folder / "reward.json", kSomeReward);
  const ReportReward r = read_reward(folder.path()).value();
  EXPECT_EQ(r.agreement, 0.75);
  EXPECT_EQ(r.labels->value, 0.68);
  EXPECT_EQ(r.utility->n, 5200);
  EXPECT_EQ(r.length_only->low, 0.54);
  ASSERT_EQ(r.kinds.size(), 2u);
  EXPECT_EQ(r.kinds[0].id, "improper");  // as in the enum
  EXPECT_EQ(r.kinds[0].length_only->value, 0.6);
  EXPECT_FALSE(r.kinds[1].length_only);
  EXPECT_EQ(r.terms[0].right.n, 1100);
  EXPECT_EQ(r.calibration[0].predicted, 0.5251);
  EXPECT_EQ(r.calibration[0].n, 300);
}

// Comparisons of people have no utility.
TEST(FeedbackResults, ARewardOfFilesHasLabelsAlone) {
  const TempFolder folder;
  write_bytes(folder / "reward.json", R"({"agreement":0,"noise":0,"calibration":[],
      "labels":{"share":1,"low":0.5,"high":1,"pairs":7}})");
  const ReportReward r = read_reward(folder.path()).value();
  EXPECT_EQ(r.labels->n, 7);
  EXPECT_FALSE(r.utility);
  EXPECT_TRUE(r.kinds.empty());
}

TEST(FeedbackResults, AReadOutcomeHasBothModelsSideBySide) {
  const TempFolder folder;
  EXPECT_FALSE(read_feedback(folder.path()));
  write_bytes(folder / "feedback.json", kSomeFeedback);
  const ReportFeedback f = read_feedback(folder.path()).value();
  ASSERT_EQ(f.answers.size(), 1u);
  EXPECT_EQ(f.answers[0].measure, "gold");
  EXPECT_EQ(f.answers[0].model_less_parent.low, 0.6);
  EXPECT_EQ(f.answers[0].model.n, 600);
  EXPECT_EQ(f.length->model, 8.48);
  EXPECT_EQ(f.text->parent, 1.131);
  ASSERT_EQ(f.kinds.size(), 2u);
  EXPECT_EQ(f.kinds[0].id, "improper");
  EXPECT_EQ(f.kinds[0].n, 975);
  ASSERT_EQ(f.kinds[0].behaviours.size(), 2u);
  EXPECT_EQ(f.kinds[0].behaviours[0].id, "refuses politely");
  EXPECT_EQ(f.kinds[0].behaviours[0].share.parent, 0.02);
  EXPECT_EQ(f.kinds[0].behaviours[0].share.model, 0.95);
}

TEST(FeedbackResults, AFileThatIsNotWholeIsNamed) {
  const TempFolder folder;
  write_bytes(folder / "reward.json", "{\"labels\":");
  EXPECT_SAYS(read_reward(folder.path()), "reward.json: no JSON object; wanted the measurements");
  write_bytes(folder / "reward.json", "{}");
  EXPECT_SAYS(read_reward(folder.path()), "key 'agreement' not found");
  write_bytes(folder / "feedback.json", R"({"answers":{"gold":{}}})");
  EXPECT_SAYS(read_feedback(folder.path()), "feedback.json: ");
  EXPECT_SAYS(read_feedback(folder.path()), "key 'parent' not found");
  EXPECT_SAYS(read_feedback(folder.path()), "remove this file to have a report without it");
}

template <class Enum>
void expect_words(std::set<std::string>& seen) {
  for (const std::string_view id : enum_names(Enum())) {
    const ReportWord word = feedback_word(std::string(id));
    EXPECT_TRUE(seen.insert(word.id).second) << id << " means two things";
    EXPECT_FALSE(word.name.empty()) << id;
    EXPECT_TRUE(word.about.ends_with('.') || word.about.ends_with("”")) << id;
  }
}

TEST(FeedbackWords, EveryKindBehaviourAndTermIsExplained) {
  std::set<std::string> seen;
  expect_words<PromptKind>(seen);
  expect_words<Behaviour>(seen);
  expect_words<UtilityTerm>(seen);
  EXPECT_EQ(feedback_word("my_own").name, "my own");
  EXPECT_GT(place_of_word("my_own"), place_of_word("form"));
}

TEST(FeedbackSeeds, OfSeveralTheMedianIsFirst) {
  const std::vector<CountedInterval> two = {{0.66, 0.64, 0.68, 600}, {0.68, 0.66, 0.7, 598}};
  EXPECT_EQ(seeds_text({two[0]}), ".66 [.64, .68]");
  EXPECT_EQ(seeds_text(two), ".67 (.66 [.64, .68], .68 [.66, .70])");
  EXPECT_EQ(seeds_text({two[0]}, Sign::always), "+.66 [+.64, +.68]");
  EXPECT_EQ(seeds_text(std::vector<CountedInterval>{}), "");
  EXPECT_EQ(seeds_text(std::vector{1.0, 3.0, 2.0}, 1), "2.0 (1.0, 3.0, 2.0)");
  EXPECT_EQ(change_text({{0.02, 0.95}, {0.04, 0.95}}), ".03 → .95 (.95, .95)");
  EXPECT_EQ(change_text({{0.02, 0.95}}), ".02 → .95");
  EXPECT_EQ(counts_text(two), "600, 598");
  EXPECT_EQ(counts_text(std::vector<int64_t>{600, 600}), "600");
}

TEST(FeedbackReport, IsReadBackFromItsJson) {
  const std::string json = report_json(feedback_report());
  EXPECT_EQ(report_json(parse_report(json, "r.json")), json);
  const auto j = nlohmann::json::parse(json);
  EXPECT_EQ(j["rewards"][0]["labels"]["n"], 2000);
  EXPECT_TRUE(j["rewards"][0]["kinds"][1]["length_only"].is_null());
  EXPECT_EQ(j["feedback"][1]["kinds"][0]["behaviours"][0]["share"]["model"], 0.75);
  EXPECT_EQ(j["events"][0]["step"], 3);
  EXPECT_EQ(j["words"][0]["name"], "improper requests");
}

void expect_all(const std::string& text, const std::vector<std::string>& parts) {
  for (const std::string& part : parts)
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
}

TEST(FeedbackReport, MarkdownHasEveryNumberWithItsCount) {
  const std::string text = report_markdown(feedback_report());
  expect_all(text,
             {"\n## Reward models\n",
              "\n### davinci-long\n\nTwo annotators agree on .75 of the pairs.\n",
              "| as annotators ranked them | .68 [.66, .70] |  | 2000 |",
              "| by the utility, which has no noise | .74 [.73, .75] | .55 [.54, .56] | 5200 |",
              "| improper requests | .90 [.87, .93] | .60 [.56, .64] | 400 |",
              "| that differ most in truth | .71 [.69, .73] |  | 1100 |",
              "| 1 | .53 | .51 | 300 |",
              "\n## Learning from feedback\n",
              "\n### text-davinci-001\n",
              "| gold utility | −.95 (−.95 [−1.05, −.85], −.95 [−1.05, −.85]) |",
              "−.20 (−.25 [",
              "Tokens of an answer: 7.6 → 8.5 (8.5, 8.5).",
              "Held-out pretraining text: 1.131 → 1.140 (1.140, 1.140) nats a token.\n",
              "| request | refuses politely | ends | utility | n |",
              "| improper requests | .02 → .85 (.95, .75) | .99 → .98 (.98, .98) | −.72 → −.50 "
              "(−.50, −.50) | 975 |",
              "| 1 | first | 100 | .00 | .10 | −.90 |",
              "| 1 | most gold | 200 | 2.00 | .50 | −.20 |",
              "| 1 | last | 300 | 9.00 | .90 | −.40 |",
              "| kl | 0 | 9 |",
              "- seed 1, step 3: KL: -0.60 nats\n",
              "- **improper requests**: Nobody should help"});
  EXPECT_EQ(text.find("skipped"), std::string::npos);
}

TEST(FeedbackReport, TheTerminalSaysWhatChangedMost) {
  const std::string text = report_text(feedback_report(), {.columns = 200, .open = {}});
  expect_all(
      text,
      {"\nReward models\ndavinci-long\n",
       "  labels       .68 [.66, .70] of 2000 held-out pairs in the annotators' order\n",
       "  length alone .55 [.54, .56] of 5200 held-out pairs likewise\n",
       "  agreement    of two annotators .75\n", "\nLearning from feedback\ntext-davinci-001\n",
       "(n 600)", "  text         1.131 → 1.140 (1.140, 1.140) nats a token",
       "  base rates   refuses politely .02 → .85 (.95, .75) of improper requests (n 975)\n",
       "  warnings     1, the last at step 3: KL: -0.60 nats\n"});
}

TEST(FeedbackReport, ATreeWithoutItHasNoneOfIt) {
  const Report r = testing::small_report();
  EXPECT_EQ(rewards_markdown(r) + feedback_markdown(r), "");
  EXPECT_TRUE(reward_lines(r).empty());
  EXPECT_TRUE(feedback_lines(r).empty());
  EXPECT_EQ(report_text(r).find("eward"), std::string::npos);
  EXPECT_TRUE(words_of(r).empty());
}

}  // namespace
}  // namespace lineage
