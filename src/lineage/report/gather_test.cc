#include <gtest/gtest.h>

#include "lineage/checkpoint/testing.h"
#include "lineage/report/growth_record.h"
#include "lineage/report/metrics_curves.h"
#include "lineage/report/report.h"
#include "lineage/report/testing.h"

namespace lineage {
namespace {

using testing::random_model;
using testing::TempFolder;
using testing::tiny_config;
using testing::write_bytes;

// A node of one seed; returns its weights' digest.
std::string grow(const fs::path& folder, const std::string& name, uint64_t seed,
                 std::vector<std::string> parents, const GptConfig& config = tiny_config()) {
  Manifest m;
  m.node = name;
  m.stage = "pretrain";
  m.identity = name + std::to_string(seed);
  m.parents = std::move(parents);
  m.config = frozen_model_config(config);
  m.code = "0.1.0";
  m.seed = seed;
  m.step = 2;
  m.tokens = 8192;
  m.created = "2025-01-31T12:00:00Z";
  m.datasets["books"] = {{"kind", "text"}, {"licence", "CC0"}, {"documents", 3},
                         {"tokens", 1000}, {"epochs", 8.192},  {"digest", "abc"}};
  fs::create_directories(folder.parent_path());
  const Model model = random_model(config, seed + name.size());
  const std::string weights = Checkpoint::write(folder, m, *model.parameters).weights;
  write_bytes(folder / "metrics.jsonl",
              R"({"step":1,"tokens":4096,"loss":3.123456,"loss/grammar":2,"tokens_per_s":2048})"
              "\n"
              R"({"step":2,"tokens":8192,"loss":2.5,"tokens_per_s":4096})"
              "\n"
              R"({"step":2,"tokens":8192,"heldout_loss":2.25,"heldout_loss/books":2.5})"
              "\n");
  return weights;
}

// Writes the record of a source into the manifest of a model that is there.
void set_dataset(const fs::path& folder, const std::string& name, const nlohmann::json& record) {
  Manifest m = Checkpoint::open(folder).manifest();
  m.datasets[name] = record;
  write_bytes(folder / "manifest.json", to_json(m));
}

// A tree of two seeds: the recipe's own in the tree's folder, the other in a folder of its own.
void grow_two_seeds(const fs::path& tree) {
  for (const uint64_t seed : {1, 2}) {
    const fs::path folder = seed == 1 ? tree : tree / "seed-2";
    const std::string base = grow(folder / "zz-base", "zz-base", seed, {});
    grow(folder / "a-child", "a-child", seed, {base});
  }
}

const GrowthRun kRun{"lineage grow small.toml", "a machine", "0.1.0", "2025-01-31T12:00:00Z", 10};

TEST(Gather, ReadsNodesSeedsCurvesAndProvenance) {
  const TempFolder run;
  const fs::path tree = run / "trees/small";
  grow_two_seeds(tree);
  add_growth_run(tree, "name = \"small\"", {{"a-child", "zz-base"}}, kRun);
  const Report r = gather_report(run.path());
  EXPECT_EQ(r.name, "small");
  EXPECT_EQ(r.recipe, "name = \"small\"");
  ASSERT_EQ(r.runs.size(), 1u);
  EXPECT_EQ(r.runs[0].seconds, 10);
  EXPECT_EQ(r.seeds, (std::vector<uint64_t>{1, 2}));
  ASSERT_EQ(r.nodes.size(), 2u);
  EXPECT_EQ(r.nodes[0].name, "zz-base");  // parents first
  EXPECT_FALSE(r.nodes[0].control);
  EXPECT_EQ(r.nodes[1].parents, std::vector<std::string>{"zz-base"});
  EXPECT_TRUE(r.nodes[1].control);
  EXPECT_EQ(r.nodes[1].control_of, "zz-base");
  EXPECT_EQ(r.nodes[0].parameters, parameter_count(tiny_config()));
  ASSERT_EQ(r.nodes[0].grown.size(), 2u);
  EXPECT_EQ(r.nodes[0].grown[1].seed, 2u);
  EXPECT_DOUBLE_EQ(r.nodes[0].grown[0].seconds.value(), 3.0);
  ASSERT_EQ(r.nodes[0].data.size(), 1u);
  EXPECT_EQ(r.nodes[0].data[0].trained, 8192);
  EXPECT_EQ(r.curves.size(), 2u * 2u * 4u);
  EXPECT_TRUE(r.scores.empty());
  EXPECT_TRUE(r.notes.empty());
}

TEST(Gather, ReadsWhatFeedbackChangedByNodeAndSeed) {
  const TempFolder run;
  const fs::path tree = run / "trees/small";
  grow_two_seeds(tree);
  for (const char* child : {"a-child", "seed-2/a-child"})
    write_bytes(tree / child / "feedback.json", testing::kSomeFeedback);
  write_bytes(tree / "zz-base/reward.json", testing::kSomeReward);
  const Report r = gather_report(run.path());
  ASSERT_EQ(r.rewards.size(), 1u);
  EXPECT_EQ(r.rewards[0].node, "zz-base");
  ASSERT_EQ(r.feedback.size(), 2u);
  EXPECT_EQ(r.feedback[1].node, "a-child");
  EXPECT_EQ(r.feedback[1].seed, 2u);
  EXPECT_EQ(r.words.size(), 3u + 2u + 1u);  // kinds, behaviours, terms
}

TEST(Gather, SeedsOfAnOlderRecipeAreLeftOutWithTheirChildren) {
  const TempFolder run;
  const fs::path tree = run / "trees/small";
  grow_two_seeds(tree);
  GptConfig wider = tiny_config();
  wider.width *= 2;
  grow(tree / "zz-base", "zz-base", 1, {}, wider);
  const Report r = gather_report(run.path());
  EXPECT_EQ(r.seeds, std::vector<uint64_t>{1});
  ASSERT_EQ(r.notes.size(), 2u);
  EXPECT_NE((r.notes[0] + r.notes[1]).find("zz-base of seed 2 was grown from another version"),
            std::string::npos);
}

TEST(Gather, WhatCannotBeReadIsLeftOutByName) {
  const TempFolder run;
  const fs::path tree = run / "trees/small";
  grow_two_seeds(tree);
  write_bytes(tree / "a-child/manifest.json", "{}");  // of another version
  write_bytes(tree / "seed-2/zz-base/metrics.jsonl", "no line\n{\"tokens\":1}\n");
  const Report r = gather_report(run.path());
  ASSERT_EQ(r.nodes.size(), 2u);
  EXPECT_EQ(r.nodes[0].grown.size(), 1u);
  ASSERT_EQ(r.notes.size(), 2u);
  EXPECT_NE(r.notes[0].find("a-child/manifest.json"), std::string::npos) << r.notes[0];
  EXPECT_NE(r.notes[1].find("metrics.jsonl:1"), std::string::npos) << r.notes[1];
  for (const char* node : {"zz-base", "seed-2/a-child"})
    write_bytes(tree / node / "manifest.json", "{}");
  EXPECT_THROW(gather_report(run.path()), Error);
}

TEST(Gather, OnlyGeneratedDataMayDifferBetweenSeeds) {
  for (const bool generated : {true, false}) {
    const TempFolder run;
    const fs::path tree = run / "trees/small";
    grow_two_seeds(tree);
    for (const auto& [child, digest] : {std::pair("a-child", "a"), {"seed-2/a-child", "b"}})
      set_dataset(tree / child, "answers", {{"digest", digest}, {"generated", generated}});
    const Report r = gather_report(run.path());
    ASSERT_EQ(r.nodes.size(), 2u);
    EXPECT_EQ(r.nodes[1].name, "a-child");
    EXPECT_EQ(r.nodes[1].grown.size(), generated ? 2u : 1u);
  }
}

TEST(Gather, NodesStandInTheRecipesOrder) {
  const TempFolder run;
  const fs::path tree = run / "trees/small";
  for (const char* name : {"a", "b", "c"}) grow(tree / name, name, 1, {});
  add_growth_run(tree, "[nodes.c]\n[nodes.a]\n", {}, kRun);
  std::vector<std::string> names;
  for (const ReportNode& n : gather_report(run.path()).nodes) names.push_back(n.name);
  EXPECT_EQ(names, (std::vector<std::string>{"c", "a", "b"}));
}

TEST(Gather, AGrowthRecordAddsUpWhatWasTakenUpAgain) {
  const TempFolder tree;
  add_growth_run(tree.path(), "a = 1", {}, kRun);
  add_growth_run(tree.path(), "a = 2", {{"c", ""}}, kRun);
  GrowthRun more = kRun;
  more.command += " --seeds 3";
  add_growth_run(tree.path(), "a = 2", {{"c", ""}}, more);
  const auto record = read_growth_record(tree.path()).value();
  EXPECT_EQ(record.recipe, "a = 2");
  EXPECT_EQ(record.controls.at("c"), "");
  ASSERT_EQ(record.runs.size(), 2u);
  EXPECT_EQ(record.runs[0].seconds, 20);
  EXPECT_EQ(record.runs[1].command, "lineage grow small.toml --seeds 3");
}

TEST(Gather, SaysWhatIsMissing) {
  const TempFolder run;
  EXPECT_SAYS(gather_report(run / "none"), "none: no such folder");
  EXPECT_SAYS(gather_report(run.path()), "no grown node lies here");
  fs::create_directories(run / "trees");
  EXPECT_SAYS(gather_report(run.path()), "trees: no tree has been grown here");
  fs::create_directories(run / "trees/a");
  fs::create_directories(run / "trees/b");
  EXPECT_SAYS(gather_report(run.path()), "2 trees; wanted the name of one");
  EXPECT_SAYS(gather_report(run.path()), "add --tree with one of a, b");
  EXPECT_SAYS(gather_report(run.path(), "c"), "no tree c; wanted one of a, b");
  EXPECT_SAYS(gather_report(run.path(), "a"), "no grown node lies here");
}

TEST(Gather, AGrowthRecordThatCannotBeReadIsDoneWithout) {
  const TempFolder tree;
  EXPECT_FALSE(read_growth_record(tree.path()));
  write_bytes(tree / "growth.json", "{\"command\":");
  EXPECT_FALSE(read_growth_record(tree.path()));
  EXPECT_NE(describe_machine().find(" core"), std::string::npos);
}

TEST(Metrics, ThinsToEqualSpansOfTokens) {
  const TempFolder folder;
  std::string lines;
  for (int i = 1; i <= 1000; ++i)
    lines += "{\"tokens\":" + std::to_string(i * 10) + ",\"loss\":" + std::to_string(i) + "}\n";
  write_bytes(folder / "m.jsonl", lines);
  const NodeMetrics m = read_metrics(folder / "m.jsonl", 10);
  ASSERT_EQ(m.curves.size(), 1u);
  ASSERT_EQ(m.curves[0].tokens.size(), 10u);
  EXPECT_EQ(m.curves[0].tokens.back(), 10000);
  EXPECT_EQ(m.curves[0].tokens[0], 1000);
  EXPECT_DOUBLE_EQ(m.curves[0].values[0], 50.5);  // 1 .. 100
  EXPECT_FALSE(m.seconds);
}

TEST(Metrics, TagsAndHeldOutAreCurvesOfTheirOwn) {
  const TempFolder folder;
  write_bytes(folder / "m.jsonl",
              "{\"tokens\":1,\"loss\":3,\"loss/A05\":2,\"grad_norm\":1}\n"
              "{\"tokens\":1,\"heldout_loss\":2.5,\"heldout_loss/books\":2.75}\n");
  const auto curves = read_metrics(folder / "m.jsonl").curves;
  ASSERT_EQ(curves.size(), 4u);
  EXPECT_EQ(curves[0].tag, "");
  EXPECT_EQ(curves[1].tag, "A05");
  EXPECT_FALSE(curves[1].heldout);
  EXPECT_EQ(curves[3].tag, "books");
  EXPECT_TRUE(curves[3].heldout);
}

TEST(Metrics, WhatAStageMeasuresIsACurve) {
  const TempFolder folder;
  write_bytes(folder / "m.jsonl",
              "{\"tokens\":1,\"kl\":0.5,\"grad_norm\":1,\"lr\":1,\"mfu\":1,\"step\":1}\n"
              "{\"tokens\":1,\"heldout_accuracy\":0.75}\n");
  const auto curves = read_metrics(folder / "m.jsonl").curves;
  ASSERT_EQ(curves.size(), 2u);
  EXPECT_EQ(curves[0].metric, "accuracy");
  EXPECT_TRUE(curves[0].heldout);
  EXPECT_EQ(curves[1].metric, "kl");
  EXPECT_EQ(curves[1].values, std::vector{0.5});
}

TEST(Metrics, EventsKeepTheirSteps) {
  const TempFolder folder;
  write_bytes(folder / "m.jsonl",
              "{\"tokens\":1,\"step\":1,\"kl\":0.5}\n"
              "{\"tokens\":2,\"step\":2,\"kl\":0.5,\"event\":\"KL: too much\"}\n");
  const auto events = read_metrics(folder / "m.jsonl").events;
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].step, 2);
  EXPECT_EQ(events[0].text, "KL: too much");
}

TEST(Metrics, SmallNumbersKeepTheirDigits) {
  EXPECT_DOUBLE_EQ(rounded(3.123456), 3.1235);
  EXPECT_DOUBLE_EQ(rounded(1.23456e-5), 1.23e-5);
  EXPECT_DOUBLE_EQ(rounded(-0.0123456), -0.0123);
  EXPECT_EQ(rounded(0), 0);
}

TEST(Metrics, ACutLastLineIsLeftOutABadOneIsNamed) {
  const TempFolder folder;
  write_bytes(folder / "m.jsonl", "{\"tokens\":1,\"loss\":3}\n{\"tok");
  EXPECT_EQ(read_metrics(folder / "m.jsonl").curves[0].tokens.size(), 1u);
  write_bytes(folder / "m.jsonl", "{\"tokens\":1,\"loss\":3}\n{\"tok\n");
  EXPECT_SAYS(read_metrics(folder / "m.jsonl"), "m.jsonl:2: no JSON object with tokens");
  EXPECT_TRUE(read_metrics(folder / "absent.jsonl").curves.empty());
}

}  // namespace
}  // namespace lineage
