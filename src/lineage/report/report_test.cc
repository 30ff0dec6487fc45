#include "lineage/report/report.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "lineage/checkpoint/testing.h"
#include "lineage/report/edges.h"
#include "lineage/report/embedded_data.h"
#include "lineage/report/page.h"
#include "lineage/report/testing.h"

namespace lineage {
namespace {

using testing::small_report;

TEST(ReportJson, WritesEverythingAndReadsItBack) {
  const std::string json = report_json(small_report());
  EXPECT_EQ(report_json(parse_report(json, "r.json")), json);
  const auto j = nlohmann::json::parse(json);
  EXPECT_EQ(j["format"], "lineage report");
  EXPECT_EQ(j["version"], 3);
  EXPECT_EQ(j["nodes"][1]["parents"][0], "davinci");
  EXPECT_EQ(j["nodes"][1]["control_of"], "text-davinci-001");
  EXPECT_EQ(j["nodes"][0]["data"][0]["trained"], 1800);
  EXPECT_EQ(j["nodes"][0]["grown"][0]["seconds"], 61.5);
  EXPECT_TRUE(j["nodes"][0]["grown"][1]["seconds"].is_null());
  EXPECT_EQ(j["runs"][0]["command"], "lineage grow small.toml --seeds 2");
  EXPECT_TRUE(j["abilities"][3]["chance"].is_null());
  EXPECT_EQ(j["abilities"][2]["of"], "A08");
  EXPECT_TRUE(j["scores"][7]["score"].is_null());
  EXPECT_EQ(j["scores"][7]["not_measurable"], "fresh names .7");
  EXPECT_EQ(j["scores"][0]["items"]["high"], 0.96);
  EXPECT_TRUE(j["scores"][0]["per_seed"][1].is_null());
  EXPECT_EQ(j["contrasts"][1]["difference"]["value"], 0.77);
  EXPECT_EQ(j["contrasts"][1]["kind"], "parent");
  EXPECT_TRUE(j["contrasts"][2]["holm"].is_null());
  EXPECT_EQ(j["contrasts"][3]["kind"], "control");
  EXPECT_EQ(j["samples"][0]["answers"][1]["correct"], true);
  EXPECT_EQ(j["explanations"][0]["ability"], "A08");
  EXPECT_EQ(j["explanations"][0]["example"]["answer"], "b a");
  EXPECT_EQ(j["contrasts"][0]["change"], "worse");
  EXPECT_EQ(j["contrasts"][1]["change"], "better");
  EXPECT_EQ(j["edges"][0]["contrasts"], (nlohmann::json{1, 0}));
  EXPECT_EQ(j["edges"][1]["from"], "davinci-long");
  EXPECT_EQ(j["abilities"][0]["better"], "higher");
  EXPECT_EQ(j["abilities"][0]["label"], "A01 grammar");
  EXPECT_EQ(j["scores"][1]["at_chance"], true);
  EXPECT_DOUBLE_EQ(j["scores"][0]["skill"], 0.9);
}

TEST(ReportJson, InfiniteEndsBecomeTheMetricsLimits) {
  Report r = small_report();
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  r.scores[0].score = Interval{0.95, -kInfinity, kInfinity};
  r.contrasts[0].difference = {-0.05, -kInfinity, kInfinity};
  const Report back = parse_report(report_json(r), "r.json");
  EXPECT_EQ(*back.scores[0].score, (Interval{0.95, 0, 1}));
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
  EXPECT_SAYS(parse_report(R"({"format":"lineage report","version":9})", "r.json"),
              "r.json: a report of version 9; wanted 3");
  EXPECT_SAYS(parse_report(R"({"format":"lineage report","version":3})", "r.json"),
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
  EXPECT_EQ(html.find("alert(1)"), std::string::npos);
  EXPECT_NE(html.find(embedded_data(report_json(r, -1))), std::string::npos);
  EXPECT_EQ(html.find(R"({"lineage":"report"})"), std::string::npos);
  EXPECT_TRUE(is_report(html));
  EXPECT_EQ(report_html(r), html);
}

TEST(EmbeddedData, IsGzipInBase64) {
  // From Python's gzip.compress(b"", 9, mtime=0), up to the byte for the operating system.
  EXPECT_EQ(embedded_data("").substr(0, 12), "H4sIAAAAAAAC");
  EXPECT_LT(embedded_data(std::string(10'000, 'a')).size(), 100u);
  EXPECT_EQ(embedded_data("abc").find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrst"
                                                   "uvwxyz0123456789+/="),
            std::string::npos);
}

TEST(ReportText, ShowsTheTreeAndTheTable) {
  const std::string text = report_text(small_report(), {.columns = 120, .open = {}});
  const auto has = [&](const char* what) {
    EXPECT_NE(text.find(what), std::string::npos) << what << "\n" << text;
  };
  has("small · 3 models · 2 seeds · a machine");
  has("└─ text-davinci-001");
  has("├─ davinci-long      pretrain, control of text-davinci-001");
  has("0.35M");
  has("+20M tokens  text 90 %, code 10 %");
  has(".80 ▲");
  has(".90 ▼");
  has(".03 ≈");
  has("n/a");
  has("±.03 .05");  // over items, over seeds and items
  has("over items, then over items and 2 seeds");
  has("1 finer rows, and what each row means: --open A05");
  EXPECT_EQ(text.find("  list"), std::string::npos);
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
}

TEST(ReportText, ListsTheChangesOfAStage) {
  const std::string text = report_text(small_report());
  EXPECT_NE(text.find("davinci → text-davinci-001\n  better  A08 instructions +.77*\n"
                      "  worse   A01 grammar −.05\n"),
            std::string::npos)
      << text;
  EXPECT_NE(
      text.find("control davinci-long → text-davinci-001\n  better  A08 instructions +.70*\n"),
      std::string::npos)
      << text;
}

TEST(ReportText, NoChangeOfZeroIsListed) {
  Report r = small_report();
  r.contrasts[0].difference = {-0.004, -0.006, -0.002};
  r.contrasts[0].change = Change::small;
  const std::string text = report_text(r);
  EXPECT_EQ(text.find("  worse  "), std::string::npos) << text;
  EXPECT_NE(text.find("changed by less than .005: 1"), std::string::npos) << text;
  EXPECT_EQ(text.find(".90 ▼"), std::string::npos) << text;
  EXPECT_EQ(report_markdown(r).find("▼\n"), std::string::npos);
}

size_t widest(const std::string& text) {
  size_t most = 0, columns = 0;
  for (const char c : text) {
    if (c == '\n')
      columns = 0;
    else if ((static_cast<unsigned char>(c) & 0xC0) != 0x80)
      most = std::max(most, ++columns);
  }
  return most;
}

TEST(ReportText, KeepsToTheTerminalsWidth) {
  Report r = small_report();
  r.abilities[1].label =
      "instructions of kinds that tuning trains on, with new inputs and no demonstration";
  r.abilities[3].label = std::string(70, 'x');
  r.nodes[2].name = "text-davinci-instruct-aaaaaaaaaaaaaaaaaaaa";
  for (auto& s : r.scores)
    if (s.node == "text-davinci-001") s.node = r.nodes[2].name;
  for (auto& c : r.contrasts) c.node = r.nodes[2].name;
  r.nodes[1].control_of = r.nodes[2].name;
  for (int i = 0; i < 9; ++i) {
    ReportAbility a = r.abilities[0];
    a.id = a.scenario = "B" + std::to_string(i);
    a.label = "an ability with a name of some words";
    r.abilities.push_back(a);
    ReportContrast c = r.contrasts[1];
    c.ability = a.id;
    r.contrasts.push_back(c);
  }
  for (const int columns : {60, 80, 120}) {
    const std::string text = report_text(r, {.columns = columns, .open = {"all"}});
    EXPECT_LE(widest(text), static_cast<size_t>(columns)) << text;
    EXPECT_EQ(text.find("…"), std::string::npos) << text;
    for (const char* word : {"demonstration", "Nothing of what the model knows."})
      EXPECT_NE(text.find(word), std::string::npos) << word << "\n" << text;
  }
}

TEST(ReportText, ExplainsTheRowsThatAreOpened) {
  const std::string text = report_text(small_report(), {.open = {"A08"}});
  for (const char* what :
       {"  measures      An instruction with new inputs.\n", "  an item       reverse : a b\n",
        "  as dialog     <user> reverse : a b <eot> <bot>\n", "  right answer  b a\n",
        "  also right    Other forms count, too.\n"})
    EXPECT_NE(text.find(what), std::string::npos) << what << "\n" << text;
  EXPECT_EQ(report_text(small_report()).find("measures"), std::string::npos);
}

TEST(ReportText, OpensARowToItsParts) {
  for (const char* open : {"A08", "all"})
    EXPECT_NE(report_text(small_report(), {.open = {open}}).find("\n  list "), std::string::npos);
  EXPECT_EQ(report_text(small_report(), {.open = {"A01"}}).find("\n  list "), std::string::npos);
}

TEST(ReportText, ColoursOnATerminalAndCutsToItsWidth) {
  EXPECT_NE(report_text(small_report(), TextStyle{.colour = true, .open = {}}).find("\x1b["),
            std::string::npos);
  const std::string narrow = report_text(small_report(), TextStyle{.columns = 48, .open = {}});
  size_t tables = 0;
  for (size_t at = 0; (at = narrow.find("\nA01 grammar", at)) != std::string::npos; ++at) ++tables;
  EXPECT_EQ(tables, 3u) << narrow;  // one node each
}

// A node may have several controls; each is a comparison of its own.
TEST(Report, EveryControlHasATableOfItsOwn) {
  Report r = small_report();
  ReportContrast other = r.contrasts.back();
  other.parent = "davinci-mix", other.difference.value = 0.9;
  r.contrasts.push_back(other);
  r.edges = edges_of(r);
  const auto& edges = r.edges;
  ASSERT_EQ(edges.size(), 3u);
  const auto rows = [](const ReportEdge& e) {
    return e.from + " " + std::to_string(e.contrasts.size());
  };
  EXPECT_EQ(rows(edges[0]), "davinci 2");
  EXPECT_EQ(rows(edges[1]), "davinci-long 1");
  EXPECT_EQ(rows(edges[2]), "davinci-mix 1");
  EXPECT_EQ(r.contrasts[edges[0].contrasts[0]].ability, "A08");  // the largest gain first
  const std::string markdown = report_markdown(r), text = report_text(r);
  for (const char* from : {"davinci-long", "davinci-mix"}) {
    const std::string name = from;
    EXPECT_NE(markdown.find("### " + name + " → text-davinci-001 (against its control)"),
              std::string::npos);
    EXPECT_NE(text.find("control " + name + " → text-davinci-001"), std::string::npos) << text;
  }
}

TEST(ReportMarkdown, HasTablesAndCommands) {
  Report r = small_report();
  r.abilities[0].label = "A01 gram|mar";
  const std::string text = report_markdown(r);
  const auto has = [&](const char* what) {
    EXPECT_NE(text.find(what), std::string::npos) << what << "\n" << text;
  };
  has("# small\n\n3 nodes, seeds 1, 2. ");
  has("| `davinci-long` | pretrain, control of text-davinci-001 | davinci | 350000 |");
  has("| ability | metric | chance | n | davinci | davinci-long | text-davinci-001 |\n"
      "| --- | --- | --- | --- | --- | --- | --- |\n");
  has("| A01 gram\\|mar | pair accuracy | .50 | 100 | .95 [.93, .97] |  | .90 [.88, .92] ▼ |");
  has("| A22 belief | rate |  | 100 | .40 [.30, .50] |  | not measurable |");
  has("### davinci → text-davinci-001\n");
  has("| A08 instructions | +.770 | [.720, .820] | [.745, .795] | .030 | < .001 | 100 | 2 |");
  has("### davinci-long → text-davinci-001 (against its control)");
  has("```sh\nlineage grow small.toml --seeds 2\nlineage eval runs\n```");
  has("| `lineage grow small.toml --seeds 2` | 2025-01-31T11:00:00Z | 1 min 15 s | 0.1.0 | a "
      "machine |");
  has("| `davinci` | 1 | `i1` | `w1` | 1 min 02 s |");
  EXPECT_EQ(text.find("A08/list"), std::string::npos);
}

TEST(ReportText, ARunWithoutScoresHasATreeOnly) {
  Report r = small_report();
  r.scores.clear();
  EXPECT_EQ(report_text(r).find("chance"), std::string::npos);
}

}  // namespace
}  // namespace lineage
