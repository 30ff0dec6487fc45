#include "lineage/abilities/derived.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>

#include "lineage/base/testing.h"
#include "lineage/eval/score.h"
#include "lineage/eval/testing.h"

namespace lineage {
namespace {

class DerivedTest : public ::testing::Test {
 protected:
  DerivedTest() : folder(temp / "node"), db(temp / "scores.sqlite") {
    std::filesystem::create_directory(folder);
    db.begin_run("test", "0", 1);
    NodeRecord parent;
    parent.key = "parent", parent.name = "davinci", parent.weights = "w1", parent.seed = 1;
    parent.folder = folder.string();
    db.add_node(parent);
    NodeRecord child = parent;
    child.key = "child", child.name = "tuned", child.weights = "w2", child.parents = {"w1"};
    child.folder = "";
    db.add_node(child);
  }

  // Items 0, 1, … of which the first `right` are right.
  void answers(const std::string& node, const std::string& name, int n, int right, double graded,
               double format = 1, const std::vector<std::vector<double>>& scores = {}) {
    ScenarioSpec spec;
    spec.name = name, spec.ability = name.substr(0, 3);
    spec.keeps_choices = !scores.empty();
    spec.metric = {{.name = "right"},
                   [](const Instance&, const Prediction& p) { return p.chosen; }};
    Evaluation e;
    e.node = node;
    e.scenario = {"digest " + name, "", &spec, n, 1};
    for (int i = 0; i < n; ++i) {
      Instance& item = e.items.emplace_back();
      item.id = std::to_string(i);
      item.answers = {text_part("a")};
      Prediction& p = e.predictions.emplace_back();
      p.chosen = i < right;
      p.log_prob = graded;
      p.format = format;
      if (!scores.empty()) p.scores = scores[i];
    }
    e.scores = score(spec, e.items, e.predictions, {});
    db.write(e);
  }
  std::vector<std::string> row(const std::string& node, const std::string& name,
                               const std::string& columns) {
    const auto rows = table(db, "SELECT " + columns + " FROM current WHERE node_key = '" + node +
                                    "' AND name = '" + name + "'");
    return rows.empty() ? std::vector<std::string>{} : rows[0];
  }
  double score_of(const std::string& node, const std::string& name) {
    return std::stod(row(node, name, "score").at(0));
  }

  testing::TempFolder temp;
  std::filesystem::path folder;
  Database db;
};

TEST_F(DerivedTest, NothingFollowsFromNothing) {
  derive_scores(db);
  EXPECT_TRUE(db.scores().empty());
}

TEST_F(DerivedTest, TheGapIsPairedAndMeansTwoTasks) {
  answers("child", "A07.known_tasks", 10, 8, -1);    // few shots, more items than the other
  answers("child", "A07.known_tasks.k0", 5, 2, -2);  // of the same five: 5 right and 2
  answers("child", "A08.trained_types", 10, 4, -1);
  derive_scores(db);
  EXPECT_TRUE(row("child", "A15.gap", "score").empty()) << "one part is missing";
  answers("child", "A08.trained_types.k4", 5, 1, -3);  // 1 and 4
  derive_scores(db);
  EXPECT_NEAR(score_of("child", "A15.gap"), ((5 - 2) / 5.0 + (1 - 4) / 5.0) / 2, 1e-12);
  EXPECT_EQ(row("child", "A15.gap", "log_likelihood")[0], "-0.5");  // (1 - 2) / 2
  EXPECT_EQ(row("child", "A15.gap", "ability, parent_row")[0], "A15");
  EXPECT_TRUE(row("parent", "A15.gap", "score").empty());
}

TEST_F(DerivedTest, TheBatteryWeighsAbilitiesAndTheTaxIsAgainstTheParent) {
  for (const char* node : {"parent", "child"}) {
    const bool parent = node == std::string("parent");
    for (const char* scenario :
         {"A01.grammar", "A03.cloze", "A05.binding.two_way.k4", "A06.function.k8", "A10.functions",
          "A12.quantity.chain", "A12.hop.chain", "A12.state.chain", "A14.boxes.moved"}) {
      int right = parent ? 5 : 4;
      if (scenario == std::string("A12.hop.chain")) right = parent ? 0 : 9;
      answers(node, scenario, 10, right, parent ? -1 : -2);
    }
  }
  derive_scores(db);
  // Six abilities of .5 and one of (.5 + 0 + .5) / 3.
  EXPECT_NEAR(score_of("parent", "A16.battery"), (6 * 0.5 + 1.0 / 3) / 7, 1e-12);
  EXPECT_NEAR(score_of("child", "A16.battery"), (6 * 0.4 + (0.4 + 0.9 + 0.4) / 3) / 7, 1e-12);
  EXPECT_NEAR(score_of("child", "A16.tax"), (6 * -0.1 + (-0.1 + 0.9 - 0.1) / 3) / 7, 1e-12);
  EXPECT_NEAR(std::stod(row("child", "A16.tax", "log_likelihood")[0]), -1, 1e-12);
  EXPECT_TRUE(row("parent", "A16.tax", "score").empty());
  EXPECT_EQ(row("child", "A16.battery", "parent_row")[0], "");
  EXPECT_EQ(row("child", "A16.tax", "parent_row")[0], "A16.battery");
  const size_t once = db.scores().size();
  derive_scores(db);
  EXPECT_EQ(db.scores().size(), once);
}

TEST_F(DerivedTest, AChainsWorthNeedsChainsThatEnd) {
  answers("child", "A12.quantity.asked_direct", 10, 3, -2);
  answers("child", "A12.quantity.asked_chain", 10, 9, -1);
  answers("parent", "A12.quantity.asked_direct", 10, 3, -2);
  answers("parent", "A12.quantity.asked_chain", 10, 1, -1, 0.5);
  derive_scores(db);
  EXPECT_NEAR(score_of("child", "A12.gain.quantity"), 0.6, 1e-12);
  EXPECT_EQ(row("child", "A12.gain.quantity", "not_measurable")[0], "");
  EXPECT_EQ(row("parent", "A12.gain.quantity", "not_measurable")[0],
            "not measurable here: of A12.quantity.asked_chain 0.50 come to an answer, below 0.95");
}

TEST_F(DerivedTest, SpikesComeFromTheLogOfTraining) {
  {
    std::ofstream log(folder / "metrics.jsonl");
    for (int step = 1; step <= 138; ++step)
      log << "{\"loss\":" << (step == 130 ? 9 : 2 + step % 2) << ",\"step\":" << step
          << ",\"tokens\":" << step << "}\n";
  }
  derive_scores(db);
  EXPECT_NEAR(score_of("parent", "A26.spikes"), 0.1, 1e-12);
  EXPECT_EQ(row("parent", "A26.spikes", "n, parent_row"), (std::vector<std::string>{"10", ""}));
  EXPECT_TRUE(row("child", "A26.spikes", "score").empty()) << "it has no log";
}

TEST_F(DerivedTest, DivergenceAndAgreementHandCounted) {
  const auto logs = [](double a) { return std::vector{std::log(a), std::log(1 - a)}; };
  answers("child", "A26.next_token", 2, 0, -1, 1, {logs(0.9), logs(0.5)});
  derive_scores(db);
  EXPECT_TRUE(row("child", "A26.kl", "score").empty());
  answers("parent", "A26.next_token", 2, 0, -1, 1, {logs(0.2), logs(0.5)});
  derive_scores(db);
  const double nats = 0.9 * std::log(0.9 / 0.2) + 0.1 * std::log(0.1 / 0.8);
  EXPECT_NEAR(score_of("child", "A26.kl"), nats / 2, 1e-6);
  EXPECT_NEAR(score_of("child", "A26.agreement"), 0.5, 1e-12);
  EXPECT_TRUE(row("parent", "A26.kl", "score").empty());
}

}  // namespace
}  // namespace lineage
