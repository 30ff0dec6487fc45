#include "lineage/run/file_questions.h"

#include <gtest/gtest.h>

#include "lineage/base/error.h"
#include "lineage/run/testing.h"

namespace lineage {
namespace {

using Strings = std::vector<std::string>;
using testing::write_text;

constexpr const char* kLine = R"({"query": "q", "choices": ["a", "b"], "gold": 0})";

class FileQuestionsTest : public ::testing::Test {
 protected:
  FileQuestionsTest() {
    for (const char* name : {"a.jsonl", "bbh/sort.jsonl", "bbh/words.jsonl", "test/arc.jsonl"}) {
      std::string lines;
      for (int i = 0; i < 30; ++i) lines += kLine + std::string("\n");
      write_text(folder / name, lines);
    }
  }
  std::string at(const std::string& name) const { return (folder / name).string(); }
  Strings names(const EvaluationConfig& config) const {
    Strings names;
    for (const Questions& q : file_questions(config, {"A01", "A01.cloze"}, silent()))
      for (const auto& s : q.scenarios) {
        names.push_back(s->spec().name);
        EXPECT_EQ(s->spec().name.find(s->spec().ability), 0u);
      }
    return names;
  }
  std::string error_of(const EvaluationConfig& config) const {
    try {
      names(config);
    } catch (const Error& e) {
      std::string text = std::string(e.what()) + " | " + e.hint();
      for (size_t i; (i = text.find(folder.path().string() + "/")) != text.npos;)
        text.erase(i, folder.path().string().size() + 1);
      return text;
    }
    return "none";
  }

  testing::TempFolder folder;
};

TEST_F(FileQuestionsTest, FilesFoldersAndPatternsAreCalledAsTheirFiles) {
  EXPECT_EQ(names({.files = {at("a.jsonl"), at("bbh")}}), (Strings{"a", "sort", "words"}));
  EXPECT_EQ(names({.files = {at("*/{arc,sort}.jsonl")}}), (Strings{"sort", "arc"}));
}

TEST_F(FileQuestionsTest, ATableNamesItsFilesAndHasOptions) {
  EvaluationConfig config;
  config.questions["easy"] = {.paths = {at("a.jsonl")}, .n = 7, .shots = 2};
  config.questions["tasks"] = {.paths = {at("bbh/*.jsonl")}};
  const auto all = file_questions(config, {}, silent());
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].n, 7);
  EXPECT_EQ(all[0].scenarios[0]->spec().prompt.shots, 2);
  EXPECT_EQ(all[0].scenarios[0]->spec().ability, "easy");
  EXPECT_EQ(names(config), (Strings{"easy.k2", "tasks/sort", "tasks/words"}));
}

TEST_F(FileQuestionsTest, WhatIsWrongIsNamed) {
  EXPECT_EQ(error_of({.files = {at("none.jsonl")}}),
            "evaluation.files: none.jsonl: no such file or folder; wanted questions | check the "
            "path for a typing error; relative ones start at the recipe's folder");
  EXPECT_NE(error_of({.files = {at("none*.jsonl")}}).find("no file matches this pattern"),
            std::string::npos);
  write_text(folder / "odd.jsonl", R"({"what": "is this"})");
  EXPECT_EQ(error_of({.files = {at("odd.jsonl")}}).find("odd.jsonl:1"), 0u);
  EvaluationConfig config{.files = {at("a.jsonl")}};
  config.questions["a"] = {.paths = {at("bbh/sort.jsonl")}};
  EXPECT_EQ(error_of(config),
            "evaluation: two question sets are called a, one of them from bbh/sort.jsonl; wanted "
            "another name for one | name its file in a table: [evaluation.questions.NAME] paths = "
            "[\"…\"]");
  config = {};
  config.questions["A01"] = {.paths = {at("a.jsonl")}, .shots = 2};  // an ability of the suite
  EXPECT_NE(error_of(config).find("two question sets are called A01.k2"), std::string::npos);
  config = {};
  config.questions["bare"] = {};
  EXPECT_EQ(error_of(config), "evaluation.questions.bare: has no paths; wanted at least one | ");
}

}  // namespace
}  // namespace lineage
