#include "lineage/run/evaluation.h"

#include <gtest/gtest.h>

#include <fstream>

#include "lineage/base/error.h"
#include "lineage/base/testing.h"
#include "lineage/eval/scenarios/file_scenario.h"
#include "lineage/eval/testing.h"
#include "lineage/run/testing.h"

namespace lineage {
namespace {

using testing::write_model;
using testing::write_text;

// Two untrained models and a file of questions.
class EvaluateModelsTest : public ::testing::Test {
 protected:
  EvaluateModelsTest() {
    for (const char name : {'a', 'b'})
      write_model(folder / std::string(1, name), static_cast<uint64_t>(name),
                  [&](Manifest& m) { m.identity = m.node = std::string(1, name); });
    std::string lines;
    for (int i = 0; i < 40; ++i)
      lines += R"({"query": "ann was", "choices": [" born", " in"], "gold": )" +
               std::to_string(i % 2) + "}\n";
    write_text(folder / "q.jsonl", lines);
    questions = {file_scenarios({folder / "q.jsonl"}), 8};
  }
  std::vector<MeasuredScenario> measure(Database& database, const EvaluateOptions& options = {},
                                        const std::string& left_out = {}) {
    database.begin_run("lineage eval", "0", 1);
    const auto questions_of = [&](const Model&, const NodeRecord& node, Progress&) {
      return node.name == left_out ? std::vector<Questions>() : std::vector<Questions>{questions};
    };
    return evaluate_models({folder / "a", folder / "b"}, questions_of, database, options, silent());
  }

  testing::TempFolder folder;
  Questions questions;
};

TEST_F(EvaluateModelsTest, AllAreMeasuredWhateverTheThreads) {
  std::vector<std::vector<std::vector<std::string>>> scores;
  for (const int threads : {1, 2}) {
    testing::UseThreads use(threads);
    Database database(folder / (std::to_string(threads) + ".sqlite"));
    const auto measured = measure(database);
    ASSERT_EQ(measured.size(), 2u);
    EXPECT_EQ(measured[0].node + measured[1].node, "ab") << "in the order of the folders";
    EXPECT_EQ(measured[0].digest, measured[1].digest);
    for (const ScoreRow& r : database.scores_of("a", measured[0].digest)) EXPECT_EQ(r.n, 8);
    scores.push_back(
        table(database, "SELECT node_key, n, score, log_likelihood FROM measured ORDER BY 1"));
  }
  EXPECT_EQ(scores[0], scores[1]);
}

TEST_F(EvaluateModelsTest, AModelWithoutQuestionsIsLeftAlone) {
  Database database(folder / "scores.sqlite");
  const auto measured = measure(database, {}, "a");
  ASSERT_EQ(measured.size(), 1u);
  EXPECT_EQ(measured[0].node, "b");
}

TEST_F(EvaluateModelsTest, AnInterruptedMeasurementGivesBackWhatItHas) {
  Database database(folder / "scores.sqlite");
  EvaluateOptions options;
  options.interrupted = [] { return true; };
  EXPECT_TRUE(measure(database, options).empty());
  EXPECT_EQ(measure(database).size(), 2u);
}

TEST_F(EvaluateModelsTest, AFailureOfOneIsThrown) {
  std::ofstream(folder / "b" / "weights.safetensors", std::ios::app) << "damage";
  Database database(folder / "scores.sqlite");
  EXPECT_THROW(measure(database), Error);
}

TEST_F(EvaluateModelsTest, ASmallerMeasurementKnowsTheLargerOne) {
  Database database(folder / "scores.sqlite");
  EXPECT_TRUE(larger_measurements(measure(database), database).empty());
  questions.n = 4;
  EXPECT_EQ(larger_measurements(measure(database), database),
            (std::map<std::string, int64_t>{{"q", 8}}));
}

TEST_F(EvaluateModelsTest, AModelThatCannotReadTheQuestionsSaysWhy) {
  Model model = load_model(folder / "a");
  const NodeRecord node = node_record(model, folder / "a");
  EXPECT_FALSE(why_not_measurable(model, node, true));
  model.tokenizer = nullptr;
  EXPECT_EQ(why_not_measurable(model, node, false)->what(),
            (folder / "a").string() + ": has no tokenizer; wanted one to read the questions with");
}

}  // namespace
}  // namespace lineage
