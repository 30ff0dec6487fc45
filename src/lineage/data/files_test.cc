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
    for (const InputFile& f : list_files(config, "test").files)
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
  EXPECT_EQ(list_files({.kind = SourceKind::jsonl, .paths = {folder_.path().string()}}, "test")
                .passed_over,
            (std::map<std::string, int64_t>{
                {"other files (*.gz)", 1}, {"other files (*.md)", 1}, {"other files (*.txt)", 4}}));
  EXPECT_EQ(names({.kind = SourceKind::warc}), (Texts{"y.warc.gz"}));
  EXPECT_EQ(names({.kind = SourceKind::jsonl, .paths = {at("a.txt")}}), (Texts{"a.txt"}));
}

TEST_F(Files, BracketsInNamesArePartsOfPatternsOnlyWhereNothingIsCalledSo) {
  folder_.write("my data [v1]/x.txt", "text");
  folder_.write("my data [v1]/{a}[b].txt", "text");
  folder_.write("1/x.txt", "text");
  EXPECT_EQ(names({.paths = {at("my data [v1]/*.txt")}}),
            (Texts{"my data [v1]/x.txt", "my data [v1]/{a}[b].txt"}));
  EXPECT_EQ(names({.paths = {at("my data [v1]")}}).size(), 2u);
  EXPECT_EQ(names({.paths = {at("my data [v1]/{a}[b].txt")}}).size(), 1u);
  EXPECT_EQ(names({.paths = {at("*/x.txt")}}), (Texts{"1/x.txt", "my data [v1]/x.txt"}));
  EXPECT_EQ(names({.paths = {at("[0-9]/x.txt")}}), (Texts{"1/x.txt"}));
  EXPECT_EQ(names({.paths = {at("**/my data [v1]/x.txt")}}), (Texts{"my data [v1]/x.txt"}));
}

TEST_F(Files, LinksAreFollowedAndNoFileComesTwice) {
  TempFolder elsewhere;
  elsewhere.write("books/h.txt", "text");
  fs::create_directory_symlink(elsewhere.path() / "books", folder_.path() / "a link");
  fs::create_directory_symlink(folder_.path() / "sub", folder_.path() / "0");
  fs::create_symlink(folder_.path() / "b.txt", folder_.path() / "sub" / "b again.txt");
  EXPECT_EQ(names({.include = {"*.txt"}}),
            (Texts{"a link/h.txt", "a.txt", "b.txt", "sub/c.txt", "vendor/g.txt"}));
  EXPECT_EQ(names({.paths = {at("a.txt"), at("*.txt"), at("sub/../a.txt")}}),
            (Texts{"a.txt", "b.txt"}));
  const auto list = list_files({.paths = {folder_.path().string()}}, "test");
  EXPECT_EQ(list.passed_over,
            (std::map<std::string, int64_t>{{"links to folders that are read already", 1}}));
}

TEST_F(Files, LinksThatLeadNowhereOrInACircleAreCounted) {
  fs::create_symlink("loop", folder_.path() / "loop");
  fs::create_symlink("gone", folder_.path() / "gone.txt");
  fs::create_directory_symlink("..", folder_.path() / "sub" / "up");
  fs::create_directory_symlink(folder_.path().parent_path(), folder_.path() / "above");
  const FileList list = list_files({.paths = {folder_.path().string()}}, "test");
  EXPECT_EQ(list.files.size(), 5u);
  EXPECT_EQ(list.passed_over,
            (std::map<std::string, int64_t>{{"links that lead nowhere", 2},
                                            {"links to folders that are read already", 2}}));
  const auto error = [&](const std::string& path) {
    return error_of([&] { names({.paths = {path}}); });
  };
  EXPECT_EQ(error(at("loop")),
            "source test: " + at("loop") +
                ": a link that leads nowhere: Too many levels of symbolic links; "
                "wanted a file or a folder");
  EXPECT_EQ(error(at("gone.txt")),
            "source test: " + at("gone.txt") + ": a link to nothing; wanted a file or a folder");
}

TEST_F(Files, AFileThatIsNamedIsOfTheSourcesKind) {
  const std::string parquet = folder_.write("x.parquet", std::string("PAR1\0\1", 6));
  const std::string wide = folder_.write("wide.txt", std::string("\xFF\xFE"
                                                                 "a\0b\0",
                                                                 6));
  const std::string packed = folder_.write("p.jsonl.gz", gzip("a,b,c\n1,2,3\n4,5,6\n"));
  const auto error = [&](SourceKind kind, const std::string& path) {
    return error_of([&] { names({.kind = kind, .paths = {path}}); });
  };
  EXPECT_EQ(error(SourceKind::jsonl, parquet),
            parquet +
                ": is a Parquet file; wanted JSON lines or a JSON array, plain or packed by "
                "gzip or zstd");
  EXPECT_EQ(hint_of([&] {
              names({.kind = SourceKind::jsonl, .paths = {parquet}});
            }).find("convert it: python3 -c"),
            0u);
  EXPECT_EQ(error(SourceKind::text, wide),
            wide + ": is UTF-16 text; wanted UTF-8 text, plain or packed by gzip or zstd");
  EXPECT_EQ(error(SourceKind::jsonl, packed),
            packed +
                ": is a table of comma- or tab-separated values; wanted JSON lines or a JSON "
                "array, plain or packed by gzip or zstd");
  EXPECT_EQ(error(SourceKind::warc, parquet),
            parquet + ": is a Parquet file; wanted WARC, plain or packed by gzip or zstd");
  EXPECT_EQ(error(SourceKind::code, packed), packed + ": is packed by gzip; wanted UTF-8 text");
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
          ": none of the 5 files there matches include and exclude (they are *.md, *.txt); wanted "
          "at least one file");
  EXPECT_EQ(error({.paths = {""}}),
            "source test: paths holds an empty name; wanted a file or a folder");
  EXPECT_NE(error({.paths = {std::string(5000, 'x')}}).find(": File name too long; wanted"),
            std::string::npos);
  EXPECT_EQ(error({.paths = {"/dev/null"}}),
            "source test: /dev/null: neither a file nor a folder; wanted a file or a folder");
}

}  // namespace
}  // namespace lineage
