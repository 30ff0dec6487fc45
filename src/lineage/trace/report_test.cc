#include "lineage/trace/report.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "lineage/checkpoint/testing.h"
#include "lineage/trace/page.h"
#include "lineage/trace/testing.h"

namespace lineage {
namespace {

using testing::small_report;

TEST(ReportJson, WritesEverythingAndReadsItBack) {
  const std::string json = report_json(small_report());
  EXPECT_EQ(report_json(parse_report(json, "r.json")), json);
  const auto j = nlohmann::json::parse(json);
  EXPECT_EQ(j["format"], "lineage report");
  EXPECT_EQ(j["version"], 1);
  EXPECT_EQ(j["nodes"][1]["parents"][0], "davinci");
  EXPECT_EQ(j["nodes"][0]["data"][0]["trained"], 1800);
  EXPECT_EQ(j["nodes"][0]["grown"][0]["seconds"], 61.5);
  EXPECT_TRUE(j["nodes"][0]["grown"][1]["seconds"].is_null());
  EXPECT_TRUE(j["abilities"][2]["chance"].is_null());
  EXPECT_TRUE(j["scores"][5]["headline"].is_null());
  EXPECT_EQ(j["scores"][5]["gate"], "fresh names .7");
  EXPECT_EQ(j["contrasts"][1]["difference"]["value"], 0.77);
  EXPECT_EQ(j["samples"][0]["answers"][1]["correct"], true);
}

TEST(ReportJson, InfiniteEndsBecomeTheMetricsLimits) {
  Report r = small_report();
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  r.scores[0].headline = Interval{0.95, -kInfinity, kInfinity};
  r.contrasts[0].difference = {-0.05, -kInfinity, kInfinity};
  const Report back = parse_report(report_json(r), "r.json");
  EXPECT_EQ(*back.scores[0].headline, (Interval{0.95, 0, 1}));
  EXPECT_EQ(back.contrasts[0].difference, (Interval{-0.05, -1, 1}));
}

TEST(ReportJson, InvalidTextOfAModelIsReplaced) {
  Report r = small_report();
  r.samples[0].answers[0].text = "a\xff";
  EXPECT_EQ(parse_report(report_json(r), "r.json").samples[0].answers[0].text, "a\xEF\xBF\xBD");
}

TEST(ReportJson, RefusesWhatIsNoReport) {
  EXPECT_SAYS(parse_report("[1", "r.json"), "r.json: no report");
  EXPECT_SAYS(parse_report("{}", "r.json"), "lineage report RUN --json");
  EXPECT_SAYS(parse_report(R"({"format":"lineage report","version":2})", "r.json"),
              "r.json: a report of version 2; wanted 1");
  EXPECT_SAYS(parse_report(R"({"format":"lineage report","version":1})", "r.json"),
              "r.json: not a whole report");
}

TEST(ReportHtml, DataCannotEndItsScript) {
  Report r = small_report();
  r.samples[0].prompt = "</script><script>alert(1)</script><!--";
  if (report_page().empty()) {
    EXPECT_SAYS(report_html(r), report_page_absence());
    GTEST_SKIP() << "no page: " << report_page_absence();
  }
  const std::string html = report_html(r);
  EXPECT_EQ(html.find("alert(1)</script>"), std::string::npos);
  EXPECT_NE(html.find("\\u003c/script>"), std::string::npos);
  EXPECT_EQ(html.find(R"({"lineage":"report"})"), std::string::npos);
  EXPECT_EQ(html.size() > report_page().size(), true);
}

TEST(ReportText, ShowsTheTreeAndTheTable) {
  const std::string text = report_text(small_report());
  EXPECT_NE(text.find("small · 2 models · 2 seeds"), std::string::npos) << text;
  EXPECT_NE(text.find("└─ text-davinci-001"), std::string::npos) << text;
  EXPECT_NE(text.find("0.35M"), std::string::npos) << text;
  EXPECT_NE(text.find("+20M tokens  text 90 %, code 10 %"), std::string::npos) << text;
  EXPECT_NE(text.find(".80 ▲"), std::string::npos) << text;
  EXPECT_NE(text.find(".90 ▼"), std::string::npos) << text;
  EXPECT_NE(text.find(".03 ≈"), std::string::npos) << text;
  EXPECT_NE(text.find("##"), std::string::npos) << text;
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
}

TEST(ReportText, ColoursOnATerminalAndCutsToItsWidth) {
  EXPECT_NE(report_text(small_report(), {.colour = true}).find("\x1b["), std::string::npos);
  const std::string narrow = report_text(small_report(), {.columns = 45});
  size_t tables = 0;
  for (size_t at = 0; (at = narrow.find("A01 grammar", at)) != std::string::npos; ++at) ++tables;
  EXPECT_EQ(tables, 2u) << narrow;  // one node each
}

TEST(ReportText, ARunWithoutScoresHasATreeOnly) {
  Report r = small_report();
  r.scores.clear();
  EXPECT_EQ(report_text(r).find("chance"), std::string::npos);
}

}  // namespace
}  // namespace lineage
