#include "lineage/eval/evaluate.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>

#include "lineage/base/error.h"
#include "lineage/base/file.h"
#include "lineage/base/testing.h"
#include "lineage/eval/item_metrics.h"
#include "lineage/eval/testing.h"

namespace lineage {
namespace {

using testing::ScriptedModel;

// "q" is answered by "a" or "b" in turns, in two cells.
class Toy final : public Scenario {
 public:
  explicit Toy(std::string name, Prerequisite gate = {})
      : Scenario(make(std::move(name), std::move(gate))) {}
  std::vector<Instance> items(ItemSet set, int64_t n) const override {
    std::vector<Instance> all;
    if (set == ItemSet::examples) return all;
    for (int64_t i = 0; i < n; ++i) {
      Instance item;
      item.id = (set == ItemSet::dev ? "dev" : "") + std::to_string(i);
      item.cell = i < n / 2 ? "near" : "far";
      item.question = text_part("q");
      item.answers = {text_part("a"), text_part("b")};
      item.correct = static_cast<int>(i % 2);
      all.push_back(std::move(item));
    }
    return all;
  }

 private:
  static ScenarioSpec make(std::string name, Prerequisite gate) {
    ScenarioSpec spec;
    spec.name = std::move(name), spec.ability = "A99", spec.title = "toy";
    spec.metric = metrics::choice_accuracy();
    spec.prompt.method = PromptSpec::Method::choose;
    spec.prompt.before_answer = " is";
    spec.templates = {PromptSpec::Template::raw, PromptSpec::Template::chat};
    spec.n = 20;
    spec.prerequisite = std::move(gate);
    return spec;
  }
};

// The same with other questions.
class Changed final : public Scenario {
 public:
  explicit Changed(Toy toy) : Scenario(toy.spec()), toy_(std::move(toy)) {}
  std::vector<Instance> items(ItemSet set, int64_t n) const override {
    auto all = toy_.items(set, n);
    for (Instance& item : all) item.question = text_part("q q");
    return all;
  }

 private:
  Toy toy_;
};

using Table = std::vector<std::vector<std::string>>;

class EvaluateTest : public ::testing::Test {
 protected:
  EvaluateTest() {
    // In chat it is always sure of "a", in plain text slightly of "b": right half of the time, but
    // chat has the better likelihood.
    model.log_prob = [](const std::string& context, const std::string& next) {
      const bool chat = context.find("<user>") != context.npos;
      return (next == "a") == chat ? -0.1 : chat ? -1.0 : -9.0;
    };
  }
  testing::TempFolder folder;
  ScriptedModel model{{"q", "is", "a", "b"}};
  NodeRecord node{.key = "key",
                  .name = "davinci",
                  .stage = "pretrain",
                  .weights = "w",
                  .folder = "f",
                  .parents = {"p1"},
                  .seed = 3,
                  .tokens = 10,
                  .parameters = 7};
  ScenarioList toys{std::make_shared<Toy>("toy.one"), std::make_shared<Toy>("toy.two")};
};

TEST_F(EvaluateTest, WritesScoresItemsAndPredictions) {
  Database db(folder / "scores.sqlite");
  db.begin_run("test", "0", 1);
  evaluate(model, node, toys, db);
  const auto rows = db.scores("key");
  ASSERT_EQ(rows.size(), 6u);  // two scenarios: all, far, near
  EXPECT_EQ(rows[0].cell, "");
  EXPECT_EQ(rows[1].cell, "far");
  EXPECT_EQ(rows[0].node_name, "davinci");
  EXPECT_EQ(rows[0].n, 20);
  EXPECT_DOUBLE_EQ(rows[0].score, 0.5);
  EXPECT_LT(rows[0].low, 0.35);
  EXPECT_GT(rows[0].high, 0.65);
  EXPECT_DOUBLE_EQ(rows[0].chance, 0.5);
  EXPECT_EQ(rows[0].prompt_template, "chat");
  EXPECT_NEAR(rows[0].log_likelihood, (-0.1 - 1.0) / 2, 1e-6);
  EXPECT_EQ(rows[0].not_measurable, "");
  EXPECT_EQ(table(db, "SELECT count(*) FROM items")[0][0], "40");
  EXPECT_EQ(table(db, "SELECT count(*), sum(score) FROM predictions")[0],
            (std::vector<std::string>{"40", "20"}));
  const auto dev = table(db, "SELECT dev_raw, dev_chat FROM scores LIMIT 1")[0];
  EXPECT_NEAR(std::stod(dev[0]), (-9.0 - 0.1) / 2, 1e-6);
  EXPECT_NEAR(std::stod(dev[1]), (-0.1 - 1.0) / 2, 1e-6);
  EXPECT_EQ(table(db, "SELECT parents, parameters FROM nodes")[0],
            (std::vector<std::string>{"[\"p1\"]", "7"}));
}

TEST_F(EvaluateTest, WhatIsThereIsNotDoneAgain) {
  Database db(folder / "scores.sqlite");
  db.begin_run("test", "0", 1);
  evaluate(model, node, {toys[0]}, db);
  const int64_t once = model.scored_tokens;
  evaluate(model, node, {toys[0]}, db);
  EXPECT_EQ(model.scored_tokens, once);
  evaluate(model, node, toys, db);  // continues with the second
  EXPECT_EQ(model.scored_tokens, 2 * once);
  EvaluateOptions options;
  options.n = 10;  // other items: another scenario
  evaluate(model, node, {toys[0]}, db, options);
  EXPECT_GT(model.scored_tokens, 2 * once);
  EXPECT_NEAR(db.current_score("key", "toy.one", "").value(), 0.5, 1e-12);
  options.n = 0, options.again = true;
  const int64_t before = model.scored_tokens;
  evaluate(model, node, {toys[0]}, db, options);
  EXPECT_EQ(model.scored_tokens, before + once);
}

TEST_F(EvaluateTest, ASmallTryReplacesNothing) {
  Database db(folder / "scores.sqlite");
  EvaluateOptions few;
  few.n = 10;
  const auto shown = [&] { return db.scores("key").at(0).n; };
  db.begin_run("few", "0", 1);
  const std::string small = evaluate(model, node, {toys[0]}, db, few).at(0);
  EXPECT_EQ(shown(), 10);
  EXPECT_EQ(db.items_of_larger("key", small), 0);
  db.begin_run("all", "0", 1);
  evaluate(model, node, {toys[0]}, db);
  EXPECT_EQ(shown(), 20);
  db.begin_run("few again", "0", 1);
  few.again = true, few.seed = 2;  // with any other options
  const auto again = evaluate(model, node, {toys[0]}, db, few);
  EXPECT_EQ(table(db, "SELECT count(*) FROM runs")[0][0], "3");
  EXPECT_EQ(shown(), 20);
  EXPECT_EQ(db.scores_of("key", again[0]).at(0).n, 10);
  EXPECT_EQ(db.items_of_larger("key", again[0]), 20);
  // All cells are of one measurement.
  EXPECT_EQ(table(db, "SELECT count(DISTINCT scenario), count(*) FROM current")[0],
            (std::vector<std::string>{"1", "3"}));
  // Other questions under the name are another matter.
  db.begin_run("changed", "0", 1);
  evaluate(model, node, {std::make_shared<Changed>(Toy("toy.one"))}, db, few);
  EXPECT_EQ(shown(), 10);
}

TEST_F(EvaluateTest, ARunThatMeasuresNothingLeavesNoRow) {
  Database db(folder / "scores.sqlite");
  db.begin_run("first", "0", 1);
  evaluate(model, node, toys, db);
  db.begin_run("second", "0", 1);
  evaluate(model, node, toys, db);
  EXPECT_EQ(table(db, "SELECT command FROM runs"), (Table{{"first"}}));
  EXPECT_EQ(table(db, "SELECT DISTINCT run FROM scores"), (Table{{"1"}}));
}

TEST_F(EvaluateTest, ADatabaseOfAnotherFormatIsRefused) {
  const auto path = folder / "scores.sqlite";
  for (const auto& [version, help] : {std::pair{"2", "an earlier version of Lineage wrote it"},
                                      std::pair{"5", "a later version of Lineage wrote it"}}) {
    std::filesystem::remove(path);
    { table(Database(path), std::string("PRAGMA user_version = ") + version); }
    for (const auto access : {Database::Access::write, Database::Access::read}) try {
        Database db(path, access);
        ADD_FAILURE() << "no error";
      } catch (const Error& e) {
        EXPECT_EQ(e.what(), path.string() + ": is a database of format " + version + "; wanted 4");
        EXPECT_NE(e.hint().find(help), std::string::npos) << e.hint();
      }
  }
}

// A new title is no reason to measure again.
TEST_F(EvaluateTest, ARenamedScenarioIsNotMeasuredAgain) {
  class Renamed final : public Scenario {
   public:
    explicit Renamed(Toy toy) : Scenario(toy.spec()), toy_(std::move(toy)) {
      spec_.title = "renamed", spec_.parent_row = "toy.two";
    }
    std::vector<Instance> items(ItemSet set, int64_t n) const override {
      return toy_.items(set, n);
    }

   private:
    Toy toy_;
  };
  Database db(folder / "scores.sqlite");
  db.begin_run("test", "0", 1);
  evaluate(model, node, {toys[0]}, db);
  const int64_t once = model.scored_tokens;
  evaluate(model, node, {std::make_shared<Renamed>(Toy("toy.one"))}, db);
  EXPECT_EQ(model.scored_tokens, once);
  EXPECT_EQ(table(db, "SELECT DISTINCT title, parent_row FROM current"),
            (Table{{"renamed", "toy.two"}}));
}

TEST_F(EvaluateTest, AGradersRevisionIsMeasuredAgain) {
  Database db(folder / "scores.sqlite");
  db.begin_run("test", "0", 1);
  const auto first = evaluate(model, node, {toys[0]}, db);
  class Mended final : public Scenario {
   public:
    explicit Mended(Toy toy) : Scenario(toy.spec()), toy_(std::move(toy)) { spec_.revision = 1; }
    std::vector<Instance> items(ItemSet set, int64_t n) const override {
      return toy_.items(set, n);
    }

   private:
    Toy toy_;
  };
  const int64_t once = model.scored_tokens;
  db.begin_run("mended", "0", 1);
  const auto again = evaluate(model, node, {std::make_shared<Mended>(Toy("toy.one"))}, db);
  EXPECT_GT(model.scored_tokens, once);
  EXPECT_NE(again, first);
  EXPECT_EQ(table(db, "SELECT DISTINCT digest FROM current"), (Table{{again[0]}}));
}

TEST_F(EvaluateTest, ScoresKeepWhatTheirMetricIs) {
  Database db(folder / "scores.sqlite");
  db.begin_run("test", "0", 1);
  evaluate(model, node, {toys[0]}, db);
  EXPECT_EQ(table(db,
                  "SELECT DISTINCT metric, kind, unit, better, target, has_chance, parent_row FROM "
                  "current"),
            (Table{{"accuracy", "share", "", "higher", "", "1", ""}}));
}

// A chosen choice is stored as its index; the view has its text.
TEST_F(EvaluateTest, ChoicesAreStoredOnce) {
  Database db(folder / "scores.sqlite");
  db.begin_run("test", "0", 1);
  evaluate(model, node, {toys[0]}, db);
  EXPECT_EQ(table(db, "SELECT count(output), count(answer) FROM predictions"), (Table{{"0", "0"}}));
  EXPECT_EQ(table(db, "SELECT DISTINCT output, answer FROM given"), (Table{{"a", "a"}}));
}

TEST_F(EvaluateTest, AModelThatIsNotFiniteHasNoScores) {
  Database db(folder / "scores.sqlite");
  db.begin_run("first", "0", 1);
  model.log_prob = [](const std::string&, const std::string&) { return std::nan(""); };
  try {
    evaluate(model, node, toys, db);
    ADD_FAILURE() << "no error";
  } catch (const Error& e) {
    EXPECT_STREQ(e.what(),
                 "davinci: the log-probability of an answer is nan (toy.one, item 0); wanted a "
                 "finite one");
  }
  EXPECT_TRUE(db.scores("key").empty());
}

// Like after SIGKILL: an evaluation that was not committed leaves nothing, and the run ends with
// the scores of an uninterrupted one.
TEST_F(EvaluateTest, ACutRunEndsWithTheSameScores) {
  const char* kScores =
      "SELECT c.name, s.cell, s.score, s.low, s.log_likelihood, s.template FROM scores s JOIN "
      "scenarios "
      "c "
      "USING(scenario) ORDER BY 1, 2";
  Database whole(folder / "whole.sqlite");
  whole.begin_run("test", "0", 1);
  evaluate(model, node, toys, whole);
  const auto path = folder / "cut.sqlite";
  {
    Database cut(path);
    cut.begin_run("test", "0", 1);
    int asked = 0;
    EvaluateOptions options;
    options.interrupted = [&] { return asked++ == 1; };
    evaluate(model, node, toys, cut, options);
    EXPECT_EQ(cut.scores().size(), 3u);
  }
  Database resumed(path);
  resumed.begin_run("test", "0", 1);
  evaluate(model, node, toys, resumed);
  EXPECT_EQ(table(resumed, kScores), table(whole, kScores));
}

TEST_F(EvaluateTest, AClosedGateIsTold) {
  Database db(folder / "scores.sqlite");
  db.begin_run("test", "0", 1);
  const ScenarioList list = {toys[0],
                             std::make_shared<Toy>("toy.gated", Prerequisite{"toy.one", "", 0.9}),
                             std::make_shared<Toy>("toy.open", Prerequisite{"toy.one", "far", 0.4}),
                             std::make_shared<Toy>("toy.lost", Prerequisite{"toy.none", "", 0.4}),
                             std::make_shared<Toy>("toy.own", Prerequisite{"toy.own", "far", 0.6})};
  evaluate(model, node, list, db);
  const auto gate = [&](const std::string& name) {
    return table(
        db, "SELECT not_measurable FROM current WHERE name = '" + name + "' AND cell = ''")[0][0];
  };
  EXPECT_EQ(gate("toy.gated"), "not measurable here: toy.one is 0.500, below 0.90");
  EXPECT_EQ(gate("toy.open"), "");
  EXPECT_EQ(gate("toy.own"), "not measurable here: toy.own/far is 0.500, below 0.60");
  EXPECT_EQ(gate("toy.lost"), "not measurable here: toy.none is not measured");
}

TEST_F(EvaluateTest, NothingFits) {
  model.context_length = 0;
  Database db(folder / "scores.sqlite");
  db.begin_run("test", "0", 1);
  evaluate(model, node, {toys[0]}, db);
  const auto rows = db.scores();
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].n, 0);
  EXPECT_EQ(rows[0].skipped, 20);
  EXPECT_EQ(rows[0].not_measurable, "not measurable here: no item fits the model's context");
}

std::string message(const std::function<void()>& f) {
  try {
    f();
  } catch (const Error& e) {
    return e.what() + (" | " + e.hint());
  }
  return "no error";
}

TEST_F(EvaluateTest, ADatabaseThatIsReadStaysAsItIs) {
  const auto path = folder / "scores.sqlite";
  EXPECT_NE(message([&] { Database db(path, Database::Access::read); }).find("cannot be opened"),
            std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(path));
  {
    Database db(path);
    db.begin_run("test", "0", 1);
    evaluate(model, node, toys, db);
  }
  const std::string bytes = read_file(path);
  const ScenarioList more{std::make_shared<Toy>("toy.three")};
  {
    Database db(path, Database::Access::read);
    EXPECT_EQ(db.scores("key").size(), 6u);
    db.begin_run("test", "0", 1);  // written with its first evaluation
    const std::string said = message([&] { evaluate(model, node, more, db); });
    EXPECT_NE(said.find("writing failed (attempt to write a readonly database)"), std::string::npos)
        << said;
    EXPECT_NE(said.find("with --db"), std::string::npos) << said;
  }
  EXPECT_EQ(read_file(path), bytes);
}

TEST_F(EvaluateTest, DamagedAndForeignDatabases) {
  const auto path = folder / "scores.sqlite";
  const auto open = [&] { Database db(path); };
  write_file_atomic(path, "this is no database, whatever its name says; far from it");
  EXPECT_NE(message(open).find("scores.sqlite: reading failed"), std::string::npos)
      << message(open);
  EXPECT_NE(message(open).find("move the file away"), std::string::npos) << message(open);
  std::filesystem::remove(path);
  {
    Database db(path);
    db.begin_run("test", "0", 1);
    evaluate(model, node, toys, db);
  }
  std::string bytes = read_file(path);
  for (size_t i = 4096 * 2; i < bytes.size(); ++i) bytes[i] = '\x55';
  write_file_atomic(path, bytes);
  EXPECT_NE(message(open).find("scores.sqlite"), std::string::npos);
  EXPECT_NE(message(open).find("move the file away"), std::string::npos) << message(open);
  bytes = read_file(path);
  std::filesystem::remove(path);
  { Database db(path); }
  bytes = read_file(path);
  bytes[68 + 3] ^= 1;  // the application id
  write_file_atomic(path, bytes);
  EXPECT_NE(message(open).find("is another program's database"), std::string::npos)
      << message(open);
  bytes[68 + 3] ^= 1;
  bytes[60 + 3] = 9;  // the user version
  write_file_atomic(path, bytes);
  EXPECT_NE(message(open).find("is a database of format 9; wanted 4"), std::string::npos)
      << message(open);
  EXPECT_NE(message([&] { Database db(folder / "none" / "x.sqlite"); }).find("cannot be opened"),
            std::string::npos);
}

TEST_F(EvaluateTest, TheDigestSeesAllThatMatters) {
  const auto items = toys[0]->items(ItemSet::test, 4), dev = toys[0]->items(ItemSet::dev, 2);
  const ScenarioSpec spec = toys[0]->spec();
  const std::string same = scenario_digest(spec, items, dev, {}, 1);
  EXPECT_EQ(scenario_digest(spec, items, dev, {}, 1), same);
  EXPECT_NE(scenario_digest(spec, items, dev, {}, 2), same);
  EXPECT_NE(scenario_digest(spec, items, dev, dev, 1), same);
  EXPECT_NE(scenario_digest(spec, dev, items, {}, 1), same);
  ScenarioSpec other = spec;
  other.prompt.before_answer = " ";
  EXPECT_NE(scenario_digest(other, items, dev, {}, 1), same);
  other = spec;
  other.metric.info.better = Better::lower;
  EXPECT_NE(scenario_digest(other, items, dev, {}, 1), same);
  auto changed = items;
  changed[3].answers[1].text = "c";
  EXPECT_NE(scenario_digest(spec, changed, dev, {}, 1), same);
}

}  // namespace
}  // namespace lineage
