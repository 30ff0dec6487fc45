#include "lineage/data/sources/jsonl_source.h"

#include "lineage/data/testing.h"

namespace lineage {
namespace {

using namespace lineage::testing;

constexpr std::string_view kLines =
    "{\"text\": \"one\", \"n\": 1}\n\n{\"text\": \"zw\\u00f6lf "
    "\\ud83d\\ude00\"}\r\n{\"text\":\"last\"}";

SourceConfig config_for(const std::string& path) {
  return {.kind = SourceKind::jsonl, .paths = {path}};
}

TEST(JsonlSource, ReadsPlainAndPackedFiles) {
  const TempFolder folder;
  const Texts wanted = {"one", "zwölf 😀", "last"};
  for (const auto& [name, bytes] :
       {std::pair{"a.jsonl", std::string(kLines)}, std::pair{"a.jsonl.gz", gzip(kLines)},
        std::pair{"a.jsonl.zst", zstd(kLines)}})
    EXPECT_EQ(summary(read_all(config_for(folder.write(name, bytes)))), wanted) << name;
}

TEST(JsonlSource, ReadsArraysPrettyPrintedObjectsAndMarks) {
  const TempFolder folder;
  const Texts wanted = {"one", "two"};
  for (const char* bytes :
       {"[\n {\n  \"text\": \"one\"\n },\n {\n  \"text\": \"two\"\n }\n]",
        "{\n \"text\": \"one\"\n}\n{\n \"text\": \"two\"\n}\n",
        "\xEF\xBB\xBF{\"text\": \"one\"}\n{\"text\": \"\xEF\xBB\xBFtwo\"}\n",
        "\xEF\xBB\xBF[{\"text\": \"one\"}, {\"text\": \"two\", \"score\": NaN}]"})
    EXPECT_EQ(summary(read_all(config_for(folder.write("a.jsonl", bytes)))), wanted) << bytes;
}

TEST(JsonlSource, AFileInAFolderThatIsNoJsonIsAnErrorUnlessSkipped) {
  const TempFolder folder;
  folder.write("in/a.jsonl", "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n");
  folder.write("in/b.jsonl", "{\"text\": \"b\"}\n");
  SourceConfig config = config_for((folder.path() / "in").string());
  EXPECT_NE(error_of([&] {
              read_all(config);
            }).find("a.jsonl: is a Git LFS pointer, not the file itself; wanted JSON lines"),
            std::string::npos);
  EXPECT_EQ(hint_of([&] { read_all(config); }), "fetch its content: git lfs pull");
  config.bad_record = BadRecord::skip;
  EXPECT_EQ(summary(read_all(config)), (Texts{"!Git LFS pointer", "b"}));
}

TEST(JsonlSource, FollowsADottedPath) {
  const TempFolder folder;
  SourceConfig config =
      config_for(folder.write("a.jsonl", R"({"meta": {"turns": [{"say": "hi"}, {"say": "ho"}]}})"));
  config.field = "meta.turns.1.say";
  EXPECT_EQ(summary(read_all(config)), Texts{"ho"});
}

TEST(JsonlSource, ABadLineIsAnErrorWithItsPlace) {
  const TempFolder folder;
  const auto error = [&](const std::string& second, const std::string& field = "text") {
    const std::string path = folder.write("a.jsonl", "{\"" + field + "\": \"fine\"}\n" + second);
    SourceConfig config = config_for(path);
    config.field = field;
    const std::string text = error_of([&] { read_all(config); });
    EXPECT_TRUE(text.starts_with(path + ":2: ")) << text;
    return text.substr(std::min(text.size(), path.size() + 4));
  };
  EXPECT_EQ(error("{\"text\": \"cut of"),
            "parse error at line 1, column 17: syntax error while parsing value - invalid string: "
            "missing closing quote; last read: '\"cut of'; wanted one JSON value");
  EXPECT_EQ(error(R"({"txet": "a", "id": 3})"), "no field text; there are id, txet");
  EXPECT_EQ(error(R"({"text": 5})"), "field text is number; wanted a string");
  EXPECT_EQ(error("[1, 2]"), "no field text; it is inside array");
  EXPECT_EQ(error(std::string("\0\1\2", 3)).find("parse error"), 0u);
}

TEST(JsonlSource, HintsAtTheNearestField) {
  const TempFolder folder;
  const std::string path = folder.write("a.jsonl", R"({"context": "a", "content": "b"})");
  SourceConfig config = config_for(path);
  config.field = "contents";
  EXPECT_EQ(hint_of([&] { read_all(config); }), "did you mean field = \"content\"?");
}

TEST(JsonlSource, BadLinesCanBeSkipped) {
  const TempFolder folder;
  SourceConfig config = config_for(
      folder.write("a.jsonl", "{\"text\": \"a\"}\n{broken\n{\"other\": 1}\n{\"text\": \"b\"}\n"));
  config.bad_record = BadRecord::skip;
  EXPECT_EQ(summary(read_all(config)), (Texts{"a", "!bad record", "!bad record", "b"}));
}

TEST(JsonlSource, InvalidTextByPolicy) {
  const TempFolder folder;
  SourceConfig config = config_for(folder.write(
      "a.jsonl", "{\"text\": \"a\xFF\"}\n{\"text\": \"b\\ud800 \\\\ud800 \\ud83d\\ude00\"}\n"));
  EXPECT_EQ(summary(read_all(config)), (Texts{"a\xEF\xBF\xBD", "b\xEF\xBF\xBD \\ud800 😀"}));
  config.invalid_text = InvalidText::error;
  EXPECT_NE(error_of([&] { read_all(config); }).find(": byte 11 is 0xff, which is not UTF-8"),
            std::string::npos);
}

TEST(JsonlSource, ATooLongTextIsDropped) {
  const TempFolder folder;
  SourceConfig config = config_for(
      folder.write("a.jsonl", "{\"text\": \"123456789\"}\n{\"text\": \"ok\", \"pad\": \"" +
                                  std::string(2 << 20, 'x') + "\"}\n{\"text\": \"12345678\"}\n"));
  config.max_document_bytes = 8;
  EXPECT_EQ(summary(read_all(config)), (Texts{"!too large", "!too large", "12345678"}));
}

TEST(JsonlSource, ReadsRealRecords) {
  LINEAGE_NEEDS_SHARED_DATA();
  const auto documents =
      read_all(config_for((shared_data() / "pretrain/llamafactory_demos/c4_demo.jsonl").string()));
  ASSERT_EQ(documents.size(), 300u);
  EXPECT_TRUE(documents[0].text.starts_with("Don’t think you need all the bells and whistles?"));
  for (const RawDocument& d : documents) EXPECT_EQ(d.dropped, "");
}

}  // namespace
}  // namespace lineage
