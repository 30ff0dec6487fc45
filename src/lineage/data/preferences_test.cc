#include "lineage/data/preferences.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lineage/data/testing.h"
#include "lineage/text/bpe_train.h"

namespace lineage {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::TempFolder;
using Tokens = std::vector<Token>;

constexpr const char* kGood = R"({"prompt": "hi", "chosen": "ho", "rejected": "no"})";

TEST(Preferences, ReadsFilesAndSkipsWhenTold) {
  const TempFolder folder;
  PreferencesConfig config{
      .paths = {folder.write("a.jsonl", std::string(kGood) + "\n\nno json\n"),
                folder.write("b.json", "[" + std::string(kGood) + R"(, {"x": 1},
                                 {"prompt": "hi", "chosen": "a", "rejected": "a"}])")}};
  SourceRecord record;
  EXPECT_THAT(testing::error_of([&] { read_preferences("judged", config, record); }),
              HasSubstr("a.jsonl:3: parse error"));
  EXPECT_EQ(testing::hint_of([&] { read_preferences("judged", config, record); }),
            "correct the record, or set preferences.judged.bad_record = \"skip\"");
  config.bad_record = BadRecord::skip;
  record = {};
  const auto all = read_preferences("judged", config, record);
  ASSERT_EQ(all.size(), 2u);
  EXPECT_THAT(all[1].place, HasSubstr("b.json: entry 0"));
  EXPECT_EQ(describe_dropped(record), "3 dropped (2 bad record, 1 tie)");
  EXPECT_EQ(record.kind, "preferences");
  config.paths = {folder.write("d.jsonl", R"({"prompt": "hi", "chosen": "a", "rejected": "a"})")};
  record = {};
  EXPECT_EQ(testing::error_of([&] { read_preferences("judged", config, record); }),
            "preferences.judged: 1 file holds no comparison: 1 dropped (1 tie); wanted some");
}

TEST(Preferences, TooLongOnesAreCutByRule) {
  const Comparison whole{{1, 2, 3, 4}, {{5, 6, 7}, {8, 9}}, {1, 2}};
  const auto cut = [&](TooLong rule, int64_t limit) {
    Comparison c = whole;
    const std::string_view reason = fit(c, rule, limit, /*opening=*/1);
    return std::pair(std::string(reason), c);
  };
  using Cut = std::pair<std::string, Comparison>;
  for (const TooLong rule : {TooLong::cut_front, TooLong::cut_end, TooLong::drop}) {
    EXPECT_EQ(cut(rule, 7), Cut("", whole)) << "the longest answer fits";
    EXPECT_EQ(cut(rule, 4).first, "prompt too long");
  }
  EXPECT_EQ(cut(TooLong::drop, 6).first, "too large");
  EXPECT_EQ(cut(TooLong::cut_front, 5), Cut("", {{3, 4}, {{5, 6, 7}, {8, 9}}, {1, 2}}));
  EXPECT_EQ(cut(TooLong::cut_end, 5), Cut("", {{1, 2, 3, 4}, {{5}, {8}}, {1, 2}}));
  Comparison c{{1, 2}, {{5, 6, 7}, {8, 9}}, {1, 2}};
  EXPECT_EQ(fit(c, TooLong::cut_front, 3, 1), "too large") << "no room for the opening";
  c = {{1, 2}, {{5, 6, 7}, {5, 6, 8}}, {1, 2}};
  EXPECT_EQ(fit(c, TooLong::cut_end, 4, 1), "too large") << "the answers are equal now";
}

TEST(Preferences, PromptAndAnswerAreTheConversationInTheTemplate) {
  const TempFolder folder;
  BpeTrainer trainer({.vocab = 300, .specials = chat_specials()});
  trainer.add("say something");
  const auto bpe = trainer.train();
  const testing::ByteTokenizer bytes;
  const std::vector<Turn> turns = {{Role::system, "s"}, {Role::user, "hi"}};
  const PreferencesConfig config{
      .paths = {folder.write(
          "a.jsonl",
          R"({"system": "s", "prompt": "hi", "responses": ["ho", "no", "so"], "ranks": [2, 1, 2]})")},
      .heldout = 0};
  for (const Tokenizer* tokenizer :
       {static_cast<const Tokenizer*>(&*bpe), static_cast<const Tokenizer*>(&bytes)}) {
    const ChatTemplate chat(*tokenizer);
    const PreferenceSet set = preference_set("judged", config, *tokenizer, 64);
    ASSERT_EQ(set.train.size(), 1u);
    const Comparison& c = set.train[0];
    EXPECT_EQ(c.prompt, chat.prompt(turns));
    EXPECT_THAT(c.ranks, ElementsAre(2, 1, 2));
    Tokens all = c.prompt;
    all.insert(all.end(), c.answers.at(1).begin(), c.answers[1].end());
    std::vector<Turn> whole = turns;
    whole.push_back({Role::assistant, "no"});
    EXPECT_EQ(all, chat.render(whole).tokens);
  }
}

TEST(Preferences, ASetIsSplitByPromptsAndCounted) {
  const TempFolder folder;
  std::string lines;
  for (int i = 0; i < 200; ++i)
    lines += R"({"prompt": "say )" + std::to_string(i % 50) +
             R"(", "chosen": "x", "rejected": "y)" + std::to_string(i) + "\"}\n";
  lines += R"({"prompt": ")" + std::string(100, 'x') +
           R"(", "chosen": "x", "rejected": "y"})"
           "\n";
  lines += R"({"prompt": "q", "chosen": ")" + std::string(70, 'x') +
           R"(", "rejected": "y"})"
           "\n";
  lines += R"({"prompt": "q", "chosen": "x", "rejected": ")" + std::string(50, 'y') +
           R"("})"
           "\n";
  PreferencesConfig config{.paths = {folder.write("a.jsonl", lines)}, .heldout = 0.3};
  const testing::ByteTokenizer tokenizer;
  const PreferenceSet set = preference_set("judged", config, tokenizer, 64);
  EXPECT_EQ(describe_dropped(set.record),
            "2 dropped (1 prompt too long, 1 too large), 1 cut to the context");
  EXPECT_EQ(set.train.size() + set.heldout.size(), 201u);
  EXPECT_NEAR(static_cast<double>(set.heldout.size()), 60, 20);
  EXPECT_EQ(set.record.documents, static_cast<int64_t>(set.train.size()));
  EXPECT_EQ(set.record.heldout_documents, static_cast<int64_t>(set.heldout.size()));
  for (const Comparison& h : set.heldout)
    for (const Comparison& t : set.train) ASSERT_NE(h.prompt, t.prompt);
  EXPECT_EQ(testing::error_of([&] { preference_set("judged", config, tokenizer, 4); }),
            "preferences.judged: nothing is left to train on; wanted at least one comparison "
            "within 4 tokens");
}

TEST(Preferences, TheDigestIsOfWhatIsTrainedOn) {
  const TempFolder folder;
  const auto digest = [&](const std::string& record) {
    const PreferencesConfig config{.paths = {folder.write("a.jsonl", record)}, .heldout = 0};
    return preference_set("judged", config, testing::ByteTokenizer(), 64).record.digest;
  };
  EXPECT_EQ(digest(kGood), digest(std::string(kGood) + "\n"));
  EXPECT_NE(digest(kGood), digest(R"({"prompt": "hi", "chosen": "no", "rejected": "ho"})"));
  EXPECT_NE(digest(kGood), digest(R"({"prompt": "he", "chosen": "ho", "rejected": "no"})"));
  EXPECT_NE(digest(R"({"prompt": "hi", "responses": ["a", "b"], "ranks": [1, 2]})"),
            digest(R"({"prompt": "hi", "responses": ["a", "b"], "ranks": [2, 1]})"));
}

TEST(Preferences, PublicSetsAreRead) {
  LINEAGE_NEEDS_SHARED_DATA();
  const auto counts = [](const char* path) {
    PreferencesConfig config{.paths = {testing::shared_data() / "preference" / path},
                             .bad_record = BadRecord::skip};
    SourceRecord record;
    const size_t read = read_preferences("judged", config, record).size();
    return std::pair(read, describe_dropped(record));
  };
  using Counts = std::pair<size_t, std::string>;
  EXPECT_EQ(counts("hh_rlhf_test/helpful-base.test.jsonl.gz"),
            Counts(2339, "15 dropped (13 bad record, 2 tie)"));
  EXPECT_EQ(counts("pandalm_human/testset-v1.json"),
            Counts(836, "163 dropped (60 bad record, 103 tie)"));
  EXPECT_EQ(counts("fine_grained_rlhf/dev_feedback.json"),
            Counts(466, "34 dropped (22 bad record, 12 tie), passages not used: 476"));
}

}  // namespace
}  // namespace lineage
