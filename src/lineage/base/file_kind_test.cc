#include "lineage/base/file_kind.h"

#include <gtest/gtest.h>

namespace lineage {
namespace {

using std::literals::operator""sv;

TEST(FileKind, KnowsBinaryFormatsByTheirFirstBytes) {
  EXPECT_EQ(file_kind("PAR1\x15\x04"sv), FileKind::parquet);
  EXPECT_EQ(file_kind("\xFD"
                      "7zXZ\0\0\x04"sv),
            FileKind::xz);
  EXPECT_EQ(file_kind("BZh91AY&SY"sv), FileKind::bzip2);
  EXPECT_EQ(file_kind("\x1F\x8B\x08\0"sv), FileKind::gzip);
  EXPECT_EQ(file_kind("PK\x03\x04\x14\0"sv), FileKind::zip);
  EXPECT_EQ(file_kind("\x80\x02}q\0."sv), FileKind::pickle);
  EXPECT_EQ(file_kind("\x40\0\0\0\0\0\0\0{\"a\""sv), FileKind::safetensors);
  EXPECT_EQ(file_kind("version https://git-lfs.github.com/spec/v1\noid sha256:"sv),
            FileKind::git_lfs);
  EXPECT_EQ(file_kind("\0\1\2\3"sv), FileKind::binary);
  EXPECT_EQ(file_kind(""), FileKind::empty);
}

TEST(FileKind, KnowsWideTextWithAndWithoutAMark) {
  EXPECT_EQ(file_kind("\xFF\xFEh\0i\0"sv), FileKind::utf16);
  EXPECT_EQ(file_kind("\xFE\xFF\0h\0i"sv), FileKind::utf16);
  EXPECT_EQ(file_kind("h\0e\0l\0l\0o\0"sv), FileKind::utf16);
  EXPECT_EQ(file_kind("\0h\0e\0l\0l\0o"sv), FileKind::utf16);
  EXPECT_EQ(file_kind("\xFF\xFE\0\0h\0\0\0"sv), FileKind::utf32);
}

TEST(FileKind, TellsTheShapesOfJsonApart) {
  EXPECT_EQ(file_kind(R"({"a": 1}
{"a": 2})"),
            FileKind::json_object);
  EXPECT_EQ(file_kind("{\n  \"a\": 1\n}\n"), FileKind::json_pretty);
  EXPECT_EQ(file_kind(R"({"a": "}",
 "b": 1})"),
            FileKind::json_pretty);
  EXPECT_EQ(file_kind(" [ {\"a\": 1}]"), FileKind::json_array);
  EXPECT_EQ(file_kind("\xEF\xBB\xBF[1]"), FileKind::json_array);
  EXPECT_EQ(file_kind("\n\t{\"a\": 1}\n"), FileKind::json_object);
  EXPECT_EQ(file_kind("[header] A scene"), FileKind::text);
  EXPECT_EQ(file_kind("{ braces open a sentence }"), FileKind::text);
  // A long record is cut by the limit of the bytes examined.
  EXPECT_EQ(file_kind("{\"a\": \"" + std::string(2 * kFileKindBytes, 'x') + "\"}\n"),
            FileKind::json_object);
}

TEST(FileKind, ATableHasAsManyFieldsInEachLine) {
  EXPECT_EQ(file_kind("question,a,b\nwhat,1,2\nwho,3,4\n"), FileKind::csv);
  EXPECT_EQ(file_kind("q\ta\nwhat\t1\n"), FileKind::csv);
  EXPECT_EQ(file_kind("\"one, two\",3\n\"four, five\",6\n"),
            FileKind::text);  // a blank follows: no header
  EXPECT_EQ(file_kind("Yes, he said.\nNo, she said.\n"), FileKind::text);
  EXPECT_EQ(file_kind("a line\nanother\n"), FileKind::text);
}

TEST(FileKind, AWebPageIsNoData) {
  EXPECT_EQ(file_kind("<!DOCTYPE html>\n<html>"), FileKind::html);
  EXPECT_EQ(file_kind("\n<HTML><body>"), FileKind::html);
  EXPECT_EQ(file_kind("<b>bold</b> words"), FileKind::text);
}

TEST(FileKind, EveryKindHasAName) {
  for (int k = 0; k <= static_cast<int>(FileKind::binary); ++k)
    EXPECT_FALSE(file_kind_name(static_cast<FileKind>(k)).empty()) << k;
  EXPECT_EQ(file_kind_help(FileKind::xz, "a.xz"), "unpack it: xz -dc a.xz > out");
}

TEST(FileKind, AByteOrderMarkIsThreeBytes) {
  EXPECT_EQ(byte_order_mark("\xEF\xBB\xBFx"), 3u);
  EXPECT_EQ(byte_order_mark("x"), 0u);
}

}  // namespace
}  // namespace lineage
