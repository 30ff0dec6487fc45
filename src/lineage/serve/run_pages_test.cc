#include "lineage/serve/run_pages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lineage/base/error.h"
#include "lineage/base/folder.h"
#include "lineage/eval/database.h"
#include "lineage/report/growth_record.h"
#include "lineage/serve/api_error.h"
#include "lineage/serve/page_api.h"
#include "lineage/serve/testing.h"

namespace lineage {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr const char* kRecipe = R"(
name = "small"
seed = 3
[sources.words]
paths = ["words"]
[model]
context = 32
[pretrain]
tokens = 20_000
batch_tokens = 256
[nodes.base]
stage = "pretrain"
[nodes.tuned]
stage = "pretrain"
parents = ["base"]
)";

// A run folder with a tree of two grown nodes, and the endpoints over it.
class RunPagesTest : public ::testing::Test {
 protected:
  RunPagesTest() {
    base = grow("base", {});
    tuned = grow("tuned", {base.weights});
    fs::create_directories(run() / "trees" / "small");
    replace_link(tree() / "base", node("base"));
    replace_link(tree() / "tuned", node("tuned"));
    models = std::make_unique<ServedModels>(std::vector<std::string>{run().string()}, "");
    pages = std::make_unique<PageApi>(PageOptions{{run().string()}}, *models);
    reports = std::make_unique<ReportPages>(std::vector<std::string>{run().string()});
  }

  fs::path run() const { return folder.path(); }
  fs::path tree() const { return run() / "trees" / "small"; }
  fs::path node(const std::string& name) const { return run() / "nodes" / (name + "-0"); }
  Manifest grow(const std::string& name, const std::vector<std::string>& parents) const {
    return testing::write_model(node(name), testing::small_tokenizer(), parents.empty() ? 1 : 2,
                                false, parents);
  }
  // A link in .growing, as `grow` makes it before it begins.
  void wait_for(const std::string& name) const {
    replace_link(tree() / ".growing" / name, node(name));
  }

  HttpResponse get(const std::string& target, HttpHeaders headers = {}) {
    HttpRequest r;
    r.method = "GET", r.target = target, r.headers = std::move(headers);
    return target.starts_with("/v1/lineage/report") ? reports->answer(r) : pages->answer(r);
  }
  json ok(const std::string& target) {
    const HttpResponse r = get(target);
    EXPECT_EQ(r.status, 200) << r.body;
    return json::parse(r.body);
  }
  std::string refused(int status, const std::string& target) {
    const HttpResponse r = get(target);
    EXPECT_EQ(r.status, status) << r.body;
    return json::parse(r.body)["error"]["message"];
  }
  json state(const std::string& name) {
    const json all = ok("/v1/lineage/trees");
    for (const json& n : all["trees"][0]["nodes"])
      if (n["name"] == name) return n["seeds"][0];
    return nullptr;
  }

  testing::TempFolder folder;
  Manifest base, tuned;
  std::unique_ptr<ServedModels> models;
  std::unique_ptr<PageApi> pages;
  std::unique_ptr<ReportPages> reports;
};

std::string header_of(const HttpResponse& r, const std::string& name) {
  for (const auto& [key, value] : r.headers)
    if (key == name) return value;
  return "";
}

TEST_F(RunPagesTest, AGrownTreeHasItsNodesAndServedModels) {
  const json t = ok("/v1/lineage/trees")["trees"][0];
  EXPECT_EQ(t["tree"], "small");
  EXPECT_EQ(t["growing"], false);
  EXPECT_EQ(t["measured"], false);
  ASSERT_EQ(t["nodes"].size(), 2u);
  EXPECT_EQ(t["nodes"][1]["parents"], json({"base"}));
  EXPECT_EQ(t["nodes"][1]["seeds"][0]["status"], "grown");
  EXPECT_EQ(t["nodes"][1]["seeds"][0]["model"], "tuned");
}

TEST_F(RunPagesTest, ANodeIsWaitingThenGrowsIsPausedAndIsGrown) {
  begin_growth(tree(), kRecipe, {}, {{"third", 20}});
  wait_for("third");
  EXPECT_EQ(state("third")["status"], "waiting");
  EXPECT_EQ(state("third")["steps"], 20);
  {
    const FolderLock lock(node("third"));
    testing::write_text(node("third") / "metrics.jsonl", R"({"loss":2.5,"step":7,"tokens":70})"
                                                         "\n"
                                                         R"({"loss":2.4,"step":8,"tok)");
    EXPECT_EQ(state("third")["status"], "growing");
    EXPECT_EQ(state("third")["step"], 7);
    EXPECT_EQ(ok("/v1/lineage/trees")["trees"][0]["growing"], true);
  }
  EXPECT_EQ(state("third")["status"], "paused");
  const json curves = ok("/v1/lineage/curves?tree=small&node=third");
  EXPECT_EQ(curves["status"], "paused");
  EXPECT_EQ(curves["steps"], 20);
  EXPECT_EQ(curves["curves"][0]["values"], json({2.5}));
  grow("third", {base.weights});
  EXPECT_EQ(state("third")["status"], "grown");
  EXPECT_EQ(state("third")["model"], nullptr) << "the tree does not name it yet";
  replace_link(tree() / "third", node("third"));
  EXPECT_EQ(state("third")["model"], "third");
}

TEST_F(RunPagesTest, TheRecipeSaysWhatWaitsOfATreeThatHasNothingYet) {
  const fs::path other = run() / "trees" / "other";
  begin_growth(other, kRecipe, {{"tuned", "base"}}, {{"base", 20}, {"tuned", 10}});
  replace_link(other / ".growing" / "tuned", node("late"));
  const json trees = ok("/v1/lineage/trees")["trees"];
  ASSERT_EQ(trees[0]["tree"], "other");
  const json& n = trees[0]["nodes"][0];
  EXPECT_EQ(n["name"], "tuned");
  EXPECT_EQ(n["stage"], "pretrain");
  EXPECT_EQ(n["parents"], json({"base"}));
  EXPECT_EQ(n["control_of"], "base");
  EXPECT_EQ(n["seeds"][0]["seed"], 3);
  EXPECT_EQ(trees[0]["problem"], "");
  EXPECT_THAT(refused(404, "/v1/lineage/report?tree=other"),
              HasSubstr("no node of other is grown"));
}

TEST_F(RunPagesTest, WhatCannotBeReadIsNamedAndHidesNothingElse) {
  fs::create_directories(node("odd"));
  testing::write_text(node("odd") / "manifest.json", "{}\n");
  replace_link(tree() / "odd", node("odd"));
  replace_link(tree() / "gone", node("gone"));
  EXPECT_EQ(state("odd")["status"], "unreadable");
  EXPECT_THAT(state("odd")["problem"], HasSubstr("manifest.json"));
  EXPECT_THAT(state("gone")["problem"], HasSubstr("no checkpoint lies"));
  EXPECT_EQ(state("base")["status"], "grown");
  testing::write_text(tree() / "growth.json",
                      R"({"recipe": "of = another", "controls": {}, "runs": []})");
  EXPECT_THAT(ok("/v1/lineage/trees")["trees"][0]["problem"], HasSubstr("growth.json"));
  testing::write_text(node("base") / "metrics.jsonl", "no line\n{\"tokens\":1}\n");
  EXPECT_THAT(refused(500, "/v1/lineage/curves?tree=small&node=base"),
              HasSubstr("metrics.jsonl:1"));
}

TEST_F(RunPagesTest, CurvesAreNotSentTwice) {
  testing::write_text(node("base") / "metrics.jsonl", "{\"loss\":2,\"step\":1,\"tokens\":10}\n");
  const std::string target = "/v1/lineage/curves?tree=small&node=base";
  const std::string tag = header_of(get(target), "ETag");
  ASSERT_FALSE(tag.empty());
  EXPECT_EQ(get(target, {{"if-none-match", tag}}).status, 304);
  testing::write_text(
      node("base") / "metrics.jsonl",
      "{\"loss\":2,\"step\":1,\"tokens\":10}\n{\"loss\":1,\"step\":2,\"tokens\":20}\n");
  EXPECT_EQ(get(target, {{"if-none-match", tag}}).status, 200);
}

TEST_F(RunPagesTest, TheReportIsCompressedAndKeptUntilItsFilesChange) {
  const std::string target = "/v1/lineage/report?tree=small&run=" + run().string();
  const HttpResponse plain = get(target);
  EXPECT_EQ(json::parse(plain.body)["format"], "lineage report");
  EXPECT_EQ(header_of(plain, "Content-Encoding"), "");
  const HttpResponse zipped = get(target, {{"accept-encoding", "br, gzip"}});
  EXPECT_EQ(header_of(zipped, "Content-Encoding"), "gzip");
  EXPECT_LT(zipped.body.size(), plain.body.size());
  EXPECT_EQ(zipped.body.substr(0, 2), "\x1f\x8b");
  const std::string tag = header_of(plain, "ETag");
  EXPECT_EQ(get(target, {{"if-none-match", tag}}).status, 304);
  replace_link(tree() / "third", node("third"));
  grow("third", {base.weights});
  const HttpResponse after = get(target, {{"if-none-match", tag}});
  ASSERT_EQ(after.status, 200);
  EXPECT_EQ(json::parse(after.body)["nodes"].size(), 3u);
}

// Answers to four items: of cells "a" and "b" in turn.
void measure(const fs::path& file, const Manifest& m, const std::vector<std::string>& answers) {
  Database database(file);
  database.add_node({m.weights, "x", "pretrain", m.weights, "", {}, 1, 0, 0});
  database.begin_run("lineage eval", "1", 1);
  ScenarioSpec spec;
  spec.name = "A05.x", spec.ability = "A05", spec.title = "binding";
  spec.metric.info.name = "exact match";
  spec.metric.score = [](const Instance&, const Prediction& p) {
    return p.answer == "yes" ? 1.0 : 0.0;
  };
  Evaluation e;
  e.node = m.weights;
  e.scenario = {"digest", "", &spec, std::ssize(answers), 1};
  for (size_t i = 0; i < answers.size(); ++i) {
    Instance item;
    item.id = "item" + std::to_string(i);
    item.question = text_part("question " + std::to_string(i));
    item.answers = {text_part("yes")};
    item.cell = i % 2 ? "b" : "a";
    e.items.push_back(item);
    Prediction p;
    p.output = p.answer = answers[i];
    e.predictions.push_back(p);
  }
  e.scores = score(spec, e.items, e.predictions, {});
  database.write(e);
}

TEST_F(RunPagesTest, DifferencesAreTheItemsThatOneOfTwoGotRight) {
  const std::string target = "/v1/lineage/differences?tree=small&node=tuned&from=base&ability=A05";
  EXPECT_THAT(refused(404, target), HasSubstr("not both been measured"));
  measure(run() / "scores.sqlite", base, {"yes", "no", "no", "yes"});
  EXPECT_THAT(refused(404, target), HasSubstr("was not put to both"));
  measure(run() / "scores.sqlite", tuned, {"yes", "yes", "yes", "no"});
  const json d = ok(target);
  EXPECT_EQ(d["gained"], 2);
  EXPECT_EQ(d["lost"], 1);
  EXPECT_EQ(d["same"], 1);
  ASSERT_EQ(d["items"].size(), 3u);
  const json& first = d["items"][0];
  EXPECT_EQ(first["prompt"], "question 1");
  EXPECT_EQ(first["wanted"], "yes");
  EXPECT_EQ(first["from"], (json{{"text", "no"}, {"score", 0.0}, {"right", false}}));
  EXPECT_EQ(first["node"], (json{{"text", "yes"}, {"score", 1.0}, {"right", true}}));
  EXPECT_EQ(ok(target + "&which=lost")["items"][0]["item"], "item3");
  EXPECT_EQ(ok(target + "&offset=1&limit=1")["items"][0]["item"], "item2");
  EXPECT_EQ(ok(target + "&offset=9")["items"].size(), 0u);
  // A finer row, by its cell.
  const json cell = ok(target + "%2Fa");
  EXPECT_EQ(cell["cell"], "a");
  EXPECT_EQ(cell["gained"], 1);
  EXPECT_EQ(cell["lost"], 0);
}

TEST_F(RunPagesTest, ATreeThatIsServedAloneIsShownAsItsRunShowsIt) {
  fs::create_directories(run() / "trees" / "other");
  replace_link(run() / "trees" / "other" / "base", node("base"));
  measure(run() / "scores.sqlite", base, {"yes", "no"});
  measure(run() / "scores.sqlite", tuned, {"no", "yes"});
  const json whole = ok("/v1/lineage/trees")["trees"];
  ASSERT_EQ(whole.size(), 2u);
  const std::string report = "/v1/lineage/report?tree=small";
  json scores = ok(report)["scores"];
  fs::create_directory_symlink(tree(), run() / "link");
  for (const fs::path& path :
       {tree(), tree() / "", run() / "trees/other/../small", run() / "link"}) {
    models = std::make_unique<ServedModels>(std::vector<std::string>{path.string()}, "");
    pages = std::make_unique<PageApi>(PageOptions{{path.string()}}, *models);
    reports = std::make_unique<ReportPages>(std::vector<std::string>{path.string()});
    const json alone = ok("/v1/lineage/trees")["trees"];
    ASSERT_EQ(alone.size(), 1u) << path;
    EXPECT_EQ(alone[0]["nodes"], whole[1]["nodes"]);
    EXPECT_EQ(alone[0]["measured"], true);
    EXPECT_EQ(ok(report)["scores"], scores);
    EXPECT_EQ(ok("/v1/lineage/differences?tree=small&node=tuned&from=base&ability=A05")["gained"],
              1);
    EXPECT_THAT(refused(404, "/v1/lineage/curves?tree=other&node=base"),
                HasSubstr("wanted one of: small"));
  }
}

TEST(ShownRuns, OfPathsThatNameATreeTwiceItIsShownOnce) {
  const testing::TempFolder folder;
  const fs::path run = folder.path() / "run";
  fs::create_directories(run / "trees" / "a");
  fs::create_directories(run / "trees" / "b" / "seed-2");
  const auto shown = [&](const std::vector<fs::path>& paths) {
    std::vector<std::string> served, all;
    for (const fs::path& p : paths) served.push_back(p.string());
    for (const ShownRun& r : shown_runs(served))
      for (const std::string& name : r.trees()) all.push_back(name);
    return all;
  };
  EXPECT_THAT(shown({run / "trees" / "b", run, run / "trees" / "a", run}), ElementsAre("a", "b"));
  EXPECT_THAT(shown({run / "trees" / "b", run / "trees" / "b"}), ElementsAre("b"));
  EXPECT_THAT(shown({run / "trees" / "b" / "seed-2", folder.path()}), ElementsAre());
}

TEST_F(RunPagesTest, WrongQuestionsAreToldWhatIsThere) {
  EXPECT_THAT(refused(404, "/v1/lineage/report?tree=none"), HasSubstr("wanted one of: small"));
  EXPECT_THAT(refused(400, "/v1/lineage/curves?tree=small"), HasSubstr("node is absent"));
  EXPECT_THAT(refused(404, "/v1/lineage/curves?tree=small&node=x"), HasSubstr("base, tuned"));
  EXPECT_THAT(refused(404, "/v1/lineage/curves?tree=small&node=base&seed=9"),
              HasSubstr("no seed 9"));
  EXPECT_THAT(refused(400, "/v1/lineage/curves?tree=small&node=base&seed=x"),
              HasSubstr("seed is 'x'"));
  measure(run() / "scores.sqlite", base, {"yes"});
  measure(run() / "scores.sqlite", tuned, {"no"});
  const std::string target = "/v1/lineage/differences?tree=small&node=tuned&from=base&ability=";
  EXPECT_THAT(refused(404, target + "A99"), HasSubstr("no row A99"));
  EXPECT_THAT(refused(400, target + "A05&limit=9999"), HasSubstr("at most 200"));
  EXPECT_THAT(refused(400, target + "A05&which=x"), HasSubstr("wanted gained or lost"));
}

}  // namespace
}  // namespace lineage
