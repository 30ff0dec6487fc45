#include "lineage/data/sources/text_source.h"

#include "lineage/data/testing.h"

namespace lineage {
namespace {

using namespace lineage::testing;

TEST(TextSource, AFileIsADocument) {
  const TempFolder folder;
  folder.write("a.txt", "one\ntwo\n");
  folder.write("b.txt", "\xEF\xBB\xBFwith a mark");
  folder.write("c.txt.gz", gzip("packed\r\n"));
  folder.write("d.txt", " \n\t");
  folder.write("e.txt", "");
  const auto documents = read_all({.paths = {folder.path().string()}});
  EXPECT_EQ(summary(documents), (Texts{"one\ntwo\n", "with a mark", "packed\r\n", "!empty"}));
  EXPECT_EQ(documents[0].place, (folder.path() / "a.txt").string());
}

TEST(TextSource, ALongFileIsCutAfterLines) {
  const TempFolder folder;
  const std::string path = folder.write("a.txt", "aaaa\nbbbb\ncccc\ndd");
  const auto documents = read_all({.paths = {path}, .max_document_bytes = 8});
  EXPECT_EQ(summary(documents), (Texts{"aaaa\nbbbb\n", "cccc\ndd"}));
  EXPECT_EQ(documents[1].offset, 10);
}

TEST(TextSource, ALongLineIsCutBetweenCharacters) {
  const TempFolder folder;
  const std::string path = folder.write("a.txt",
                                        "ab\xE2\x82\xAC"
                                        "c\xE2\x82\xAC");
  EXPECT_EQ(summary(read_all({.paths = {path}, .max_document_bytes = 3})),
            (Texts{"ab\xE2\x82\xAC", "c\xE2\x82\xAC"}));
}

TEST(TextSource, SplitsAtBlankLines) {
  const TempFolder folder;
  const std::string path = folder.write("a.txt", "\n\na\nb\n \t\n\nc\r\n\r\nd");
  const auto documents = read_all({.paths = {path}, .split = Split::blank_lines});
  EXPECT_EQ(summary(documents), (Texts{"a\nb", "c", "d"}));
  EXPECT_EQ(documents[0].offset, 2);
}

TEST(TextSource, SplitsAtDelimiterLines) {
  const TempFolder folder;
  const std::string path = folder.write(
      "a.txt", "once\n\nupon\n<|endoftext|>\n<|endoftext|>\r\n\n<|endoftext|>\na <|endoftext|>\n");
  EXPECT_EQ(summary(read_all({.paths = {path}, .split = Split::delimiter})),
            (Texts{"once\n\nupon", "!empty", "a <|endoftext|>"}));
}

TEST(TextSource, BinaryFilesArePassedOverAndCountedOnce) {
  const TempFolder folder;
  folder.write("a.bin", std::string("\0\1\2\n", 4) + std::string(100, 'x'));
  folder.write("b.txt", "text");
  EXPECT_EQ(summary(read_all({.paths = {folder.path().string()}, .max_document_bytes = 4})),
            (Texts{"!binary", "text"}));
}

TEST(TextSource, FilesOfOtherKindsAreCountedByWhatTheyAre) {
  const TempFolder folder;
  folder.write("a.txt", std::string("\xFF\xFE"
                                    "a\0b\0",
                                    6));
  folder.write("b.txt", "text");
  folder.write("c.parquet", std::string("PAR1\0\1", 6));
  folder.write("d.txt",
               "\xFD"
               "7zXZ" +
                   std::string(1, '\0'));
  EXPECT_EQ(summary(read_all({.paths = {folder.path().string()}})),
            (Texts{"!UTF-16 text", "text", "!Parquet file", "!packed by xz"}));
}

TEST(TextSource, TextOfAnotherFormatIsReadAndCounted) {
  const TempFolder folder;
  folder.write("a.jsonl", "{\"text\": \"a\"}\n");
  folder.write("b.html", "<!DOCTYPE html><p>b</p>");
  folder.write("c.txt", "c");
  const auto source = open_source({.paths = {folder.path().string()}}, "test");
  for (RawDocument d; source->read(d);) source->refine(d);
  EXPECT_EQ(source->notes(),
            (std::map<std::string, int64_t>{{"HTML page, read as plain text", 1},
                                            {"JSON lines, read as plain text", 1}}));
}

TEST(TextSource, AByteOrderMarkIsNoText) {
  const TempFolder folder;
  const std::string mark = "\xEF\xBB\xBF";
  const std::string path = folder.write("a.txt", mark + "<|endoftext|>\nsome\n<|endoftext|>\nmore");
  EXPECT_EQ(summary(read_all({.paths = {path}, .split = Split::delimiter})),
            (Texts{"some", "more"}));
  EXPECT_EQ(summary(read_all({.paths = {folder.write("b.gz", gzip(mark + "some"))}})),
            Texts{"some"});
  EXPECT_EQ(summary(read_all({.kind = SourceKind::code,
                              .paths = {folder.write("c.cs", mark + "int some_name;")}})),
            Texts{"int some_name;"});
}

TEST(TextSource, InvalidTextByPolicy) {
  const TempFolder folder;
  const std::string path = folder.write("a.txt", "\xEF\xBB\xBFgood\nbad \xFF\xC3.\n");
  SourceConfig config{.paths = {path}};
  const auto documents = read_all(config);
  EXPECT_EQ(summary(documents), (Texts{"good\nbad \xEF\xBF\xBD\xEF\xBF\xBD.\n"}));
  EXPECT_TRUE(documents[0].repaired);
  config.invalid_text = InvalidText::skip;
  EXPECT_EQ(summary(read_all(config)), (Texts{"!invalid text"}));
  config.invalid_text = InvalidText::error;
  EXPECT_EQ(error_of([&] { read_all(config); }),
            path + ": byte 12 is 0xff, which is not UTF-8; wanted valid text");
  EXPECT_EQ(hint_of([&] { read_all(config); }),
            "repair the file, or set invalid_text = \"replace\" or \"skip\" in this source");
}

TEST(TextSource, SaysHowFarItIs) {
  const TempFolder folder;
  folder.write("a.txt", std::string(100, 'a'));
  folder.write("b.txt", std::string(300, 'b'));
  const auto source = open_source({.paths = {folder.path().string()}}, "test");
  RawDocument document;
  EXPECT_EQ(source->fraction(), 0);
  ASSERT_TRUE(source->read(document));
  EXPECT_EQ(source->fraction(), 0.25);
  ASSERT_TRUE(source->read(document));
  EXPECT_FALSE(source->read(document));
  EXPECT_EQ(source->fraction(), 1);
}

TEST(SourceConfig, AbsurdValuesAreErrors) {
  const auto error = [](const SourceConfig& config) {
    return error_of([&] { validate(config, "web"); });
  };
  EXPECT_EQ(error({.weight = -1}),
            "source web: weight is -1; wanted a number from 0 to 1000000000");
  EXPECT_EQ(error({.heldout = 1}),
            "source web: heldout is 1; wanted a number of at least 0, below 1");
  EXPECT_EQ(error({.max_document_bytes = 0}),
            "source web: max_document_bytes is 0; wanted an integer from 1 to 1073741824");
  EXPECT_EQ(error({.kind = SourceKind::jsonl, .field = ""}),
            "source web: field is empty; wanted the name of the field that holds the text");
  EXPECT_EQ(error({.split = Split::delimiter, .delimiter = ""}),
            "source web: delimiter is empty; wanted the line that stands between documents");
  EXPECT_EQ(error({}), "");
}

}  // namespace
}  // namespace lineage
