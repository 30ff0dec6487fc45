#include "lineage/eval/database.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "lineage/base/testing.h"
#include "lineage/eval/testing.h"

namespace lineage {
namespace {

using Table = std::vector<std::vector<std::string>>;

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

}  // namespace
}  // namespace lineage
