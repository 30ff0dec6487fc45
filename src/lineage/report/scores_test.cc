#include "lineage/report/scores.h"

#include <gtest/gtest.h>

#include "lineage/checkpoint/testing.h"
#include "lineage/eval/database.h"

namespace lineage {
namespace {

using testing::TempFolder;

constexpr int64_t kItems = 40;

ScenarioSpec spec_of(const std::string& name, const std::string& ability) {
  ScenarioSpec spec;
  spec.name = name;
  spec.ability = ability;
  spec.title = "the " + ability;
  spec.metric.info.name = "exact match";
  return spec;
}

// `right` of the items answered right, the first ones.
void evaluate_as(Database& database, const std::string& node, const ScenarioSpec& spec,
                 int64_t right, const std::string& gate = "", const std::string& digest = "d",
                 const std::vector<std::string>& cells = {""}) {
  Evaluation e;
  e.node = node;
  e.scenario = {digest + spec.name, "", &spec, kItems, 1};
  e.not_measurable = gate;
  for (int64_t i = 0; i < kItems; ++i) {
    Instance item;
    item.id = "item" + std::to_string(i);
    item.question = text_part("question " + std::to_string(i));
    item.answers = {text_part("yes")};
    item.cell = cells[static_cast<size_t>(i) % cells.size()];
    e.items.push_back(item);
    Prediction p;
    p.output = i < right ? "yes" : "no";
    p.answer = p.output;
    p.log_prob = i < right ? -0.5 : -2;
    e.predictions.push_back(p);
  }
  ScenarioSpec scored = spec;
  scored.metric.score = [](const Instance&, const Prediction& p) {
    return p.answer == "yes" ? 1.0 : 0.0;
  };
  e.scenario.spec = &scored;
  e.scores = score(scored, e.items, e.predictions, {});
  database.write(e);
}

ReportNode node_of(const std::string& name, std::vector<std::string> parents,
                   const std::vector<std::string>& keys) {
  ReportNode node;
  node.name = name;
  node.parents = std::move(parents);
  for (size_t i = 0; i < keys.size(); ++i) {
    GrownModel g;
    g.seed = i + 1;
    g.identity = keys[i];
    node.grown.push_back(g);
  }
  return node;
}

void add_node(Database& database, const std::string& key, const std::string& name, uint64_t seed) {
  database.add_node({key, name, "pretrain", "w" + key, "", {}, seed, 0, 0});
}

TEST(Scores, OneSeedHasTheDatabasesIntervalsAndPairedDifferences) {
  const TempFolder folder;
  const fs::path path = folder / "scores.sqlite";
  {
    Database database(path);
    database.begin_run("lineage eval", "0.1.0", 1);
    add_node(database, "p1", "parent", 1);
    add_node(database, "c1", "child", 1);
    add_node(database, "x1", "stranger", 1);
    const auto a08 = spec_of("A08.trained", "A08"), a22 = spec_of("A22.belief", "A22");
    evaluate_as(database, "p1", a08, 4);
    evaluate_as(database, "c1", a08, 30);
    evaluate_as(database, "x1", a08, 40);
    evaluate_as(database, "p1", a22, 20);
    evaluate_as(database, "c1", a22, 20, "fresh names .7; wanted .9");
  }
  Report r;
  r.seeds = {1};
  r.nodes = {node_of("parent", {}, {"p1"}), node_of("child", {"parent"}, {"c1"})};
  add_scores(r, path);
  ASSERT_EQ(r.abilities.size(), 2u);
  EXPECT_EQ(r.abilities[0].id, "A08");
  EXPECT_EQ(r.abilities[0].name, "the A08");
  ASSERT_EQ(r.scores.size(), 4u);
  const ReportScore& child = r.scores[1];
  EXPECT_EQ(child.node, "child");
  EXPECT_DOUBLE_EQ(child.score->value, 0.75);
  EXPECT_LT(child.score->low, 0.75);
  EXPECT_GT(child.score->high, 0.75);
  EXPECT_EQ(child.n, kItems);
  EXPECT_DOUBLE_EQ(child.log_likelihood->value, (30 * -0.5 + 10 * -2.0) / 40);
  EXPECT_FALSE(r.scores[3].score);
  EXPECT_EQ(r.scores[3].not_measurable, "fresh names .7; wanted .9");
  ASSERT_EQ(r.contrasts.size(), 1u);  // none where one end is not measurable
  EXPECT_DOUBLE_EQ(r.contrasts[0].difference.value, 26.0 / 40);
  EXPECT_GT(r.contrasts[0].difference.low, 0.4);
  EXPECT_LT(r.contrasts[0].p, 0.001);
  EXPECT_EQ(r.contrasts[0].n, kItems);
  EXPECT_EQ(r.contrasts[0].kind, ContrastKind::parent);
  EXPECT_EQ(r.contrasts[0].difference, r.contrasts[0].items);
  EXPECT_EQ(r.contrasts[0].holm, r.contrasts[0].p);  // one claim
  ASSERT_EQ(r.runs.size(), 1u);
  EXPECT_EQ(r.runs[0].command, "lineage eval");
  Report grown;  // by `grow`, which evaluates, too: its command is there once
  grown.seeds = r.seeds;
  grown.nodes = r.nodes;
  grown.runs = {{"lineage eval", "a machine", "0.1.0", "", 60.0}};
  add_scores(grown, path);
  ASSERT_EQ(grown.runs.size(), 1u);
  EXPECT_EQ(grown.runs[0].seconds, 60.0);
  ASSERT_EQ(r.samples.size(), 6u);
  EXPECT_EQ(r.samples[0].prompt, "question 4");  // the first that the child alone got right
  EXPECT_EQ(r.samples[0].wanted, "yes");
  ASSERT_EQ(r.samples[0].answers.size(), 2u);
}

TEST(Scores, SeveralSeedsTakeTheWiderInterval) {
  const TempFolder folder;
  const fs::path path = folder / "scores.sqlite";
  {
    Database database(path);
    database.begin_run("lineage eval", "0.1.0", 1);
    const auto a08 = spec_of("A08.trained", "A08");
    for (int s = 1; s <= 3; ++s) {
      const std::string n = std::to_string(s);
      add_node(database, "p" + n, "parent", static_cast<uint64_t>(s));
      add_node(database, "c" + n, "child", static_cast<uint64_t>(s));
      evaluate_as(database, "p" + n, a08, 4 + s);
      evaluate_as(database, "c" + n, a08, 16 + 4 * s);
    }
  }
  Report r;
  r.seeds = {1, 2, 3};
  r.nodes = {node_of("parent", {}, {"p1", "p2", "p3"}),
             node_of("child", {"parent"}, {"c1", "c2", "c3"})};
  add_scores(r, path);
  ASSERT_EQ(r.scores.size(), 2u);
  EXPECT_DOUBLE_EQ(r.scores[1].score->value, 24.0 / 40);
  for (size_t s = 0; s < 3; ++s)
    EXPECT_DOUBLE_EQ(r.scores[1].per_seed.at(s).value(), 0.5 + 0.1 * static_cast<double>(s));
  // Student's t over .5 .6 .7: half-width 4.303 * .1 / sqrt(3) = .248, wider than that over items.
  EXPECT_NEAR(r.scores[1].score->high, 0.6 + 0.2484, 1e-3);
  ASSERT_TRUE(r.scores[1].items);
  EXPECT_DOUBLE_EQ(r.scores[1].items->value, 0.6);
  EXPECT_GT(r.scores[1].items->low, r.scores[1].score->low);
  ASSERT_EQ(r.contrasts.size(), 1u);
  EXPECT_EQ(r.contrasts[0].seeds, 3);
  EXPECT_NEAR(r.contrasts[0].difference.value, 0.45, 1e-9);  // .375 .45 .525
  // t = .45 / (.075 / sqrt(3)) = 10.39 with two degrees of freedom
  EXPECT_NEAR(r.contrasts[0].p, 0.0091, 5e-4);
}

TEST(Scores, ASeedThatIsMissingIsLeftOpenAndPairedWithout) {
  const TempFolder folder;
  const fs::path path = folder / "scores.sqlite";
  {
    Database database(path);
    database.begin_run("lineage eval", "0.1.0", 1);
    const auto a08 = spec_of("A08.trained", "A08");
    for (const char* n : {"1", "2", "3"}) {
      add_node(database, std::string("p") + n, "parent", 1);
      add_node(database, std::string("c") + n, "child", 1);
      evaluate_as(database, std::string("p") + n, a08, 10);
      if (*n != '2') evaluate_as(database, std::string("c") + n, a08, 20);
    }
  }
  Report r;
  r.seeds = {1, 2, 3};
  r.nodes = {node_of("parent", {}, {"p1", "p2", "p3"}),
             node_of("child", {"parent"}, {"c1", "c2", "c3"})};
  add_scores(r, path);
  ASSERT_EQ(r.scores.size(), 2u);
  EXPECT_DOUBLE_EQ(r.scores[1].per_seed.at(0).value(), 0.5);
  EXPECT_FALSE(r.scores[1].per_seed.at(1));
  EXPECT_DOUBLE_EQ(r.scores[1].per_seed.at(2).value(), 0.5);
  ASSERT_EQ(r.contrasts.size(), 1u);
  EXPECT_EQ(r.contrasts[0].seeds, 2);
  EXPECT_DOUBLE_EQ(r.contrasts[0].difference.value, 0.25);
  // Seeds that agree to the last item have no spread; the interval is that of the items at least.
  EXPECT_LE(r.contrasts[0].difference.low, r.contrasts[0].items.low);
  EXPECT_LT(r.contrasts[0].items.low, 0.25);
}

TEST(Scores, AControlIsComparedWithTheNodeItStandsAgainst) {
  const TempFolder folder;
  const fs::path path = folder / "scores.sqlite";
  {
    Database database(path);
    database.begin_run("lineage eval", "0.1.0", 1);
    const auto a08 = spec_of("A08.trained", "A08"), a10 = spec_of("A10.functions", "A10");
    for (const auto& [name, right] :
         {std::pair("parent", 4), std::pair("child", 30), std::pair("long", 10)}) {
      add_node(database, name, name, 1);
      evaluate_as(database, name, a08, right);
      evaluate_as(database, name, a10, 5);
    }
  }
  Report r;
  r.seeds = {1};
  r.nodes = {node_of("parent", {}, {"parent"}), node_of("child", {"parent"}, {"child"}),
             node_of("long", {"parent"}, {"long"})};
  r.nodes[2].control = true;
  r.nodes[2].control_of = "child";
  add_scores(r, path);
  const auto found = std::ranges::find(r.contrasts, ContrastKind::control, &ReportContrast::kind);
  ASSERT_NE(found, r.contrasts.end());
  EXPECT_EQ(found->node, "child");
  EXPECT_EQ(found->parent, "long");
  EXPECT_DOUBLE_EQ(found->difference.value, 0.5);
  EXPECT_EQ(found->holm, 2 * found->p);  // the other ability did not move
}

TEST(Scores, CellsAndOtherConditionsAreFinerRows) {
  const TempFolder folder;
  const fs::path path = folder / "scores.sqlite";
  {
    Database database(path);
    database.begin_run("lineage eval", "0.1.0", 1);
    add_node(database, "m", "model", 1);
    evaluate_as(database, "m", spec_of("A05.binding.k4", "A05"), 10, "", "d",
                {"far", "near 16", "near 2"});
    auto condition = spec_of("A05.binding.k16", "A05");
    condition.parent_row = "A05.binding.k4";
    evaluate_as(database, "m", condition, 20);
    condition.name = "A05.binding.k2";
    evaluate_as(database, "m", condition, 20);
    const auto file = spec_of("hellaswag", "HellaSwag");
    evaluate_as(database, "m", file, 20);
  }
  Report r;
  r.seeds = {1};
  r.nodes = {node_of("model", {}, {"m"})};
  add_scores(r, path);
  std::vector<std::pair<std::string, std::string>> rows;
  for (const ReportAbility& a : r.abilities) rows.emplace_back(a.id, a.of);
  EXPECT_EQ(rows, (std::vector<std::pair<std::string, std::string>>{{"A05", ""},
                                                                    {"A05/far", "A05"},
                                                                    {"A05/near 2", "A05"},
                                                                    {"A05/near 16", "A05"},
                                                                    {"A05.binding.k2", "A05"},
                                                                    {"A05.binding.k16", "A05"},
                                                                    {"HellaSwag", ""}}));
  EXPECT_EQ(r.abilities[1].name, "far");
  EXPECT_EQ(r.abilities[5].name, "the A05, k16");
  EXPECT_EQ(r.scores.size(), rows.size());
}

// Where the parent row was not measured, as after `eval --ability`.
TEST(Scores, AConditionAloneIsARowOfItsOwn) {
  const TempFolder folder;
  const fs::path path = folder / "scores.sqlite";
  {
    Database database(path);
    database.begin_run("lineage eval", "0.1.0", 1);
    add_node(database, "m", "model", 1);
    auto condition = spec_of("A05.binding.k16", "A05");
    condition.parent_row = "A05.binding.k4";
    evaluate_as(database, "m", condition, 20);
  }
  Report r;
  r.seeds = {1};
  r.nodes = {node_of("model", {}, {"m"})};
  add_scores(r, path);
  ASSERT_EQ(r.abilities.size(), 1u);
  EXPECT_EQ(r.abilities[0].of, "");
}

TEST(Scores, ARowWithoutUpperEndIsAsWideAsWhatIsSeen) {
  const TempFolder folder;
  const fs::path path = folder / "scores.sqlite";
  {
    Database database(path);
    database.begin_run("lineage eval", "0.1.0", 1);
    auto length = spec_of("A26.length", "A26");
    length.metric.info = {.name = "length",
                          .kind = MetricKind::amount,
                          .unit = "words",
                          .better = Better::neither,
                          .has_chance = false};
    for (int s = 1; s <= 3; ++s) {
      const std::string key = "m" + std::to_string(s);
      add_node(database, key, "model", static_cast<uint64_t>(s));
      Evaluation e;
      e.node = key;
      e.scenario = {"d", "", &length, kItems, 1};
      e.scores.resize(1);
      e.scores[0].estimate.value = 4.0 + s;
      e.scores[0].n = kItems;
      database.write(e);
    }
  }
  Report r;
  r.name = "small";
  r.seeds = {1, 2, 3};
  r.nodes = {node_of("model", {}, {"m1", "m2", "m3"})};
  add_scores(r, path);
  ASSERT_EQ(r.scores.size(), 1u);
  EXPECT_NEAR(r.scores[0].score->high, 6 + 2.484, 1e-3);  // 4.303 / sqrt(3)
  EXPECT_EQ(r.abilities[0].low, 0);
  EXPECT_EQ(r.abilities[0].high, r.scores[0].score->high);
  EXPECT_FALSE(r.abilities[0].chance);
  EXPECT_EQ(r.abilities[0].unit, "words");
  EXPECT_EQ(r.abilities[0].better, Better::neither);
  EXPECT_FALSE(r.scores[0].skill);
  const Report again = parse_report(report_json(r), "report.json");
  EXPECT_EQ(again.scores[0].score, r.scores[0].score);
}

TEST(Scores, SeedsThatWereAskedDifferentItemsAreNotPaired) {
  const TempFolder folder;
  const fs::path path = folder / "scores.sqlite";
  {
    Database database(path);
    database.begin_run("lineage eval", "0.1.0", 1);
    const auto a08 = spec_of("A08.trained", "A08");
    add_node(database, "p1", "parent", 1);
    add_node(database, "c1", "child", 1);
    evaluate_as(database, "p1", a08, 4, "", "one");
    evaluate_as(database, "c1", a08, 30, "", "other");
  }
  Report r;
  r.seeds = {1};
  r.nodes = {node_of("parent", {}, {"p1"}), node_of("child", {"parent"}, {"c1"})};
  add_scores(r, path);
  EXPECT_EQ(r.scores.size(), 2u);
  EXPECT_TRUE(r.contrasts.empty());
}

}  // namespace
}  // namespace lineage
