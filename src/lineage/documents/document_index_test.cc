#include "lineage/documents/document_index.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "lineage/base/error.h"
#include "lineage/base/rng.h"
#include "lineage/base/testing.h"
#include "lineage/documents/told_lines.h"
#include "lineage/text/word_tokenizer.h"

namespace lineage {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

void write(const fs::path& path, const std::string& text) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << text;
}

std::vector<std::string> texts(const std::vector<FoundLine>& found) {
  std::vector<std::string> all;
  for (const FoundLine& l : found) all.push_back(l.text);
  return all;
}

TEST(DocumentIndex, FindsLinesByTheirWords) {
  const testing::TempFolder folder;
  write(folder.path() / "b.txt",
        "\xEF\xBB\xBF"
        "the pet of ann is a cat\r\n\n  ben has a dog  \n");
  write(folder.path() / "sub" / "a.txt", "Zoë likes café au lait\nthe pet of ann is a cat\n");
  write(folder.path() / ".git" / "c.txt", "ann is hidden\n");
  write(folder.path() / "picture", std::string("ann\0ann", 7));
  write(folder.path() / "latin1.txt", "ann \xE9\n");
  std::vector<std::string> notes;
  const DocumentIndex index(folder.path(), &notes);
  EXPECT_EQ(index.lines(), 3) << "the second of two that are alike is left out";
  EXPECT_EQ(index.files(), 2);
  ASSERT_EQ(notes.size(), 2u);
  EXPECT_THAT(notes[0], HasSubstr("latin1.txt is no UTF-8 text"));
  const auto found = index.find("What is the PET of Ann?", 4);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].file, "b.txt");
  EXPECT_EQ(found[0].line, 1);
  EXPECT_EQ(found[0].text, "the pet of ann is a cat");
  EXPECT_GT(found[0].score, 0);
  EXPECT_EQ(index.find("dog", 4).at(0).line, 3);
  EXPECT_THAT(texts(index.find("zoe cafe", 4)), ElementsAre("Zoë likes café au lait"));
  EXPECT_TRUE(index.find("sub/a.txt", 4).empty()) << "names of files are no words of a line";
  EXPECT_TRUE(index.find("what is the", 0).empty());
}

TEST(DocumentIndex, TheBestComeFirst) {
  const testing::TempFolder folder;
  std::string text = "the job of mira volk is baker\nthe pet of mira volk is a moth\n";
  for (int i = 0; i < 50; ++i)
    text += std::to_string(i) + (i % 9 ? " likes cake\n" : " has a pet cat\n");
  write(folder.path() / "a.txt", text);
  const DocumentIndex index(folder.path());
  const auto found = index.find("which pet has mira volk ?", 3);
  ASSERT_EQ(found.size(), 3u);
  EXPECT_EQ(found[0].text, "the pet of mira volk is a moth");
  EXPECT_EQ(found[1].text, "the job of mira volk is baker");
  EXPECT_GE(found[0].score, found[1].score);
  EXPECT_GE(found[1].score, found[2].score);
}

TEST(DocumentIndex, AnyTextIsAQuestion) {
  const testing::TempFolder folder;
  write(folder.path() / "a.txt", "cat AND dog NEAR fish\nNOT a \"quote\"\n");
  const DocumentIndex index(folder.path());
  for (const char* text : {"\"",
                           "\"\"",
                           "'",
                           "cat\" OR \"dog",
                           "AND",
                           "NOT",
                           "OR OR OR",
                           "NEAR(cat dog, 2)",
                           "cat*",
                           "^cat",
                           "text:cat",
                           "lines:cat",
                           "-cat",
                           "+cat",
                           "(cat",
                           "cat)",
                           "{text file}: cat",
                           "%",
                           "cat; DROP TABLE lines",
                           "\\",
                           "--",
                           "/*",
                           "🙂",
                           "é",
                           "\xC3",
                           "\xFF\xFE",
                           "\xED\xA0\x80",
                           "\xEF\xBF\xBE",
                           " ",
                           "",
                           "\n\t",
                           "—",
                           "\u202Ecat",
                           "a\u0301"})
    EXPECT_NO_THROW(index.find(text, 5)) << text;
  EXPECT_EQ(index.find(std::string("\0cat\0", 5), 5).size(), 1u);
  EXPECT_EQ(index.find("NOT", 5).size(), 1u) << "operators are words";
  EXPECT_EQ(index.find(std::string(1 << 20, 'x') + " cat", 5).size(), 0u) << "beyond what is read";
  EXPECT_EQ(index.find("cat " + std::string(1 << 20, '"'), 5).size(), 1u);
  std::string many;
  for (int i = 0; i < 100'000; ++i) many += "w" + std::to_string(i) + " ";
  EXPECT_NO_THROW(index.find(many, 5));
}

TEST(DocumentIndex, RandomBytesAreNoSyntaxErrors) {
  const testing::TempFolder folder;
  write(folder.path() / "a.txt", "cat AND dog\n");
  const DocumentIndex index(folder.path());
  const Rng rng(1);
  constexpr std::string_view kLikely = "\"'()*^:+-{},ANDORNOTNEAR cat\0\xC3\xA9\xFF";
  uint64_t at = 0;
  for (int i = 0; i < 3000; ++i) {
    std::string text;
    for (uint64_t n = rng.below(40, at++); n > 0; --n)
      text += rng.below(4, at++) ? kLikely[rng.below(kLikely.size(), at++)]
                                 : static_cast<char>(rng.below(256, at++));
    ASSERT_NO_THROW(index.find(text, 3)) << ::testing::PrintToString(text);
  }
}

TEST(DocumentIndex, StopWordsCountOnlyAlone) {
  EXPECT_EQ(words_query("What is the pet of Ann ?"), "\"pet\" OR \"ann\"");
  EXPECT_EQ(words_query("who are you"), "\"who\" OR \"are\" OR \"you\"");
  EXPECT_EQ(words_query("cat cat CAT"), "\"cat\"");
  EXPECT_EQ(words_query("?!"), "");
}

TEST(DocumentIndex, LongLinesArePassages) {
  std::string line;
  for (int i = 0; i < 40; ++i) line += "sentence " + std::to_string(i) + " has some words . ";
  const auto passages = passages_of(line);
  ASSERT_GE(passages.size(), 2u);
  std::string together;
  for (const auto p : passages) {
    EXPECT_LE(p.size(), kLongestPassage);
    EXPECT_TRUE(p.ends_with(".")) << p;
    together += std::string(p) + " ";
  }
  EXPECT_EQ(together, line);
  for (const auto p : passages_of(std::string(1000, 'x'))) EXPECT_LE(p.size(), kLongestPassage);
  std::string wide;
  for (int i = 0; i < 500; ++i) wide += "é";
  for (const auto p : passages_of(wide)) EXPECT_EQ(p.size() % 2, 0u) << "no character is cut";
  EXPECT_TRUE(passages_of(" \t\r").empty());
  EXPECT_EQ(passages_of(" a \r").at(0), "a");
}

TEST(DocumentIndex, AFolderWithoutTextIsAnError) {
  const testing::TempFolder folder;
  const auto message = [](const fs::path& path) -> std::string {
    try {
      const DocumentIndex index(path);
    } catch (const Error& e) {
      return e.what();
    }
    return "none";
  };
  EXPECT_THAT(message(folder.path()), HasSubstr("has no line of text in 0 files"));
  EXPECT_THAT(message(folder.path() / "absent"), HasSubstr("cannot be read"));
}

TEST(ToldLines, HaveTheFormOfTuningAndRoom) {
  const WordTokenizer words(word_model({"ann", "has", "a", "cat", ".", ":"}, {"<ret>"}), "test");
  const std::vector<FoundLine> found = {
      {"f", 1, "ann has a cat .", 3}, {"f", 2, "ann has a zebra .", 2}, {"f", 3, "ann .", 1}};
  const ToldLines all = tell_lines(words, found, 4, 100);
  EXPECT_EQ(words.decode(all.tokens), ": <ret> ann has a cat . <ret> ann .");
  EXPECT_THAT(texts(all.lines), ElementsAre("ann has a cat .", "ann ."))
      << "a line with a word that the model does not know is left out";
  EXPECT_THAT(texts(tell_lines(words, found, 1, 100).lines), ElementsAre("ann has a cat ."));
  EXPECT_EQ(std::ssize(all.tokens), 10);
  EXPECT_EQ(tell_lines(words, found, 4, 10).lines.size(), 2u);
  EXPECT_THAT(texts(tell_lines(words, found, 4, 9).lines), ElementsAre("ann has a cat ."));
  EXPECT_THAT(texts(tell_lines(words, found, 4, 6).lines), ElementsAre("ann ."))
      << "a shorter one may have room";
  const ToldLines none = tell_lines(words, found, 4, 3);
  EXPECT_TRUE(none.tokens.empty() && none.lines.empty());
}

}  // namespace
}  // namespace lineage
