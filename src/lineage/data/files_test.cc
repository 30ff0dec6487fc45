#include "lineage/data/files.h"

#include <sys/stat.h>

#include "lineage/data/testing.h"

namespace lineage {
namespace {

using namespace lineage::testing;

class Files : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const char* name :
         {"b.txt", "a.txt", "sub/c.txt", "sub/d.md", ".hidden/e.txt", ".f.txt", "vendor/g.txt"})
      folder_.write(name, "text");
  }
  Texts names(SourceConfig config) const {
    if (config.paths.empty()) config.paths = {folder_.path().string()};
    Texts out;
    for (const InputFile& f : list_files(config, "test"))
      out.push_back(f.path.lexically_relative(folder_.path()).string());
    return out;
  }
  std::string at(const std::string& below) const { return (folder_.path() / below).string(); }
  TempFolder folder_;
};

TEST_F(Files, AFolderIsReadSortedWithoutHiddenFiles) {
  EXPECT_EQ(names({}), (Texts{"a.txt", "b.txt", "sub/c.txt", "sub/d.md", "vendor/g.txt"}));
}

TEST_F(Files, IncludeAndExclude) {
  EXPECT_EQ(names({.include = {"*.txt"}, .exclude = {"vendor"}}),
            (Texts{"a.txt", "b.txt", "sub/c.txt"}));
  EXPECT_EQ(names({.exclude = {"sub/**", "b.*"}}), (Texts{"a.txt", "vendor/g.txt"}));
}

TEST_F(Files, PathsMayBeFilesAndPatternsAndNoFileComesTwice) {
  EXPECT_EQ(names({.paths = {at("sub/d.md"), at("*.txt"), at("a.txt")}}),
            (Texts{"sub/d.md", "a.txt", "b.txt"}));
  EXPECT_EQ(names({.paths = {at("**/*.txt")}}),
            (Texts{"a.txt", "b.txt", "sub/c.txt", "vendor/g.txt"}));
}

TEST_F(Files, EachKindKnowsItsNames) {
  folder_.write("x.jsonl.gz", "");
  folder_.write("y.warc.gz", "");
  EXPECT_EQ(names({.kind = SourceKind::jsonl}), (Texts{"x.jsonl.gz"}));
  EXPECT_EQ(names({.kind = SourceKind::warc}), (Texts{"y.warc.gz"}));
  EXPECT_EQ(names({.kind = SourceKind::jsonl, .paths = {at("a.txt")}}), (Texts{"a.txt"}));
}

TEST_F(Files, ErrorsNameTheSourceAndThePath) {
  const auto error = [&](SourceConfig config) { return error_of([&] { names(config); }); };
  EXPECT_EQ(error_of([] { list_files({}, "books"); }),
            "source books: paths is empty; wanted at least one file or folder");
  EXPECT_EQ(error({.paths = {"/no/such"}}),
            "source test: /no/such: no such file or folder; wanted a file or a folder");
  EXPECT_EQ(error({.paths = {"/no/such/*.txt"}}),
            "source test: /no/such: no such folder (of the pattern /no/such/*.txt)");
  EXPECT_EQ(error({.paths = {at("*.zip")}}),
            "source test: " + at("*.zip") + ": no file matches this pattern; wanted at least one");
  EXPECT_EQ(
      error({.include = {"*.zip"}}),
      "source test: " + folder_.path().string() +
          ": none of the 5 files there matches include and exclude; wanted at least one file");
  EXPECT_EQ(error({.paths = {"/dev/null"}}),
            "source test: /dev/null: neither a file nor a folder; wanted a file or a folder");
}

}  // namespace
}  // namespace lineage
