#include "lineage/serve/rankings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "lineage/base/error.h"
#include "lineage/base/private_file.h"
#include "lineage/base/testing.h"
#include "lineage/data/preference_record.h"
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
            {"answers", {{{"text", "a"}, {"model", "m"}}, {{"text", "b"}}, {{"text", "a"}}}}}}}}));
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
  EXPECT_EQ(read.comparisons[0].answers, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(read.comparisons[0].ranks, (std::vector<int>{2, 1}));
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
  EXPECT_THAT(add({{"note", std::string(20'000, 'x')}}), HasSubstr("wanted at most 10000"));
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
  EXPECT_EQ(rankings.list()["sets"][0]["labelers"].size(), 2u);
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
}

}  // namespace
}  // namespace lineage
