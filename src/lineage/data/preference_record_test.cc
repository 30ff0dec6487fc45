#include "lineage/data/preference_record.h"

#include <fmt/format.h>
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

PreferenceContent read(std::string_view record) {
  return read_preference(parse_json_record(record, "p"), "p");
}

// "u: text" of each turn of the prompt, then "rank: text" of each answer; "!reason" if dropped.
Texts ranked(std::string_view record) {
  const PreferenceContent content = read(record);
  if (!content.dropped.empty()) return {"!" + std::string(content.dropped)};
  Texts out;
  const RankedAnswers& r = content.comparisons.at(0);
  for (const Turn& t : r.prompt)
    out.push_back(std::string(enum_name(t.role).substr(0, 1)) + ": " + t.text);
  for (size_t i = 0; i < r.answers.size(); ++i)
    out.push_back(fmt::format("{}: {}", r.ranks.at(i), r.answers[i]));
  return out;
}

std::string failure(std::string_view record) {
  return testing::error_of([&] { read(record); });
}

TEST(PreferenceRecord, ChosenAndRejected) {
  const Texts once = {"u: hi", "1: ho", "2: no"};
  for (
      const char* record : {
          R"({"prompt": "hi", "chosen": "ho", "rejected": "no"})",
          R"({"question": "hi", "rejected": "no", "chosen": "ho"})",
          R"({"instruction": "hi", "input": "", "output": "ho", "chosen": "ho", "rejected": "no"})",
          R"({"prompt": "hi", "chosen": "ho", "rejected": "no", "score_chosen": 8.5, "score_rejected": 8.5})",
          R"({"prompt": "hi", "chosen": [{"role": "assistant", "content": "ho"}],
              "rejected": [{"role": "assistant", "content": "no"}]})",
          R"({"prompt": [{"role": "user", "content": "hi"}], "chosen": [{"role": "assistant", "content": "ho"}],
              "rejected": [{"role": "assistant", "content": "no"}]})",
          R"({"chosen": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "ho"}],
              "rejected": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "no"}]})",
          R"({"prompt": "hi", "chosen": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "ho"}],
              "rejected": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "no"}]})",
          R"({"conversations": [{"from": "human", "value": "hi"}], "chosen": {"from": "gpt", "value": "ho"},
              "rejected": {"from": "gpt", "value": "no"}})",
      }) {
    EXPECT_EQ(ranked(record), once) << record;
    EXPECT_THAT(read(record).notes, ElementsAre()) << record;
  }
  EXPECT_EQ(ranked(R"({"instruction": "say", "input": "hi", "system": "be nice", "chosen": "ho",
                       "rejected": "no"})"),
            (Texts{"s: be nice", "u: say\n\nhi", "1: ho", "2: no"}));
  EXPECT_EQ(
      ranked(
          R"({"prompt": "hi", "chosen": [{"role": "system", "content": "s"}, {"role": "user", "content": "hi"},
                                            {"role": "assistant", "content": "ho"}],
                 "rejected": [{"role": "system", "content": "s"}, {"role": "user", "content": "hi"},
                              {"role": "assistant", "content": "no"}]})"),
      (Texts{"s: s", "u: hi", "1: ho", "2: no"}));
}

TEST(PreferenceRecord, TranscriptsShareTheTextBeforeTheLastAnswer) {
  EXPECT_EQ(ranked(R"({"chosen": "\n\nHuman: a\n\nAssistant: b\n\nHuman: c\n\nd\n\nAssistant: ho",
                       "rejected": "\n\nHuman: a\n\nAssistant: b\n\nHuman: c\n\nd\n\nAssistant: no"})"),
            (Texts{"u: a", "a: b", "u: c\n\nd", "1: ho", "2: no"}));
  EXPECT_EQ(
      ranked(
          R"({"prompt": "\n\nHuman: a\n\nAssistant: b\n\nHuman: hi\n\nAssistant:", "chosen": " ho",
                       "rejected": " no"})"),
      (Texts{"u: a", "a: b", "u: hi", "1:  ho", "2:  no"}));
  constexpr const char* kThanked =
      R"({"chosen": "\n\nHuman: hi\n\nAssistant: ho\n\nHuman: thanks",
          "rejected": "\n\nHuman: hi\n\nAssistant: no"})";
  EXPECT_EQ(ranked(kThanked), (Texts{"u: hi", "1: ho", "2: no"}));
  EXPECT_THAT(read(kThanked).notes, ElementsAre("turns behind the last answer left off"));
}

TEST(PreferenceRecord, ListsOfAnswersWithRanksOrScores) {
  const Texts three = {"u: hi", "2: a", "1: b", "2: c"};
  for (
      const char* record : {
          R"({"prompt": "hi", "responses": ["a", "b", "c"], "ranks": [2, 1, 2]})",
          R"({"prompt": "hi", "answers": ["a", "b", "c"], "ranking": [3, 1, 3]})",
          R"({"prompt": "hi", "completions": ["a", "b", "c"], "rank": [2.5, 1, 2.5]})",
          R"({"prompt": "hi", "outputs": ["a", "b", "c"], "scores": [-1, 0.5, -1]})",
          R"({"prompt": "hi", "candidates": ["a", "b", "c"], "ratings": [3, 4, 3]})",
          R"({"prompt": "hi", "responses": ["a", "b", "c"], "ranks": [2, 1, 2], "scores": [1, 2, 1]})",
          R"({"question": "hi", "responses": [{"text": "a", "rating": 1}, {"text": "b", "rating": 2},
                                               {"text": "c", "rating": 1}]})",
          R"({"instruction": "hi", "completions": [{"response": "a", "overall_score": 7, "critique": "x"},
                {"response": "b", "overall_score": 8.5}, {"response": "c", "overall_score": 7}]})",
          R"({"prompt": "\n\nHuman: hi\n\nAssistant: ", "answers": [{"answer": "a", "rank": 2},
                {"answer": "b", "rank": 1}, {"answer": "c", "rank": 2}]})",
      })
    EXPECT_EQ(ranked(record), three) << record;
}

TEST(PreferenceRecord, PairsWithALabel) {
  const auto pair = [](const std::string& more, const std::string& stem = "response",
                       const std::string& ends = "12") {
    return ranked("{\"instruction\": \"hi\", \"" + stem + ends[0] + "\": \"a\", \"" + stem +
                  ends[1] + "\": \"b\", " + more + "}");
  };
  const Texts first = {"u: hi", "1: a", "2: b"}, second = {"u: hi", "2: a", "1: b"}, tie = {"!tie"};
  EXPECT_EQ(pair(R"("label": 1)"), first);
  EXPECT_EQ(pair(R"("label": 2)"), second);
  EXPECT_EQ(pair(R"("label": 0)"), tie);
  EXPECT_EQ(pair(R"("label": 0)", "answer_", "01"), first) << "a label is the answer's number";
  EXPECT_EQ(pair(R"("label": 1)", "answer_", "01"), second);
  EXPECT_EQ(pair(R"("preference": 2.0)", "output_"), second);
  EXPECT_EQ(pair(R"("winner": "model_b")", "response_", "ab"), second);
  EXPECT_EQ(pair(R"j("winner": "tie (bothbad)")j", "response_", "ab"), tie);
  EXPECT_EQ(pair(R"("annotator1": 2, "annotator2": 1, "annotator3": 2)"), second);
  EXPECT_EQ(pair(R"("annotator1": 2, "annotator2": 0, "annotator3": 0)"), tie);
  EXPECT_EQ(pair(R"("annotator1": 2, "annotator2": 1, "annotator3": 0)"), tie) << "no majority";
  EXPECT_EQ(pair(R"("preference_strength": -2)", "response_"), first);
  EXPECT_EQ(pair(R"("overall_preference": 3)"), second);
  EXPECT_EQ(pair(R"("overall_preference": 0)"), tie);
  EXPECT_EQ(pair(R"("score_0": -0.5, "score_1": 0.5)", "answer_", "01"), second);
  EXPECT_EQ(pair(R"("scores": [7, 3])"), first);
  EXPECT_THAT(read(R"({"prompt": "q", "response1": "a", "response2": "b", "label": 0})").notes,
              ElementsAre("label 0 read as a tie"));
}

TEST(PreferenceRecord, OtherPublicSets) {
  EXPECT_EQ(ranked(R"({"history": "hi", "human_ref_A": "a", "human_ref_B": "b", "labels": 0,
                       "score_A": 3, "score_B": 9})"),
            (Texts{"u: hi", "2: a", "1: b"}));  // SHP
  EXPECT_EQ(
      ranked(
          R"({"context": [{"role": "user", "content": "x"}, {"role": "assistant", "content": "y"},
                                   {"role": "user", "content": "hi"}],
                       "response1": "a", "response2": "b", "overall_preference": -1})"),
      (Texts{"u: x", "a: y", "u: hi", "1: a", "2: b"}));  // HelpSteer3
  EXPECT_EQ(
      ranked(
          R"({"conversation_a": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "a"}],
                       "conversation_b": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "b"}],
                       "winner": "model_b"})"),
      (Texts{"u: hi", "2: a", "1: b"}));  // LMSYS's arena
  EXPECT_EQ(
      ranked(R"({"question": "hi", "prediction 1": "a", "prediction 2": "b", "prediction 3": "c",
                       "preference": [2, 0, 1]})"),
      (Texts{"u: hi", "2: a", "1: b", "2: c"}));  // qa-feedback
  EXPECT_EQ(
      ranked(
          R"({"question": "hi", "ground_truth": "18", "6b": {"is_correct": false, "solution": "a"},
                       "175b": {"is_correct": true, "solution": "b"}})"),
      (Texts{"u: hi", "1: b", "2: a"}));  // GSM8K's solutions
}

TEST(PreferenceRecord, TreesGiveAComparisonForEachRankedTurn) {
  constexpr const char* kTree =
      R"({"message_tree_id": "1", "prompt": {"role": "prompter", "text": "hi", "replies": [
        {"role": "assistant", "text": "no", "rank": 1},
        {"role": "assistant", "text": "gone", "rank": 2, "deleted": true},
        {"role": "assistant", "text": "new", "rank": null},
        {"role": "assistant", "text": "ho", "rank": 0, "replies": [
          {"role": "prompter", "text": "and?", "replies": [
            {"role": "assistant", "text": "a", "rank": 0}, {"role": "assistant", "text": "b", "rank": 1}]},
          {"role": "prompter", "text": "or?", "replies": [{"role": "assistant", "text": "c", "rank": 0}]}]}]}})";
  const PreferenceContent content = read(kTree);
  ASSERT_EQ(content.comparisons.size(), 2u);
  EXPECT_EQ(ranked(kTree), (Texts{"u: hi", "2: no", "1: ho"}));
  const RankedAnswers& deep = content.comparisons[1];
  ASSERT_EQ(deep.prompt.size(), 3u);
  EXPECT_EQ(deep.prompt[2].text, "and?");
  EXPECT_THAT(deep.answers, ElementsAre("a", "b"));
  EXPECT_THAT(deep.ranks, ElementsAre(1, 2));
  EXPECT_EQ(deep.record, content.comparisons[0].record) << "a tree is held out whole";
  EXPECT_EQ(ranked(R"({"prompt": {"role": "prompter", "text": "hi", "replies": [
      {"role": "assistant", "text": "a", "rank": null}, {"role": "assistant", "text": "b"}]}})"),
            (Texts{"!tie"}));
  std::string deepest = R"({"role": "user", "text": "x"})";
  for (int i = 0; i < 1000; ++i)
    deepest = R"({"role": "user", "text": "x", "replies": [)" + deepest + "]}";
  EXPECT_EQ(failure("{\"prompt\": " + deepest + "}"),
            "p: has more than 1000 turns one below the other; wanted a conversation");
}

TEST(PreferenceRecord, EqualAnswersAreATieOrOne) {
  for (const char* record :
       {R"({"prompt": "hi", "chosen": "ho", "rejected": "ho\n"})",
        R"({"prompt": "hi", "response1": "a", "response2": "a", "label": 2})",
        R"({"prompt": "hi", "responses": ["a", "b"], "scores": [1, 1]})",
        R"({"prompt": "hi", "responses": ["a", "a", "a"], "scores": [1, 1, 1]})"})
    EXPECT_EQ(ranked(record), (Texts{"!tie"})) << record;
  constexpr const char* kTwice =
      R"({"prompt": "hi", "responses": ["a", "b", "a"], "ranks": [1, 2, 1]})";
  EXPECT_EQ(ranked(kTwice), (Texts{"u: hi", "1: a", "2: b"}));
  EXPECT_THAT(read(kTwice).notes, ElementsAre("answers that stand twice"));
  EXPECT_EQ(failure(R"({"prompt": "hi", "responses": ["a", "b", "a"], "ranks": [1, 2, 3]})"),
            "p: answers 1 and 3 are the same text with two ranks; wanted one");
}

TEST(PreferenceRecord, ComparisonsOfOnePromptHaveOneHash) {
  const auto hash = [](const std::string& prompt, const std::string& rejected) {
    return read(fmt::format(R"({{"prompt": "{}", "chosen": "a", "rejected": "{}"}})", prompt,
                            rejected))
        .comparisons.at(0)
        .record;
  };
  EXPECT_EQ(hash("hi", "b"), hash("hi", "c"));
  EXPECT_NE(hash("hi", "b"), hash("ho", "b"));
}

TEST(PreferenceRecord, SidesThatDoNotShareAPromptAreRefused) {
  EXPECT_EQ(failure(R"({"chosen": "\n\nHuman: a\n\nAssistant: b\n\nHuman: c\n\nAssistant: d",
                        "rejected": "\n\nHuman: a\n\nAssistant: x"})"),
            "p: chosen and rejected share no prompt: they differ in turn 1; wanted one prompt, and "
            "two answers at its end");
  EXPECT_THAT(
      failure(R"({"chosen": "ho", "rejected": "no"})"),
      HasSubstr("p: chosen is no conversation; wanted \"Human:\" and \"Assistant:\", or a"));
  EXPECT_THAT(failure(R"({"chosen": [{"role": "assistant", "content": "ho"}],
                          "rejected": [{"role": "assistant", "content": "no"}]})"),
              HasSubstr("p: has no prompt (its keys: chosen, rejected); wanted prompt, question"));
  EXPECT_THAT(failure(R"({"chosen": [{"role": "user", "content": "hi"}],
                          "rejected": [{"role": "user", "content": "hi"}]})"),
              HasSubstr("p: chosen has no turn of the assistant; wanted an answer at its end"));
  EXPECT_EQ(failure(R"({"chosen": "\n\nHuman: a\n\nAssistant: b\n\nAssistant: c",
                        "rejected": "\n\nHuman: a\n\nAssistant: b\n\nAssistant: d"})"),
            "p: the prompt ends with a turn of the assistant; wanted a user's");
  EXPECT_EQ(
      failure(
          R"({"prompt": "hi", "chosen": "ho", "rejected": [{"role": "assistant", "content": "no"}]})"),
      "p: chosen is a text and rejected is a list of messages; wanted two of a kind");
}

TEST(PreferenceRecord, OneAnswerIsNoComparison) {
  EXPECT_EQ(failure(R"({"prompt": "hi", "chosen": "ho"})"),
            "p: has chosen and no rejected; wanted both to compare");
  EXPECT_EQ(failure(R"({"prompt": "hi", "rejected": "ho"})"),
            "p: has rejected and no chosen; wanted both to compare");
  EXPECT_EQ(failure(R"({"prompt": "hi", "completion": "ho", "label": true})"),
            "p: has one answer, completion; wanted two or more to compare");
  EXPECT_EQ(failure(R"({"prompt": "hi", "responses": ["a"], "ranks": [1]})"),
            "p: has 1 answer; wanted two or more to compare");
  EXPECT_EQ(failure(R"({"prompt": "hi", "response1": "a", "label": 1})"),
            "p: has 1 answer; wanted two or more to compare");
}

TEST(PreferenceRecord, TooManyAnswersAreRefused) {
  std::string answers = "\"0\"", scores = "0";
  for (int i = 1; i <= 1000; ++i)
    answers += fmt::format(", \"{}\"", i), scores += fmt::format(", {}", i);
  EXPECT_EQ(
      failure(R"({"prompt": "hi", "responses": [)" + answers + R"(], "scores": [)" + scores + "]}"),
      "p: has 1001 answers; wanted at most 1000");
}

TEST(PreferenceRecord, BlankAnswersAreRefused) {
  for (const char* blank : {"\"\"", "\" \\n\"", "null"}) {
    EXPECT_EQ(failure(R"({"prompt": "hi", "chosen": "a", "rejected": )" + std::string(blank) + "}"),
              "p: rejected is a blank answer; wanted some text in each");
    EXPECT_EQ(failure(R"({"prompt": "hi", "response1": )" + std::string(blank) +
                      R"(, "response2": "b", "label": 1})"),
              "p: answer 1 of 2 is blank; wanted some text in each");
  }
  EXPECT_EQ(failure(R"({"prompt": "hi", "chosen": [{"role": "assistant", "content": ""}],
                        "rejected": [{"role": "assistant", "content": "no"}]})"),
            "p: answer 1 of 2 is blank; wanted some text in each");
}

TEST(PreferenceRecord, JudgementsMustFitTheAnswersAndEachOther) {
  const auto list = [](const std::string& more) {
    return failure(R"({"prompt": "hi", "responses": ["a", "b", "c"])" + more + "}");
  };
  EXPECT_EQ(list(R"(, "ranks": [1, 2])"),
            "p: has 3 answers and a list of 2 ranks; wanted one for each");
  EXPECT_EQ(list(R"(, "scores": [1, 2, 3, 4])"),
            "p: has 3 answers and a list of 4 scores; wanted one for each");
  EXPECT_EQ(list(""),
            "p: has 3 answers and nothing on which is better (its keys: prompt, "
            "responses); wanted ranks, scores or a label");
  EXPECT_EQ(list(R"(, "ranks": [1, 2, 3], "scores": [3, 1, 2])"),
            "p: answers 2 and 3 are ranked 2 and 3, and their scores are 1 and 2; wanted ranks and "
            "scores that agree");
  EXPECT_EQ(list(R"(, "ranks": [0, 1, 2])"),
            "p: ranks[0] is 0; wanted 1 for the best, 2 for the next, …");
  EXPECT_EQ(list(R"(, "scores": [1, NaN, 3])"), "p: scores[1] is null or NaN; wanted a number");
  EXPECT_EQ(list(R"(, "scores": [1, "4", 3])"), "p: scores[1] is string; wanted a number");
  EXPECT_EQ(list(R"(, "ranks": [1, "2", 3])"), "p: ranks[1] is string; wanted a number");
  EXPECT_EQ(failure(R"({"prompt": "hi", "chosen": "a", "rejected": "b", "score_chosen": 1,
                        "score_rejected": 2})"),
            "p: answers 1 and 2 are ranked 1 and 2, and their scores are 1 and 2; wanted ranks and "
            "scores that agree");
  const std::string pair = R"({"prompt": "hi", "response1": "a", "response2": "b")";
  EXPECT_EQ(failure(pair + R"(, "label": 3})"), "p: label is 3; wanted 1, 2 or tie (0)");
  EXPECT_EQ(failure(R"({"history": "hi", "human_ref_A": "a", "human_ref_B": "b", "labels": 2})"),
            "p: labels is 2; wanted 1 where A is better, or 0");
  EXPECT_EQ(failure(pair + R"(, "annotator1": 1, "annotator2": "x"})"),
            "p: annotator2 is \"x\"; wanted 1, 2 or tie (0)");
  EXPECT_EQ(failure(pair + R"(, "overall_preference": "x"})"),
            "p: overall_preference is string; wanted a number");
  const std::string three =
      R"({"prompt": "hi", "answer 1": "a", "answer 2": "b", "answer 3": "c", "preference": )";
  EXPECT_EQ(failure(three + "[1, 2]}"),
            "p: preference has 2 judgements of 3 answers; wanted 3, one a pair");
  EXPECT_EQ(failure(three + "[1, 2, 4]}"),
            "p: preference of 2 and 3 is 4; wanted 1, 2 or 0 for a tie");
  EXPECT_EQ(failure(three + "[1, 2, 1]}"),
            "p: preference of 1 and 2 is 1, which beside the others fits no order of the answers; "
            "wanted those of one order");
}

TEST(PreferenceRecord, WhatIsNoComparisonIsNamed) {
  EXPECT_EQ(failure("3"), "p: is number; wanted an object");
  EXPECT_THAT(
      failure(R"({"text": "x", "id": 3})"),
      HasSubstr("p: is no comparison (its keys: id, text); wanted chosen + rejected, resp"));
  EXPECT_EQ(testing::hint_of([] { read(R"({"version": 1, "data": [{"a": 1}]})"); }),
            "take the records out: jq -c '.data[]' FILE > out.jsonl");
  EXPECT_EQ(failure(R"({"prompt": "hi", "responses": [{"txet": "a"}, {"text": "b"}]})"),
            "p: responses[0] has no text; wanted text, response or answer in it");
  EXPECT_EQ(failure(R"({"prompt": "hi", "chosen": ["a", "b"], "rejected": ["c", "d"]})"),
            "p: chosen is a list of texts; wanted one text");
  EXPECT_EQ(
      failure(R"({"prompt": "hi", "context": [{"role": "user", "content": "x"}], "response1": "a",
                        "response2": "b", "label": 1})"),
      "p: context has a part of type object; wanted text");
  EXPECT_EQ(failure(R"({"prompt": "hi", "response1": true, "response2": "b", "label": 1})"),
            "p: response1 is boolean; wanted a string");
  EXPECT_EQ(
      ranked(
          R"({"chosen": [{"role": "tool", "content": "5"}], "rejected": [{"role": "tool", "content": "5"}]})"),
      (Texts{"!tool turns"}));
  EXPECT_THAT(read(R"({"prompt": "hi", "chosen": "a", "rejected": "b", "reasoning": "why"})").notes,
              ElementsAre("reasoning not used"));
}

}  // namespace
}  // namespace lineage
