#include "lineage/data/prompts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lineage/data/testing.h"

namespace lineage {
namespace {

using testing::TempFolder;
using testing::text_of;

TEST(FilePrompts, EndWhereTheAssistantAnswers) {
  const TempFolder folder;
  const ConversationsConfig config{
      .paths = {folder.write("a.jsonl", R"({"question": "2+2?", "answer": "4"}
{"prompt": "hi"}
{"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": " "}]}
{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}, {"role": "user", "content": "c"}]}
{"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}
)")},
      .heldout = 0};
  const testing::ByteTokenizer tokenizer;
  SourceRecord record;
  const auto all = file_prompts("asked", config, tokenizer, 100, record);
  ASSERT_EQ(all.size(), 5u);
  EXPECT_EQ(text_of(all[0].prompt), "User: 2+2?\n\nAssistant: ");
  EXPECT_EQ(all[0].reference, "4");
  EXPECT_EQ(text_of(all[1].prompt), "User: hi\n\nAssistant: ");
  EXPECT_EQ(all[1].reference, "");
  EXPECT_EQ(all[2].reference, "") << "a blank answer is none";
  EXPECT_EQ(text_of(all[3].prompt), "User: a\n\nAssistant: b|User: c\n\nAssistant: ");
  EXPECT_EQ(all[3].reference, "") << "the last turn has no answer";
  EXPECT_EQ(text_of(all[4].prompt), "System: s\n\nUser: a\n\nAssistant: ");
  EXPECT_EQ(all[4].reference, "b");
  EXPECT_EQ(record.documents, 5);
  EXPECT_EQ(describe_dropped(record), "");
}

TEST(FilePrompts, LongAndEmptyOnesAreDroppedAndCounted) {
  const TempFolder folder;
  const ConversationsConfig config{
      .paths = {folder.write("a.jsonl",
                             R"({"prompt": "hi", "completion": ")" + std::string(100, 'x') + R"("}
{"prompt": "hiho", "completion": "x"}
{"prompt": "", "completion": "x"}
{"messages": [{"role": "assistant", "content": "x"}]}
)")},
      .heldout = 0};
  const testing::ByteTokenizer tokenizer;
  SourceRecord record;
  const auto all = file_prompts("asked", config, tokenizer, 21, record);
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].prompt.size(), 21u) << "the answer does not count";
  EXPECT_EQ(describe_dropped(record), "3 dropped (2 empty, 1 prompt too long)");
  record = {};
  EXPECT_EQ(testing::error_of([&] { file_prompts("asked", config, tokenizer, 20, record); }),
            "conversations.asked: no prompt is left; wanted at least one within 20 tokens");
}

TEST(FilePrompts, AShareOfTheRecordsIsHeldOut) {
  const TempFolder folder;
  std::string lines;
  for (int i = 0; i < 200; ++i)
    lines += R"({"prompt": "say )" + std::to_string(i) +
             R"(", "completion": "x"})"
             "\n";
  ConversationsConfig config{.paths = {folder.write("a.jsonl", lines)}, .heldout = 0.3};
  SourceRecord record;
  const auto all = file_prompts("asked", config, testing::ByteTokenizer(), 100, record);
  EXPECT_NEAR(static_cast<double>(record.heldout_documents), 60, 20);
  EXPECT_EQ(std::ranges::count(all, true, &FilePrompt::heldout), record.heldout_documents);
  const std::string digest = record.digest;
  config.heldout = 0;
  record = {};
  file_prompts("asked", config, testing::ByteTokenizer(), 100, record);
  EXPECT_NE(record.digest, digest);
}

TEST(FilePrompts, ProblemsOfGsm8kHaveTheirAnswer) {
  LINEAGE_NEEDS_SHARED_DATA();
  SourceRecord record;
  const auto all =
      file_prompts("problems", {.paths = {testing::shared_data() / "benchmarks/gsm8k/test.jsonl"}},
                   testing::ByteTokenizer(), 100'000, record);
  EXPECT_EQ(all.size(), 1319u);
  for (const FilePrompt& p : all) ASSERT_NE(p.reference.find("#### "), std::string::npos);
}

}  // namespace
}  // namespace lineage
