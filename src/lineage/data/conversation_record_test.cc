#include "lineage/data/conversation_record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lineage/base/config.h"
#include "lineage/data/json_records.h"
#include "lineage/data/testing.h"

namespace lineage {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::Texts;

RecordContent read(std::string_view record, bool wants_answer = true) {
  return read_record(parse_json_record(record, "p"), "p", wants_answer);
}

// "role: text" of each turn of the only conversation; "(…)" around a turn without loss that could
// have some.
Texts turns_in(std::string_view record) {
  const RecordContent content = read(record);
  EXPECT_EQ(content.conversations.size(), 1u) << record;
  Texts out;
  for (const Turn& t : content.conversations.at(0).turns) {
    const std::string_view role = enum_name(t.role);
    const std::string text = std::string(role.substr(0, 1)) + ": " + t.text;
    out.push_back(t.learned ? text : "(" + text + ")");
  }
  return out;
}

std::string failure(std::string_view record) {
  return testing::error_of([&] { read(record); });
}

TEST(ConversationRecord, Messages) {
  const Texts once = {"u: hi", "a: ho"};
  for (
      const char* record : {
          R"({"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "ho"}]})",
          R"({"conversations": [{"from": "human", "value": "hi"}, {"from": "gpt", "value": "ho"}]})",
          R"({"conversation": [{"human": "hi", "assistant": "ho"}]})",
          R"({"conversations": ["hi", "ho"], "source": "x"})",
          R"({"messages": [{"role": "User", "content": [{"type": "text", "text": "h"}, {"type": "text", "text": "i"}]},
                            {"role": "Assistant", "content": "ho"}]})",
      })
    EXPECT_EQ(turns_in(record), once) << record;
  EXPECT_EQ(turns_in(R"({"system": "be nice", "conversations": [{"from": "human", "value": "hi"},
                                                                {"from": "gpt", "value": "ho"}]})"),
            (Texts{"s: be nice", "u: hi", "a: ho"}));
}

TEST(ConversationRecord, RequestsAndAnswers) {
  const Texts once = {"u: hi", "a: ho"};
  for (
      const char* record : {
          R"({"instruction": "hi", "input": "", "output": "ho"})",
          R"({"instruction": "hi", "input": null, "output": "ho"})",
          R"({"instruction": "hi", "context": "", "response": "ho"})",
          R"({"prompt": "hi", "completion": "ho"})",
          R"({"question": "hi", "answer": "ho"})",
          R"({"query": "hi", "response": "ho"})",
          R"({"input": "hi", "output": "ho"})",
          R"({"prompt": [{"role": "user", "content": "hi"}], "completion": [{"role": "assistant", "content": "ho"}]})",
          R"({"prompt": "hi", "messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "ho"}]})",
      }) {
    EXPECT_EQ(turns_in(record), once) << record;
    EXPECT_THAT(read(record).notes, ElementsAre()) << record;
  }
  EXPECT_EQ(turns_in(R"({"instruction": "say", "input": "hi", "output": "ho"})"),
            (Texts{"u: say\n\nhi", "a: ho"}));
  EXPECT_EQ(
      turns_in(R"({"instruction": "Answer.", "question": "2+2?", "context": "c", "output": "4"})"),
      (Texts{"u: Answer.\n\n2+2?\n\nc", "a: 4"}));
  EXPECT_EQ(
      turns_in(R"({"instruction": "hi", "output": "ho", "system": "be nice",
                         "history": [["earlier", "answered"], ["then", "too"]]})"),
      (Texts{"s: be nice", "u: earlier", "a: answered", "u: then", "a: too", "u: hi", "a: ho"}));
  EXPECT_EQ(turns_in(R"({"system_prompt": "s", "question": "hi", "response": "ho"})"),
            (Texts{"s: s", "u: hi", "a: ho"}));
  EXPECT_EQ(turns_in(R"({"prompt": "", "completion": "ho"})"), (Texts{"u: ", "a: ho"}));
}

TEST(ConversationRecord, SelfInstructHasOneConversationAnInstance) {
  const RecordContent many = read(R"({"instruction": "hi", "instances": [
      {"input": "", "output": "ho"}, {"input": "x", "output": "y"}]})");
  ASSERT_EQ(many.conversations.size(), 2u);
  EXPECT_EQ(many.conversations[0].turns[0].text, "hi");
  EXPECT_EQ(many.conversations[1].turns[0].text, "hi\n\nx");
  EXPECT_EQ(many.conversations[0].record, many.conversations[1].record)
      << "a record is held out whole";
}

TEST(ConversationRecord, PreferencesGiveTheChosenAnswer) {
  const Texts once = {"u: hi", "a: ho"};
  for (
      const char* record : {
          R"({"chosen": "\n\nHuman: hi\n\nAssistant: ho", "rejected": "\n\nHuman: hi\n\nAssistant: no"})",
          R"({"prompt": "hi", "chosen": "ho", "rejected": "no"})",
          R"({"prompt": "hi", "chosen": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "ho"}],
               "rejected": [{"role": "assistant", "content": "no"}]})",
          R"({"instruction": "hi", "output": "ho", "rejected": "no"})",
      }) {
    EXPECT_EQ(turns_in(record), once) << record;
    EXPECT_THAT(read(record).notes, ElementsAre("rejected not used")) << record;
  }
  EXPECT_EQ(
      turns_in(R"({"chosen": "\n\nHuman: a\n\nb\n\nAssistant: c\n\nHuman: d\n\nAssistant: e"})"),
      (Texts{"u: a\n\nb", "a: c", "u: d", "a: e"}));
  EXPECT_EQ(turns_in(R"({"prompt": "hi", "chosen": [{"role": "system", "content": "s"},
      {"role": "user", "content": "hi"}, {"role": "assistant", "content": "ho"}]})"),
            (Texts{"s: s", "u: hi", "a: ho"}))
      << "the prompt stands once";
  EXPECT_THAT(failure(R"({"chosen": "ho"})"),
              HasSubstr("p: chosen is no conversation; wanted \"Human"));
}

TEST(ConversationRecord, TreesAreReadAlongTheBestReplies) {
  constexpr const char* kTree =
      R"({"message_tree_id": "1", "prompt": {"role": "prompter", "text": "hi",
      "replies": [{"role": "assistant", "text": "no", "rank": 1, "replies": []},
                  {"role": "assistant", "text": "ho", "rank": 0, "replies": [
                     {"role": "prompter", "text": "and?", "replies": []}]}]}})";
  EXPECT_EQ(turns_in(kTree), (Texts{"u: hi", "a: ho"}));
  EXPECT_THAT(read(kTree).notes, ElementsAre("other replies of a tree not used",
                                             "turns behind the last answer left off"));
  EXPECT_EQ(turns_in(R"({"prompt": {"role": "prompter", "text": "hi", "replies": [
      {"role": "assistant", "text": "gone", "rank": 0, "deleted": true},
      {"role": "assistant", "text": "ho", "rank": 1, "deleted": "no"}]}})"),
            (Texts{"u: hi", "a: ho"}));
  EXPECT_THAT(
      failure(R"({"message_id": "1", "parent_id": null, "role": "prompter", "text": "hi"})"),
      HasSubstr("is one message of an OpenAssistant export"));
}

TEST(ConversationRecord, TurnsOfWeightZeroAreNotLearned) {
  constexpr const char* kRecord = R"({"messages": [
      {"role": "user", "content": "a"}, {"role": "assistant", "content": "b", "weight": 0},
      {"role": "user", "content": "c"}, {"role": "assistant", "content": "d", "weight": 1}]})";
  EXPECT_EQ(turns_in(kRecord), (Texts{"u: a", "(a: b)", "u: c", "a: d"}));
  const auto weight = [](const std::string& w) {
    return failure(R"({"messages": [{"role": "user", "content": "a"},
                       {"role": "assistant", "content": "b", "weight": )" +
                   w + "}]}");
  };
  EXPECT_EQ(weight("0.5"), "p: turn 1's weight is 0.5; wanted 0 or 1");
  EXPECT_EQ(weight("0"), "p: every answer has weight 0; wanted one to learn");
}

TEST(ConversationRecord, BlankAnswersAreRefusedWhereverTheyAre) {
  const auto message = [](const std::string& first, const std::string& second) {
    return failure(
        R"({"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": )" +
        first + R"(}, {"role": "user", "content": "b"}, {"role": "assistant", "content": )" +
        second + "}]}");
  };
  for (const char* blank : {"\"\"", "\"  \\n\"", "null"}) {
    EXPECT_THAT(message(blank, "\"x\""),
                HasSubstr("p: turn 1 is a blank answer; wanted some text"));
    EXPECT_THAT(message("\"x\"", blank),
                HasSubstr("p: turn 3 is a blank answer; wanted some text"));
  }
  for (const char* record :
       {R"({"instruction": "hi"})", R"({"prompt": "hi", "completion": ""})",
        R"({"instruction": "hi", "output": " \n"})", R"({"question": "hi", "answer": null})",
        R"({"messages": [{"role": "user", "content": "hi"}]})"})
    EXPECT_THAT(failure(record), HasSubstr("p: has no answer (its keys: ")) << record;
  EXPECT_EQ(read(R"({"prompt": "hi"})", false).conversations[0].turns.size(), 1u);
}

TEST(ConversationRecord, WhatFollowsTheLastAnswerIsLeftOffAndCounted) {
  constexpr const char* kRecord = R"({"messages": [{"role": "user", "content": "hi"},
      {"role": "assistant", "content": "ho"}, {"role": "user", "content": "thanks"}]})";
  EXPECT_EQ(turns_in(kRecord), (Texts{"u: hi", "a: ho"}));
  EXPECT_THAT(read(kRecord).notes, ElementsAre("turns behind the last answer left off"));
}

TEST(ConversationRecord, RecordsWithToolsAreDroppedWhole) {
  for (const char* turn :
       {R"({"role": "assistant", "content": null, "tool_calls": [{"id": "1"}]})",
        R"({"role": "tool", "content": "5"})", R"({"from": "observation", "value": "5"})",
        R"({"role": "assistant", "content": "x", "function_call": {"name": "f"}})"}) {
    const RecordContent content =
        read(R"({"messages": [{"role": "user", "content": "w"}, )" + std::string(turn) +
             R"(, {"role": "assistant", "content": "five"}]})");
    EXPECT_EQ(content.dropped, "tool turns") << turn;
    EXPECT_EQ(content.conversations.size(), 0u);
  }
  EXPECT_EQ(turns_in(R"({"messages": [{"role": "user", "content": "hi"},
                         {"role": "assistant", "content": "ho", "tool_calls": []}]})")
                .size(),
            2u);
}

TEST(ConversationRecord, RejectedCompletionsAreDropped) {
  const auto labelled = [](const std::string& label) {
    return read(R"({"prompt": "hi", "completion": "ho", "label": )" + label + "}");
  };
  EXPECT_EQ(labelled("false").dropped, "rejected answers");
  EXPECT_TRUE(labelled("false").conversations.empty());
  EXPECT_EQ(labelled("true").conversations.size(), 1u);
  EXPECT_EQ(labelled("0").conversations.size(), 1u);  // a class, not a verdict
}

TEST(ConversationRecord, KeysWithTextThatIsNotUsedAreCounted) {
  const auto notes = [](const std::string& more) {
    return read(R"({"instruction": "hi", "output": "ho", "id": 3, "lang": "en", )" + more + "}")
        .notes;
  };
  EXPECT_THAT(notes(R"("reasoning": "why", "tools": [{"name": "f"}])"),
              ElementsAre("tools not used", "reasoning not used"));
  EXPECT_THAT(notes(R"("text": "Request: hi Answer: ho", "rejected": "", "prompt": "hi")"),
              ElementsAre());
  EXPECT_THAT(notes(R"("text": "another")"), ElementsAre("text not used"));
  EXPECT_THAT(read(R"({"messages": [{"role": "user", "content": "hi"},
                      {"role": "assistant", "content": "ho", "thinking": "hm"}]})")
                  .notes,
              ElementsAre("thinking of turns not used"));
}

TEST(ConversationRecord, WhatCannotBeReadIsNamed) {
  EXPECT_EQ(failure("3"), "p: is number; wanted an object");
  EXPECT_THAT(failure(R"({"txet": "x", "id": 3})"),
              HasSubstr("p: is no conversation (its keys: id, txet); wanted messages, instr"));
  EXPECT_EQ(testing::hint_of([] { read(R"({"version": 1, "data": [{"a": 1}]})"); }),
            "take the records out: jq -c '.data[]' FILE > out.jsonl");
  EXPECT_THAT(failure(R"({"messages": []})"), HasSubstr("p: is no conversation"));
  EXPECT_THAT(failure(R"({"messages": "hi"})"), HasSubstr("messages is string; wanted an array"));
  EXPECT_THAT(failure(R"({"messages": [{"role": "user"}]})"), HasSubstr("turn 0 has no role and"));
  EXPECT_THAT(failure(R"({"messages": [{"role": "narrator", "content": "x"}]})"),
              HasSubstr("turn 0's role is \"narrator\"; wanted system, user or assistant"));
  EXPECT_THAT(failure(R"({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]})"),
              HasSubstr("p: turn 0 has a part of type image_url; wanted text"));
  EXPECT_THAT(failure(R"({"question": "2+2", "answer": 4})"),
              HasSubstr("p: the answer is number; wanted a string"));
  EXPECT_THAT(failure(R"({"prompt": "a", "completion": "b", "response": "c"})"),
              HasSubstr("p: response and completion are two answers; wanted one"));
  EXPECT_THAT(failure(R"({"instruction": "a", "prompt": "b", "output": "c"})"),
              HasSubstr("p: instruction and prompt are two requests; wanted one"));
  EXPECT_THAT(failure(R"({"instruction": "a", "output": "c", "history": [["x"]]})"),
              HasSubstr("history has an entry that is no pair"));
  EXPECT_EQ(read(R"({"prompt": "a", "completion": "b", "rating": 7})").conversations[0].rating, 7);
}

}  // namespace
}  // namespace lineage
