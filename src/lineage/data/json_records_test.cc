#include "lineage/data/json_records.h"

#include "lineage/data/testing.h"

namespace lineage {
namespace {

using namespace lineage::testing;

// "place text" of each record.
Texts records_of(std::string_view bytes, size_t limit = 1000) {
  Reader reader(stream_of(bytes, "f"));
  JsonRecords records("f", reader, limit);
  Texts out;
  for (JsonRecord r; records.next(reader, r);) {
    while (r.text.ends_with('\n') || r.text.ends_with('\r')) r.text.pop_back();
    EXPECT_EQ(bytes.substr(static_cast<size_t>(r.offset), r.text.size()), r.text);
    out.push_back(r.place + " " + r.text + (r.too_large ? "…" : ""));
  }
  return out;
}

TEST(JsonRecords, LinesWithoutTheBlankOnes) {
  EXPECT_EQ(records_of("{\"a\": 1}\r\n\r\n  \n{\"a\": 2}"),
            (Texts{"f:1 {\"a\": 1}", "f:4 {\"a\": 2}"}));
  EXPECT_EQ(records_of(""), Texts{});
  EXPECT_EQ(records_of("{\"a\": 1}\nno json\n{\"a\": 2}\n"),
            (Texts{"f:1 {\"a\": 1}", "f:2 no json", "f:3 {\"a\": 2}"}));
}

TEST(JsonRecords, EntriesOfAnArray) {
  EXPECT_EQ(records_of("[\n {\"a\": \"]}\\\"\"},\n {\"b\": [1, {}]} , 3, \"x\",null]\n"),
            (Texts{"f: entry 0 {\"a\": \"]}\\\"\"}", "f: entry 1 {\"b\": [1, {}]}", "f: entry 2 3",
                   "f: entry 3 \"x\"", "f: entry 4 null"}));
  EXPECT_EQ(records_of("[]"), Texts{});
  EXPECT_EQ(records_of("[{\"a\": 1}]\n[{\"a\": 2}]").size(), 2u);
  EXPECT_EQ(records_of("[{\"a\": 1},\n{\"a\""),
            (Texts{"f: entry 0 {\"a\": 1}", "f: entry 1 {\"a\""}));
  EXPECT_EQ(records_of("[{\"a\": 1},\n"), (Texts{"f: entry 0 {\"a\": 1}", "f: entry 1 "}))
      << "the file was cut short: what follows is no JSON";
}

TEST(JsonRecords, LinesThatAreArrays) {
  EXPECT_EQ(records_of("[\"a\", \"b\"]\n[\"c\"]\n"), (Texts{"f:1 [\"a\", \"b\"]", "f:2 [\"c\"]"}));
}

TEST(JsonRecords, ValuesOverSeveralLines) {
  EXPECT_EQ(records_of("{\n \"a\": 1\n}\n{\n \"a\": 2\n}\n"),
            (Texts{"f:1 {\n \"a\": 1\n}", "f:4 {\n \"a\": 2\n}"}));
}

TEST(JsonRecords, WhatIsTooLargeIsCutAndPassedOver) {
  const std::string large = "{\"a\": \"" + std::string(100, 'x') + "\"}", small = "{\"a\": 1}";
  const Texts lines = records_of(large + "\n" + small, 20);
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_TRUE(lines[0].ends_with("…"));
  EXPECT_EQ(lines[1], "f:2 " + small);
  const Texts entries = records_of("[" + large + ", " + small + "]", 20);
  ASSERT_EQ(entries.size(), 2u);
  EXPECT_TRUE(entries[0].ends_with("…"));
  EXPECT_EQ(entries[1], "f: entry 1 " + small);
}

TEST(JsonRecords, LongOnesGoOverTheReadersBuffer) {
  std::string text = "[";
  for (int i = 0; i < 3; ++i)
    text += (i ? ",{\"a\": \"" : "{\"a\": \"") + std::string(300'000, 'x') + "\"}";
  EXPECT_EQ(records_of(text + "]", 1 << 20).size(), 3u);
}

TEST(JsonRecords, NumbersThatPythonWritesAreNull) {
  EXPECT_EQ(parse_json_record(R"({"a": NaN, "b": [-Infinity, Infinity], "c": "NaN \"NaN"})", "p"),
            nlohmann::json::parse(R"({"a": null, "b": [null, null], "c": "NaN \"NaN"})"));
}

TEST(JsonRecords, WhatIsNoJsonIsNamed) {
  EXPECT_EQ(error_of([] { parse_json_record("{\"a\": nan}", "f:3"); }).find("f:3: parse error"),
            0u);
  EXPECT_EQ(hint_of([] { parse_json_record("Some, words", "f:1"); }).find("write one JSON object"),
            0u);
  EXPECT_EQ(hint_of([] { parse_json_record("{'a': 1}", "f:3"); }),
            "this is how Python prints a dict; write it with json.dumps()");
}

}  // namespace
}  // namespace lineage
