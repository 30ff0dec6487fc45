#include "lineage/serve/rankings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <thread>

#include "lineage/base/error.h"
#include "lineage/base/private_file.h"
#include "lineage/base/testing.h"
#include "lineage/data/preference_record.h"
#include "lineage/data/testing.h"
#include "lineage/serve/api_error.h"

namespace lineage {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

class RankingsTest : public ::testing::Test {
 protected:
  static Fields fields(const json& j) { return Fields::parse(j.dump()); }
  std::string make() {
    return rankings.make(fields(
        {{"title", "t"},
         {"prompts",
          {{{"messages", {{{"role", "user"}, {"content", "q"}}}},
            {"answers", {{{"text", "a"}, {"model", "m"}}, {{"text", "b"}}, {{"text", "c"}}}}}}}}));
  }
  static json record(const json& more = {}) {
    json r = {
        {"id", "1"}, {"labeler", "L"}, {"prompt", 0}, {"order", {2, 0, 1}}, {"ranks", {2, 1, 3}}};
    if (more.is_object()) r.update(more);
    return r;
  }
  // "400 ranks is …"
  static std::string fault(const std::function<void()>& f) {
    try {
      f();
    } catch (const ApiError& e) {
      return std::to_string(e.status) + " " + e.what();
    }
    return "none";
  }

  testing::TempFolder folder;
  Rankings rankings{folder / "rankings", ""};
};

TEST_F(RankingsTest, TheLastRecordOfALabelerCountsAndOneIdIsOneRecord) {
  const std::string id = make();
  rankings.add(id, fields(record()));
  rankings.add(id, fields(record({{"ranks", {1, 1, 1}}})));  // sent again: the first is kept
  EXPECT_EQ(rankings.shown(id, "L")["records"][0]["ranks"], OrderedJson({2, 1, 3}));
  rankings.add(id, fields(record({{"id", "2"}, {"ranks", {3, 1, 1}}})));
  ASSERT_EQ(rankings.shown(id, "L")["records"].size(), 1u);
  EXPECT_EQ(rankings.shown(id, "L")["records"][0]["ranks"], OrderedJson({3, 1, 1}));
  EXPECT_EQ(rankings.list()["sets"][0]["labelers"][0]["ranked"], 1);
}

TEST_F(RankingsTest, ModelsAreNamedToThoseWhoHaveRanked) {
  const std::string id = make();
  rankings.add(id, fields(record()));
  EXPECT_EQ(rankings.shown(id, "L")["prompts"][0]["answers"][0]["model"], "m");
  EXPECT_FALSE(rankings.shown(id, "other")["prompts"][0]["answers"][0].contains("model"));
  EXPECT_TRUE(rankings.shown(id, "other")["records"].empty());
  rankings.add(id, fields(record({{"id", "2"}, {"labeler", "S"}, {"verdict", "skipped"}})));
  EXPECT_FALSE(rankings.shown(id, "S")["prompts"][0]["answers"][0].contains("model"))
      << "what was skipped may still be ranked";
}

TEST_F(RankingsTest, TheExportIsWhatTheRewardStageReads) {
  const std::string id = make();
  rankings.add(id, fields(record()));
  rankings.add(id, fields(record({{"id", "2"}, {"labeler", "M"}, {"ranks", {1, 1, 1}}})));
  rankings.add(id, fields(record({{"id", "3"}, {"labeler", "N"}, {"verdict", "skipped"}})));
  const std::string lines = rankings.exported(id, "");
  ASSERT_EQ(std::ranges::count(lines, '\n'), 1) << "a tie of all prefers none: " << lines;
  const PreferenceContent read = read_preference(json::parse(lines), "line 1");
  ASSERT_EQ(read.comparisons.size(), 1u);
  EXPECT_EQ(read.comparisons[0].answers, (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(read.comparisons[0].ranks, (std::vector<int>{2, 1, 3}));
  EXPECT_EQ(read.comparisons[0].prompt.back().text, "q");
  EXPECT_EQ(rankings.exported(id, "M"), "");
}

TEST_F(RankingsTest, AgreementCountsPairsThatBothOrder) {
  const std::string id = make();
  rankings.add(id, fields(record({{"ranks", {1, 2, 3}}})));
  rankings.add(id, fields(record({{"id", "2"}, {"labeler", "M"}, {"ranks", {1, 3, 3}}})));
  const OrderedJson a = rankings.list()["sets"][0]["agreement"][0];
  EXPECT_EQ(a["labelers"], OrderedJson({"L", "M"}));
  EXPECT_EQ(a["pairs"], 2);
  EXPECT_EQ(a["alike"], 2);
  EXPECT_EQ(a["tied"], 1);
}

TEST_F(RankingsTest, FaultsNameTheField) {
  const std::string id = make();
  const auto add = [&](const json& more) {
    return fault([&] { rankings.add(id, fields(record(more))); });
  };
  EXPECT_THAT(add({{"ranks", {1, 2}}}), HasSubstr("400 ranks is a list of 2; wanted a list of 3"));
  EXPECT_THAT(add({{"ranks", {0, 1, 2}}}), HasSubstr("wanted 1 (the best) to 3"));
  EXPECT_THAT(add({{"order", {0, 0, 1}}}), HasSubstr("wanted each of 0 to 2 once"));
  EXPECT_THAT(add({{"prompt", 1}}), HasSubstr("400 prompt"));
  EXPECT_THAT(add({{"labeler", "  "}}), HasSubstr("labeler is blank"));
  EXPECT_THAT(add({{"verdict", "good"}}), HasSubstr("wanted ranked, skipped or unusable"));
  EXPECT_THAT(add({{"note", std::string(50'000, 'x')}}), HasSubstr("wanted at most 40000"));
  const auto make_of = [&](const json& messages, const json& answers) {
    return fault([&] {
      rankings.make(
          fields({{"title", "t"}, {"prompts", {{{"messages", messages}, {"answers", answers}}}}}));
    });
  };
  const json user = {{{"role", "user"}, {"content", "q"}}};
  EXPECT_THAT(make_of(user, {{{"text", "a"}}, {{"text", "b"}}, {{"text", "a "}}}),
              HasSubstr("400 prompts[0]: answers 1 and 3 are the same text"));
  EXPECT_THAT(make_of(user, {{{"text", "a"}}, {{"text", "a"}}}),
              HasSubstr("400 prompts[0]: its answers are one text"));
  EXPECT_THAT(make_of(user, {{{"text", "a"}}, {{"text", " "}}}),
              HasSubstr("400 prompts[0]: answer 2 of 2 is blank"));
  EXPECT_THAT(make_of(user, {{{"text", "a"}}}), HasSubstr("answers is a list of 1; wanted a list"));
  EXPECT_THAT(make_of({{{"role", "wizard"}, {"content", "q"}}, user[0]},
                      {{{"text", "a"}}, {{"text", "b"}}}),
              HasSubstr("400 prompts[0]"));
  EXPECT_EQ(rankings.list()["sets"].size(), 1u) << "what is refused leaves no set";
  for (const char* bad : {"../../etc", "", "0123456789abcdeg", "0000000000000000"})
    EXPECT_THAT(fault([&] { rankings.shown(bad, "L"); }), HasSubstr("404 no set")) << bad;
  EXPECT_THAT(fault([&] {
                rankings.make(fields({{"title", "t"}, {"prompts", json::array()}}));
              }),
              HasSubstr("400 prompts is a list of 0; wanted a list of 1"));
  Rankings none({}, "this server keeps no rankings");
  EXPECT_EQ(none.list()["why"], "this server keeps no rankings");
  EXPECT_THAT(fault([&] { none.shown(id, ""); }), HasSubstr("404 this server keeps no rankings"));
}

TEST_F(RankingsTest, ALineThatACrashCutOffIsOneBadLineAndNoMore) {
  const std::string id = make();
  rankings.add(id, fields(record()));
  const fs::path file = folder / "rankings" / id / "records.jsonl";
  const std::string before = read_file(file);
  write_file_atomic(file, before + before.substr(0, 20));
  rankings.add(id, fields(record({{"id", "2"}, {"labeler", "M"}})));
  const OrderedJson list = rankings.list();
  EXPECT_EQ(list["sets"][0]["labelers"].size(), 2u);
  ASSERT_EQ(list["notes"].size(), 1u);
  EXPECT_THAT(list["notes"][0].get<std::string>(), HasSubstr("records.jsonl: lines that are no"));
}

TEST_F(RankingsTest, DamagedFilesAreNamedAndHideNoOther) {
  const std::string id = make(), other = make();
  rankings.add(id, fields(record()));
  const fs::path file = folder / "rankings" / id / "records.jsonl";
  const std::string good = read_file(file);
  // Of the right types, but for another set; of wrong types; no JSON; no UTF-8.
  for (const std::string bad :
       {R"({"id":"9","labeler":"X","prompt":7,"verdict":"ranked","order":[0,1,2],"time":""})",
        R"({"id":"9","labeler":"X","prompt":0,"verdict":4,"order":[0,1,2],"time":""})",
        R"({"id":"9","labeler":"X","prompt":0,"order":[0,1,2],"ranks":[1,2],"time":""})", "[]", "x",
        "\xff\xfe"}) {
    write_file_atomic(file, bad + "\n" + good);
    EXPECT_EQ(rankings.list()["sets"].size(), 2u) << bad;
    EXPECT_EQ(rankings.list()["notes"].size(), 1u) << bad;
    EXPECT_EQ(rankings.shown(id, "L")["records"].size(), 1u) << bad;
    EXPECT_EQ(std::ranges::count(rankings.exported(id, ""), '\n'), 1) << bad;
  }
  const fs::path set = folder / "rankings" / other / "set.json";
  for (const char* bad : {"", "{}", R"({"title":1,"time":"","prompts":[]})",
                          R"({"title":"","time":"","prompts":[{"messages":[],"answers":[1]}]})"}) {
    write_file_atomic(set, bad);
    EXPECT_EQ(rankings.list()["sets"].size(), 1u) << bad;
    EXPECT_THAT(rankings.list()["notes"].dump(), HasSubstr(other)) << bad;
    EXPECT_THROW(rankings.shown(other, "L"), Error) << bad;
  }
}

TEST_F(RankingsTest, SeveralWritersLoseNothing) {
  const std::string id = make();
  std::vector<std::thread> writers;
  for (int w = 0; w < 4; ++w)
    writers.emplace_back([&, w] {
      Rankings own(folder / "rankings", "");
      for (int i = 0; i < 25; ++i)
        own.add(id, fields(record({{"id", std::to_string(100 * w + i)},
                                   {"labeler", std::to_string(100 * w + i)}})));
    });
  for (std::thread& t : writers) t.join();
  EXPECT_EQ(rankings.list()["sets"][0]["labelers"].size(), 100u);
  EXPECT_TRUE(rankings.list()["notes"].empty());
}

TEST_F(RankingsTest, AFileWithAnswersIsOneSetHoweverOftenItIsServed) {
  const std::string path = folder.write(
      "made.jsonl",
      R"({"prompt": "p", "responses": ["a", "b", "a ", {"text": "c"}], "ranks": [1, 1, 2, 3]})"
      "\n"
      R"({"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "q"}], )"
      R"("answers": ["x", "y"]})"
      "\n"
      R"({"prompt": "z", "chosen": "good", "rejected": "bad"})"
      "\n");
  std::vector<std::string> notes;
  rankings.offer(read_rank_file(path, &notes));
  Rankings(folder / "rankings", "").offer(read_rank_file(path, &notes));
  const OrderedJson list = rankings.list();
  ASSERT_EQ(list["sets"].size(), 1u);
  EXPECT_TRUE(list["file"].is_null());
  EXPECT_EQ(list["sets"][0]["title"], "made.jsonl");
  const OrderedJson set = rankings.shown(list["sets"][0]["id"], "L");
  ASSERT_EQ(set["prompts"].size(), 3u);
  EXPECT_EQ(set["prompts"][0]["answers"],
            OrderedJson({{{"text", "a"}}, {{"text", "b"}}, {{"text", "c"}}}));
  EXPECT_EQ(set["prompts"][1]["messages"][0]["role"], "system");
  EXPECT_EQ(set["prompts"][2]["answers"].size(), 2u);
}

TEST_F(RankingsTest, PromptsAloneAreOffered) {
  const std::string path =
      folder.write("ask.jsonl", R"({"prompt": "p"})"
                                "\n"
                                R"({"messages": [{"role": "user", "content": "q"}, )"
                                R"({"role": "assistant", "content": "old"}], "answers": []})"
                                "\n");
  std::vector<std::string> notes;
  rankings.offer(read_rank_file(path, &notes));
  EXPECT_THAT(notes, ::testing::Contains(HasSubstr("a single answer, not to be ranked: 1")));
  EXPECT_EQ(rankings.list()["file"], OrderedJson({{"name", "ask.jsonl"}, {"prompts", 2}}));
  EXPECT_TRUE(rankings.list()["sets"].empty());
  const OrderedJson offered = rankings.offered();
  ASSERT_EQ(offered["prompts"][1]["messages"].size(), 1u);
  EXPECT_EQ(offered["prompts"][1]["messages"][0]["content"], "q");
  EXPECT_EQ(fault([] { Rankings({}, "none").offered(); }).substr(0, 3), "404");
}

TEST_F(RankingsTest, FaultsOfAFileNameTheLine) {
  const auto read = [&](const std::string& line) {
    return testing::error_of([&] {
      read_rank_file(folder.write("r.jsonl", R"({"prompt": "p"})"
                                             "\n" +
                                                 line),
                     nullptr);
    });
  };
  EXPECT_THAT(read("no json"), HasSubstr("r.jsonl:2: parse error"));
  EXPECT_THAT(read(R"({"prompt": "p", "answers": ["a"]})"),
              HasSubstr("r.jsonl:2: answers has 1 texts that differ; wanted 2 to 9"));
  EXPECT_THAT(read(R"({"prompt": "p", "answers": [1, 2]})"),
              HasSubstr("r.jsonl:2: answers[0] is no text"));
  EXPECT_THAT(read(R"({"prompt": "p", "chosen": "a", "rejected": "a"})"),
              HasSubstr("r.jsonl:2: chosen and rejected are one text"));
  EXPECT_THAT(read(R"({"id": 4})"), HasSubstr("r.jsonl:2: "));
  EXPECT_THAT(testing::error_of([&] {
                Rankings({}, "none here").offer({"f", {{{}, {}}}});
              }),
              HasSubstr("--rank: none here"));
}

TEST_F(RankingsTest, NobodyElseReadsTheFiles) {
  const std::string id = make();
  rankings.add(id, fields(record()));
  const auto mode = [](const fs::path& path) {
    struct stat info {};
    EXPECT_EQ(::stat(path.c_str(), &info), 0);
    return info.st_mode & 0777;
  };
  EXPECT_EQ(mode(folder / "rankings"), 0700u);
  EXPECT_EQ(mode(folder / "rankings" / id), 0700u);
  EXPECT_EQ(mode(folder / "rankings" / id / "set.json"), 0600u);
  EXPECT_EQ(mode(folder / "rankings" / id / "records.jsonl"), 0600u);
}

TEST_F(RankingsTest, AFullDiskLeavesWhatWasThere) {
  if (!fs::exists("/dev/full")) GTEST_SKIP() << "no /dev/full here";
  // A file behind a link to a device that is always full.
  fs::create_symlink("/dev/full", folder / "full");
  EXPECT_THROW(append_private_line(folder / "full", "line"), Error);
  EXPECT_THROW(write_private_file(folder / "no" / "such", "line"), Error);
}

}  // namespace
}  // namespace lineage
