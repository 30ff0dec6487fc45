#include "lineage/eval/database.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "lineage/base/file.h"
#include "lineage/base/testing.h"
#include "lineage/eval/testing.h"

namespace lineage {
namespace {

using Table = std::vector<std::vector<std::string>>;

// Tables of format 3, made from those of this one.
constexpr const char* kFormat3[] = {
    "CREATE TABLE items_3(scenario INTEGER NOT NULL, position INTEGER NOT NULL, item TEXT NOT "
    "NULL, cell TEXT, cluster TEXT, question TEXT, answers TEXT, correct INTEGER, chain TEXT, "
    "PRIMARY KEY(scenario, position)) WITHOUT ROWID",
    "CREATE TABLE predictions_3(node INTEGER NOT NULL, scenario INTEGER NOT NULL, position "
    "INTEGER NOT NULL, output TEXT, answer TEXT, chosen INTEGER, score REAL, log_likelihood REAL, "
    "format REAL, choices BLOB, samples TEXT, truncated INTEGER, skipped INTEGER, "
    "PRIMARY KEY(node, scenario, position)) WITHOUT ROWID",
    "INSERT INTO items_3 SELECT * FROM items",
    "INSERT INTO predictions_3 SELECT * FROM predictions",
    "UPDATE predictions_3 SET answer = NULL WHERE answer = output",
    "DROP VIEW given",
    "DROP VIEW items",
    "DROP VIEW predictions",
    "DROP TABLE questions",
    "DROP TABLE answer_lists",
    "DROP TABLE evaluations",
    "DROP TABLE outputs",
    "ALTER TABLE items_3 RENAME TO items",
    "ALTER TABLE predictions_3 RENAME TO predictions",
    "CREATE VIEW given AS SELECT p.node, p.scenario, p.position, i.item, i.cell, i.cluster, "
    "i.question, i.answers, i.correct, coalesce(p.output, json_extract(i.answers, '$[' || "
    "p.chosen || ']')) AS output, coalesce(p.answer, p.output, json_extract(i.answers, '$[' || "
    "p.chosen || ']')) AS answer, p.chosen, p.score, p.log_likelihood, p.format, p.samples, "
    "p.truncated, p.skipped FROM predictions p JOIN items i USING(scenario, position)",
    "PRAGMA user_version = 3",
};

class DatabaseTest : public ::testing::Test {
 protected:
  DatabaseTest() {
    spec.name = "A99.toy", spec.ability = "A99", spec.title = "toy", spec.parent_row = "A99.row";
    spec.metric = {{.name = "right"}, [](const Instance&, const Prediction& p) {
                     return p.answer == "a" ? 1.0 : 0.0;
                   }};
    AggregateMetric more;
    more.name = "A99.more", more.title = "more", more.parent_row = "A99.row";
    spec.aggregates = {more};
  }

  // A prediction chooses the choice that its output equals.
  void ask(const std::vector<std::string>& choices, const std::string& output,
           const std::string& answer, std::vector<double> scores = {}) {
    Instance& item = evaluation.items.emplace_back();
    item.id = std::to_string(evaluation.items.size());
    item.question = text_part("question " + item.id);
    for (const std::string& c : choices) item.answers.push_back(text_part(c));
    Prediction& p = evaluation.predictions.emplace_back();
    p.output = output, p.answer = answer, p.scores = std::move(scores);
    for (size_t i = 0; i < choices.size(); ++i)
      if (choices[i] == output) p.chosen = static_cast<int>(i);
    p.log_prob = -0.1 * static_cast<double>(evaluation.items.size());
  }
  void write(Database& db, const std::string& node = "key") {
    NodeRecord n;
    n.key = node;
    db.add_node(n);
    evaluation.node = node;
    evaluation.scenario = {"digest", "revision", &spec, std::ssize(evaluation.items), 1};
    evaluation.scores = score(spec, evaluation.items, evaluation.predictions, {});
    evaluation.aggregates = {evaluation.scores};
    db.write(evaluation);
  }
  void ask_all_kinds() {
    ask({"a", "b"}, "b", "b", {-1.5, -0.5});
    ask({"a", "b"}, "a", "a", {-0.5, -1.5});
    ask({"a"}, " a ", "a");
    ask({"a"}, " a", " a");
    ask({"a"}, "so it is a .", "a");
    ask({"a"}, "  ", "");
    ask({"c"}, "", "");
    ask({"c"}, "no", "");
    evaluation.predictions.back().samples = {{"no", "", 0}, {"is c", "c", 0}};
  }

  testing::TempFolder folder;
  std::filesystem::path path = folder / "scores.sqlite";
  ScenarioSpec spec;
  Evaluation evaluation;
};

const char* kAnswers =
    "SELECT node, scenario, position, item, question, answers, correct, output, answer, chosen, "
    "score, log_likelihood, samples FROM given ORDER BY node, scenario, position";

TEST_F(DatabaseTest, AnswersAreReadAsTheyWereGiven) {
  Database db(path);
  ask_all_kinds();
  write(db);
  EXPECT_EQ(table(db, "SELECT position, question, answers, output, answer, samples FROM given"),
            (Table{{"0", "question 1", R"(["a","b"])", "b", "b", ""},
                   {"1", "question 2", R"(["a","b"])", "a", "a", ""},
                   {"2", "question 3", R"(["a"])", " a ", "a", ""},
                   {"3", "question 4", R"(["a"])", " a", " a", ""},
                   {"4", "question 5", R"(["a"])", "so it is a .", "a", ""},
                   {"5", "question 6", R"(["a"])", "  ", "", ""},
                   {"6", "question 7", R"(["c"])", "", "", ""},
                   {"7", "question 8", R"(["c"])", "no", "", R"(["","c"])"}}));
}

TEST_F(DatabaseTest, WhatFollowsFromOtherColumnsIsNotStored) {
  Database db(path);
  ask_all_kinds();
  write(db);
  EXPECT_EQ(table(db, "SELECT number, output, answer FROM outputs WHERE answer IS NOT NULL"),
            (Table{{"4", " a", " a"}, {"5", "so it is a .", "a"}, {"8", "no", ""}}));
  EXPECT_EQ(table(db, "SELECT count(*) FROM outputs WHERE output IS NULL"), (Table{{"2"}}));
  EXPECT_EQ(table(db, "SELECT answers FROM answer_lists"),
            (Table{{R"(["a","b"])"}, {R"(["a"])"}, {R"(["c"])"}}));
}

TEST_F(DatabaseTest, AnEvaluationTakesTheOthersPlace) {
  Database db(path);
  ask_all_kinds();
  write(db);
  write(db, "other");
  const Table before = table(db, kAnswers);
  evaluation.predictions[7].output = "c";
  write(db);
  Table after = table(db, kAnswers);
  ASSERT_EQ(after.size(), 16u);
  EXPECT_EQ(after[7][7], "c");
  after[7] = before[7];
  EXPECT_EQ(after, before);
  EXPECT_EQ(table(db, "SELECT count(*) FROM outputs"), (Table{{"16"}}));
  EXPECT_EQ(table(db, "SELECT count(*) FROM questions"), (Table{{"8"}}));
}

TEST_F(DatabaseTest, RemovedNodesLeaveNothing) {
  Database db(path);
  ask_all_kinds();
  write(db);
  const Table answers = table(db, kAnswers);
  write(db, "other");
  EXPECT_GT(db.bytes_of_nodes({"other"}), 0);
  db.remove_nodes({"other"});
  EXPECT_EQ(table(db, kAnswers), answers);
  EXPECT_EQ(table(db, "SELECT count(*) FROM outputs"), (Table{{"8"}}));
  db.remove_nodes({"key"});
  for (const char* name : {"nodes", "scenarios", "questions", "answer_lists", "evaluations",
                           "outputs", "scores", "runs"})
    EXPECT_EQ(table(db, std::string("SELECT count(*) FROM ") + name), (Table{{"0"}})) << name;
}

// In any order of the two, an output looks up its item; the other way round takes n² steps.
TEST_F(DatabaseTest, AnswersAndItemsAreJoinedInOnePass) {
  const Database db(path);
  for (const char* from : {"predictions JOIN items USING(scenario, position)",
                           "items JOIN predictions USING(scenario, position)", "given"}) {
    std::string plan;
    for (const auto& row : table(db, std::string("EXPLAIN QUERY PLAN SELECT * FROM ") + from))
      plan += row.back() + "\n";
    EXPECT_NE(plan.find("questions USING PRIMARY KEY (scenario=? AND position=?)"), plan.npos)
        << plan;
  }
}

TEST_F(DatabaseTest, ScoresOfChoicesAreKeptWhereAScenarioSaysSo) {
  Database db(path);
  ask_all_kinds();
  write(db);
  EXPECT_EQ(table(db, "SELECT count(choices) FROM predictions"), (Table{{"0"}}));
  spec.keeps_choices = true;
  write(db);
  EXPECT_EQ(table(db, "SELECT length(choices) FROM predictions WHERE position < 3"),
            (Table{{"9"}, {"9"}, {""}}));
}

TEST_F(DatabaseTest, AScenariosTextsFollowTheProgram) {
  Database db(path);
  ask_all_kinds();
  write(db);
  const char* kTexts =
      "SELECT name, ability, title, parent_row FROM scenarios UNION SELECT DISTINCT name, "
      "ability, title, parent_row FROM current ORDER BY name";
  EXPECT_EQ(table(db, kTexts),
            (Table{{"A99.more", "A99", "more", "A99.row"}, {"A99.toy", "A99", "toy", "A99.row"}}));
  const Table scores = table(db, "SELECT * FROM scores"), answers = table(db, kAnswers);
  const auto rename = [&](const std::string& word) {
    spec.ability = "A" + word, spec.title = "toy " + word, spec.parent_row = "row " + word;
    spec.aggregates[0].title = "more " + word, spec.aggregates[0].parent_row = "";
    return Table{{"A99.more", "A" + word, "more " + word, ""},
                 {"A99.toy", "A" + word, "toy " + word, "row " + word}};
  };
  Table texts = rename("1");
  EXPECT_FALSE(db.has("stranger", evaluation.scenario));
  EXPECT_NE(table(db, kTexts), texts);
  EXPECT_TRUE(db.has("key", evaluation.scenario));  // looked up
  EXPECT_EQ(table(db, kTexts), texts);
  texts = rename("2");
  EXPECT_TRUE(db.has_same(evaluation));
  EXPECT_EQ(table(db, kTexts), texts);
  texts = rename("3");
  write(db);  // recorded
  EXPECT_EQ(table(db, kTexts), texts);
  EXPECT_EQ(table(db, "SELECT * FROM scores"), scores);
  EXPECT_EQ(table(db, kAnswers), answers);
  // Nothing is written where nothing differs.
  Database reads(path, Database::Access::read);
  EXPECT_TRUE(reads.has("key", evaluation.scenario));
}

TEST_F(DatabaseTest, Format3IsReadAsItIsAndMigratedByThatWrites) {
  {
    Database db(path);
    ask_all_kinds();
    spec.keeps_choices = true;
    write(db);
    write(db, "other");
  }
  const char* kScores = "SELECT * FROM current ORDER BY node, scenario, cell";
  const char* kItems = "SELECT * FROM items ORDER BY scenario, position";
  const char* kChoices =
      "SELECT node, position, output, choices, skipped FROM predictions ORDER BY node, position";
  std::vector<Table> all;
  {
    const Database db(path);
    for (const char* sql : {kAnswers, kScores, kItems, kChoices}) all.push_back(table(db, sql));
    for (const char* sql : kFormat3) table(db, sql);
  }
  const auto read = [&](const Database& db) {
    std::vector<Table> tables;
    for (const char* sql : {kAnswers, kScores, kItems, kChoices}) tables.push_back(table(db, sql));
    return tables;
  };
  const std::string bytes = read_file(path);
  EXPECT_EQ(read(Database(path, Database::Access::read)), all);
  EXPECT_EQ(read_file(path), bytes);
  {
    Database db(path);
    EXPECT_EQ(table(db, "PRAGMA user_version"), (Table{{"4"}}));
    EXPECT_EQ(read(db), all);
    EXPECT_EQ(table(db, "SELECT count(answer) FROM outputs"), (Table{{"6"}}));
    EXPECT_EQ(table(db, "SELECT count(*) FROM answer_lists"), (Table{{"3"}}));
    write(db);  // resumes
    EXPECT_EQ(read(db), all);
  }
  EXPECT_EQ(read(Database(path, Database::Access::read)), all);
}

}  // namespace
}  // namespace lineage
