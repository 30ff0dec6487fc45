#include "lineage/data/conversations.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lineage/data/testing.h"
#include "lineage/text/bpe_train.h"

namespace lineage {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::TempFolder;

std::string failure(const std::function<void()>& work) {
  try {
    work();
  } catch (const Error& e) {
    return e.what();
  }
  return "no error";
}

TEST(Conversations, ReadsLinesArraysAndPackedFilesAndSkipsWhenTold) {
  const TempFolder folder;
  const std::string good = R"({"prompt": "hi", "completion": "ho"})";
  ConversationsConfig config;
  config.paths = {folder.write("a.jsonl", good + "\n\nno json\n" + good),
                  folder.write("b.json", "[" + good + ", {\"x\": 1}]"),
                  folder.write("c.jsonl.gz", testing::gzip(good + "\n"))};
  SourceRecord record;
  EXPECT_THAT(failure([&] { read_conversations("chat", config, record); }),
              HasSubstr("a.jsonl:3: parse error"));
  config.bad_record = BadRecord::skip;
  record = {};
  const auto all = read_conversations("chat", config, record);
  ASSERT_EQ(all.size(), 4u);
  EXPECT_THAT(all[2].place, HasSubstr("b.json: entry 0"));
  EXPECT_EQ(record.dropped.at("bad record"), 2);
  EXPECT_EQ(record.files, 3);
  config.paths = {folder.write("d.jsonl", "{}\n")};
  record = {};
  EXPECT_EQ(
      failure([&] { read_conversations("chat", config, record); }),
      "conversations.chat: 1 file holds no conversation: 1 dropped (1 bad record); wanted some");
}

TEST(Conversations, ReadsWhatPublicToolsWrite) {
  const TempFolder folder;
  const std::string mark = "\xEF\xBB\xBF", good = R"({"prompt": "hi", "completion": "ho"})";
  const std::string pretty = "{\n \"prompt\": \"hi\",\n \"completion\": \"ho\"\n}";
  for (const std::string& bytes :
       {mark + good + "\n" + good, mark + "[" + good + "," + good + "]", pretty + "\n" + pretty,
        good + "\r\n\r\n" + good + "\r\n",
        std::string(R"({"prompt": "hi", "completion": "ho", "score": NaN})") + "\n" + good}) {
    SourceRecord record;
    const auto all = read_conversations("chat", {.paths = {folder.write("a.json", bytes)}}, record);
    ASSERT_EQ(all.size(), 2u) << bytes;
    for (const Conversation& c : all)
      EXPECT_EQ(c.turns, (std::vector<Turn>{{Role::user, "hi"}, {Role::assistant, "ho"}}));
  }
}

TEST(Conversations, InvalidTextByPolicy) {
  const TempFolder folder;
  ConversationsConfig config{
      .paths = {folder.write("a.jsonl",
                             "{\"prompt\": \"caf\xE9\", \"completion\": \"ok\"}\n"
                             "{\"prompt\": \"half \\ud800\", \"completion\": \"ok\"}\n")}};
  SourceRecord record;
  const auto all = read_conversations("chat", config, record);
  EXPECT_EQ(all.at(0).turns[0].text, "caf\xEF\xBF\xBD");
  EXPECT_EQ(all.at(1).turns[0].text, "half \xEF\xBF\xBD");
  EXPECT_EQ(record.repaired, 2);
  config.invalid_text = InvalidText::error;
  EXPECT_THAT(failure([&] { read_conversations("chat", config, record); }),
              HasSubstr("a.jsonl:1: byte 15 is 0xe9, which is not UTF-8; wanted valid text"));
}

TEST(Conversations, AFolderOfMixedFilesIsToldOf) {
  const TempFolder folder;
  folder.write("in/a.jsonl", R"({"prompt": "hi", "completion": "ho", "rejected": "no"})");
  folder.write("in/README.md", "about");
  folder.write("in/b.parquet", "PAR1");
  SourceRecord record;
  read_conversations("chat", {.paths = {(folder.path() / "in").string()}}, record);
  EXPECT_EQ(describe_dropped(record),
            "other files (*.md): 1, other files (*.parquet): 1, rejected not used: 1");
}

TEST(Conversations, TooLongOnesAreCutByRule) {
  const Example whole{{1, 2, 3, 4, 5, 6}, {0, 0, 0, 0, 1, 1}, {}};
  Example e = whole;
  EXPECT_TRUE(fit(e, TooLong::drop, 6));
  EXPECT_FALSE(fit(e, TooLong::drop, 5));
  EXPECT_TRUE(fit(e, TooLong::cut_front, 4));
  EXPECT_THAT(e.tokens, ElementsAre(3, 4, 5, 6));
  EXPECT_THAT(e.weights, ElementsAre(0, 0, 1, 1));
  e = whole;
  EXPECT_TRUE(fit(e, TooLong::cut_front, 1)) << "an answer that is too long loses its end";
  EXPECT_THAT(e.tokens, ElementsAre(5));
  e = whole;
  EXPECT_TRUE(fit(e, TooLong::cut_end, 5));
  EXPECT_THAT(e.tokens, ElementsAre(1, 2, 3, 4, 5));
  EXPECT_FALSE(fit(e, TooLong::cut_end, 4)) << "nothing is left to learn";
}

// A set whose records have one system prompt in common.
TEST(Conversations, ASetIsSplitByWholeRecordsAndCounted) {
  const TempFolder folder;
  std::string lines;
  for (int i = 0; i < 200; ++i)
    lines += R"({"messages": [{"role": "system", "content": "be nice"},
                {"role": "user", "content": "say )" +
             std::to_string(i % 100) + R"("}, {"role": "assistant", "content": "x"}]})";
  std::erase(lines, '\n');
  for (size_t at = 0; (at = lines.find("]}{", at)) != std::string::npos;)
    lines.insert(at + 2, "\n");
  lines += "\n{\"prompt\": \"" + std::string(300, 'x') + "\", \"completion\": \"y\"}\n";
  BpeTrainer trainer({.vocab = 300, .specials = chat_specials()});
  trainer.add("say something");
  const auto tokenizer = trainer.train();
  ConversationsConfig config;
  config.paths = {folder.write("a.jsonl", lines)};
  config.heldout = 0.3;
  const TuningSet set = tuning_set("chat", config, *tokenizer, 32);
  EXPECT_EQ(set.train.size() + set.heldout.size(), 201u);
  EXPECT_EQ(set.record.truncated, 1);
  EXPECT_NEAR(static_cast<double>(set.heldout.size()), 60, 20);
  EXPECT_EQ(set.record.documents, static_cast<int64_t>(set.train.size()));
  EXPECT_EQ(describe_dropped(set.record), "1 cut to the context");
  // Equal records are on the same side.
  for (const Example& h : set.heldout)
    for (const Example& t : set.train) ASSERT_NE(h.tokens, t.tokens);
  config.heldout = 0.0001;
  EXPECT_TRUE(tuning_set("chat", config, *tokenizer, 32).heldout.empty());
}

TEST(Conversations, ATurnOfWeightZeroHasNoLoss) {
  const TempFolder folder;
  BpeTrainer trainer({.vocab = 300, .specials = chat_specials()});
  trainer.add("say something");
  const auto tokenizer = trainer.train();
  const ChatTemplate chat(*tokenizer);
  ConversationsConfig config{.paths = {folder.write("a.jsonl", R"({"messages": [
      {"role": "user", "content": "a"}, {"role": "assistant", "content": "b", "weight": 0},
      {"role": "user", "content": "c"}, {"role": "assistant", "content": "d"}]})")},
                             .heldout = 0};
  const TuningSet set = tuning_set("chat", config, *tokenizer, 64);
  EXPECT_THAT(set.train.at(0).weights, ElementsAre(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1));
}

}  // namespace
}  // namespace lineage
