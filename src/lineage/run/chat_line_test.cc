#include "lineage/run/chat_line.h"

#include <gtest/gtest.h>

#include <vector>

#include "lineage/base/error.h"
#include "lineage/run/chat_columns.h"

namespace lineage {
namespace {

void expect_refused(const std::string& line, const std::string& message) {
  try {
    read_chat_line(line);
    FAIL() << line;
  } catch (const Error& e) {
    EXPECT_EQ(e.what(), message);
  }
}

TEST(ChatLine, ASlashBeginsACommandAndTwoAText) {
  EXPECT_EQ(read_chat_line("where is ann ?").text, "where is ann ?");
  EXPECT_EQ(read_chat_line("//help me").verb, ChatVerb::say);
  EXPECT_EQ(read_chat_line("//help me").text, "/help me");
  EXPECT_EQ(read_chat_line(" /help").verb, ChatVerb::say);
  EXPECT_EQ(read_chat_line("/undo ").verb, ChatVerb::undo);
  const ChatLine save = read_chat_line("/save  a file.jsonl ");
  EXPECT_EQ(save.verb, ChatVerb::save);
  EXPECT_EQ(save.text, "a file.jsonl");
  EXPECT_EQ(read_chat_line("/system").text, "");
}

TEST(ChatLine, AnUnknownCommandNamesTheNearest) {
  expect_refused("/retri", "/retri: is no command; did you mean /retry?");
  expect_refused("/exit now", "/exit: is no command; did you mean /quit?");
  expect_refused("/etc/passwd", "/etc/passwd: is no command; wanted one of those that /help lists");
  expect_refused("/", "/: is no command; wanted one of those that /help lists");
  expect_refused("/save", "/save: no FILE follows; wanted one");
  expect_refused("/undo 2", "/undo: \"2\" follows; wanted nothing");
}

TEST(ChatLine, EveryCommandOfTheListIsRead) {
  const std::string list = chat_commands();
  for (const char* command : {"/retry", "/undo", "/clear", "/system x", "/temperature 0", "/seed 1",
                              "/save f", "/help", "/quit"}) {
    EXPECT_NE(read_chat_line(command).verb, ChatVerb::say);
    const std::string line = command;
    EXPECT_NE(list.find("  " + line.substr(0, line.find(' ')) + " "), std::string::npos) << line;
  }
}

TEST(ChatColumns, AreAsWideAsTheScreenAllows) {
  EXPECT_EQ(column_width(2, 100), 49u);
  EXPECT_EQ(column_width(2, 50), 24u);
  EXPECT_EQ(column_width(2, 49), 0u);
  EXPECT_EQ(column_width(4, 80), 0u);
}

TEST(ChatColumns, TextsAreWrappedSideBySide) {
  using Rows = std::vector<std::vector<std::string>>;
  const std::vector<std::string> texts = {"a bb ccc\nd", "", "äöüß eeeeeee"};
  EXPECT_EQ(column_rows(texts, 4),
            (Rows{{"a bb", "    ", "äöüß"}, {"ccc ", "    ", "eeee"}, {"d   ", "    ", "eee "}}));
  EXPECT_EQ(column_rows(std::vector<std::string>{"", ""}, 4), Rows{});
}

}  // namespace
}  // namespace lineage
