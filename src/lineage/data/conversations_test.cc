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

std::vector<Turn> turns_in(std::string_view record) {
  return read_record(record, "a.jsonl:1").at(0).turns;
}

const std::vector<Turn> kOnce = {{Role::user, "hi"}, {Role::assistant, "ho"}};

TEST(Conversations, ReadsThePublicFormats) {
  EXPECT_EQ(turns_in(R"({"messages": [{"role": "user", "content": "hi"},
                                      {"role": "assistant", "content": "ho"}]})"),
            kOnce);
  EXPECT_EQ(turns_in(R"({"conversations": [{"from": "human", "value": "hi"},
                                           {"from": "gpt", "value": "ho"}]})"),
            kOnce);
  EXPECT_EQ(turns_in(R"({"instruction": "hi", "input": "", "output": "ho"})"), kOnce);
  EXPECT_EQ(turns_in(R"({"instruction": "hi", "context": "", "response": "ho"})"), kOnce);
  EXPECT_EQ(turns_in(R"({"prompt": "hi", "completion": "ho"})"), kOnce);
  EXPECT_EQ(turns_in(R"({"instruction": "say", "input": "hi", "output": "ho"})")[0].text,
            "say\n\nhi");
  const auto many = read_record(
      R"({"instruction": "hi", "instances": [{"input": "", "output": "ho"},
                                             {"input": "x", "output": "y"}]})",
      "p");
  ASSERT_EQ(many.size(), 2u);
  EXPECT_EQ(many[0].turns, kOnce);
  EXPECT_EQ(many[1].turns[0].text, "hi\n\nx");
  EXPECT_EQ(read_record(R"({"prompt": "a", "completion": "b", "rating": 7})", "p")[0].rating, 7);
}

TEST(Conversations, ABadRecordIsNamed) {
  const auto says = [](std::string_view record) {
    return failure([&] { read_record(record, "a.jsonl:14"); });
  };
  EXPECT_EQ(says("{\"prompt\": "),
            "a.jsonl:14: is not JSON; wanted one object a line, or an array");
  EXPECT_EQ(says("3"), "a.jsonl:14: is number; wanted an object");
  EXPECT_THAT(says("{\"text\": \"x\"}"), HasSubstr("a.jsonl:14: is no conversation; wanted mess"));
  EXPECT_THAT(says(R"({"messages": []})"), HasSubstr("messages is empty"));
  EXPECT_THAT(says(R"({"messages": [{"role": "user"}]})"), HasSubstr("turn 0 has no role and"));
  EXPECT_THAT(says(R"({"messages": [{"role": "tool", "content": "x"}]})"),
              HasSubstr("role is \"tool\"; wanted system, user or assistant"));
  for (const char* unanswered :
       {R"({"instruction": "hi"})", R"({"prompt": "hi", "completion": ""})",
        R"({"messages": [{"role": "user", "content": "hi"}]})"})
    EXPECT_EQ(says(unanswered),
              "a.jsonl:14: has no answer; wanted a last turn of the assistant with some text");
  EXPECT_EQ(read_record(R"({"prompt": "hi"})", "p", false)[0].turns.size(), 1u);
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
              HasSubstr("a.jsonl:3: is not JSON"));
  config.bad_record = BadRecord::skip;
  record = {};
  const auto all = read_conversations("chat", config, record);
  ASSERT_EQ(all.size(), 4u);
  EXPECT_THAT(all[2].place, HasSubstr("b.json: entry 0"));
  EXPECT_EQ(record.dropped.at("bad record"), 2);
  EXPECT_EQ(record.files, 3);
  config.paths = {folder.write("d.jsonl", "{}\n")};
  EXPECT_THAT(failure([&] { read_conversations("chat", config, record); }),
              HasSubstr("conversations.chat: 4 files hold no conversation"));
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

TEST(Conversations, ASetIsSplitByItsPromptsAndCounted) {
  const TempFolder folder;
  std::string lines;
  for (int i = 0; i < 200; ++i)
    lines += "{\"prompt\": \"say " + std::to_string(i % 100) + "\", \"completion\": \"" +
             std::to_string(i) + "\"}\n";
  lines += "{\"prompt\": \"" + std::string(300, 'x') + "\", \"completion\": \"y\"}\n";
  BpeTrainer trainer({.vocab = 300, .specials = chat_specials()});
  trainer.add("say something");
  const auto tokenizer = trainer.train();
  ConversationsConfig config;
  config.paths = {folder.write("a.jsonl", lines)};
  config.heldout = 0.2;
  const TuningSet set = tuning_set("chat", config, *tokenizer, 32);
  EXPECT_EQ(set.train.size() + set.heldout.size(), 201u);
  EXPECT_EQ(set.record.truncated, 1);
  EXPECT_NEAR(static_cast<double>(set.heldout.size()), 40, 20);
  EXPECT_EQ(set.record.documents, static_cast<int64_t>(set.train.size()));
  EXPECT_EQ(describe_dropped(set.record), "1 cut to the context");
  // Equal prompts are on the same side.
  const auto prompt_of = [](const Example& e) {
    return std::vector<Token>(e.tokens.begin(), std::ranges::find(e.tokens, e.tokens[0] + 1));
  };
  for (const Example& h : set.heldout)
    for (const Example& t : set.train) ASSERT_NE(prompt_of(h), prompt_of(t));
}

}  // namespace
}  // namespace lineage
