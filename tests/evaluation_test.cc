// What the program measures: `grow` to its scores, killed at random moments; `eval` and `report`.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <random>

#include "lineage/checkpoint/model.h"
#include "lineage/eval/database.h"
#include "lineage/eval/testing.h"
#include "lineage/run/testing.h"
#include "program.h"

namespace lineage {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using testing::Output;
using testing::run_and_signal;
using testing::run_program;
using testing::small_world_recipe;
using testing::write_text;
using Rows = std::vector<std::vector<std::string>>;

constexpr const char* kTree = R"(
[model]
layers = 1
width = 16
heads = 2
context = 256
vocab = 0
[run]
checkpoint_every = 3
[pretrain]
tokens = 15_000
batch_tokens = 1024
[sft]
epochs = 2
batch_tokens = 512
[evaluation]
abilities = ["A01", "A05", "A06.function.k8", "A13"]
n = 60
dev = 8
[nodes.tuned]
stage = "sft"
parents = ["davinci"]
)";

class EvaluationTest : public ::testing::Test {
 protected:
  EvaluationTest() { write_text(folder / "tiny.toml", small_world_recipe(kTree)); }

  std::string recipe() const { return (folder / "tiny.toml").string(); }
  std::string out(const std::string& name) const { return (folder / name).string(); }
  Output grow(const std::string& name, const std::string& more = {}) {
    return run_program("grow " + recipe() + " --out " + out(name) + " " + more);
  }
  std::string node(const std::string& run, const std::string& name) const {
    return out(run) + "/trees/tiny/" + name;
  }
  std::map<std::string, std::string> weights(const std::string& run) const {
    std::map<std::string, std::string> all;
    for (const char* name : {"davinci", "tuned"})
      all[name] = Checkpoint::open(node(run, name)).manifest().weights;
    return all;
  }
  // All that a node was found to do and say, in an order that does not depend on the run.
  Rows measured(const std::string& run) const { return measured_in(out(run) + "/scores.sqlite"); }
  static Rows measured_in(const std::string& file) {
    const Database scores(file);
    Rows rows = table(scores,
                      "SELECT node_name, name, cell, n, score, low, high, log_likelihood, chance, "
                      "format, not_measurable, template FROM measured ORDER BY 1, 2, 3");
    for (auto& row :
         table(scores,
               "SELECT d.key, c.digest, p.position, output, answer, choices, log_likelihood FROM "
               "predictions p JOIN nodes d USING(node) JOIN scenarios c USING(scenario) ORDER BY "
               "1, 2, 3"))
      rows.push_back(std::move(row));
    return rows;
  }
  int64_t scores_so_far(const std::string& run) const {
    if (!std::filesystem::exists(out(run) + "/scores.sqlite")) return 0;
    try {
      const Database scores(out(run) + "/scores.sqlite");
      return std::stoll(table(scores, "SELECT count(*) FROM scores WHERE cell = ''")[0][0]);
    } catch (const std::exception&) {  // its tables are being made
      return 0;
    }
  }
  int64_t steps_so_far(const std::string& run, const std::string& of) const {
    int64_t lines = 0;
    std::error_code absent;
    for (const auto& at : std::filesystem::directory_iterator(out(run) + "/nodes", absent)) {
      if (!at.path().filename().string().starts_with(of + "-")) continue;
      std::ifstream in(at.path() / "metrics.jsonl");
      for (std::string line; std::getline(in, line);) ++lines;
    }
    return lines;
  }
  void expect_error(const std::string& arguments, const std::string& what,
                    const std::string& help = {}) {
    const Output o = run_program(arguments);
    EXPECT_EQ(o.status, 1) << o.text;
    EXPECT_THAT(o.text, HasSubstr("error: "));
    EXPECT_THAT(o.text, HasSubstr(what));
    EXPECT_THAT(o.text, HasSubstr(help.empty() ? "" : "help:  " + help));
  }
  static int64_t random_up_to(int64_t n) {
    return 1 + static_cast<int64_t>(std::random_device()()) % n;
  }

  testing::TempFolder folder;
};

TEST_F(EvaluationTest, AGrowthKilledAtRandomMomentsEndsWithTheSameWeightsAndScores) {
  const Output straight = grow("straight");
  ASSERT_EQ(straight.status, 0) << straight.text;
  EXPECT_THAT(straight.text, HasSubstr("evaluated in "));
  const auto digests = weights("straight");
  const Rows scores = measured("straight");
  const int64_t all = scores_so_far("straight"), steps = steps_so_far("straight", "tuned");
  ASSERT_GE(all, 10);
  ASSERT_GE(steps, 4);
  const std::vector<std::string> command = {"grow", recipe(), "--out", out("killed")};
  // While it tunes, then twice while it evaluates: each time the run goes on where it was.
  const int64_t step = random_up_to(steps / 2);
  EXPECT_TRUE(
      run_and_signal(command, SIGKILL, [&] { return steps_so_far("killed", "tuned") >= step; }))
      << "step " << step;
  for (const int64_t at : {random_up_to(all / 4), all / 4 + random_up_to(all / 4)}) {
    EXPECT_TRUE(run_and_signal(command, SIGKILL, [&] { return scores_so_far("killed") >= at; }))
        << "score " << at << " of " << all;
    EXPECT_LT(scores_so_far("killed"), all);
  }
  const Output resumed = grow("killed");
  ASSERT_EQ(resumed.status, 0) << resumed.text;
  EXPECT_THAT(resumed.text, HasSubstr("tuned: grown already"));
  EXPECT_EQ(weights("killed"), digests);
  EXPECT_EQ(measured("killed"), scores);
}

TEST_F(EvaluationTest, InterruptedItStopsAndGoesOn) {
  ASSERT_EQ(grow("runs", "--no-eval").status, 0);
  EXPECT_FALSE(std::filesystem::exists(out("runs") + "/scores.sqlite"));
  const std::vector<std::string> command = {"grow", recipe(), "--out", out("runs")};
  EXPECT_TRUE(run_and_signal(command, SIGINT, [&] { return scores_so_far("runs") >= 2; }));
  const int64_t before = scores_so_far("runs");
  EXPECT_GE(before, 2);
  const std::string growth = grow("runs").text;
  EXPECT_THAT(growth, HasSubstr("evaluated in"));
  const int64_t after = scores_so_far("runs");
  EXPECT_GT(after, before);
  // Nothing is measured twice.
  const Database scores(out("runs") + "/scores.sqlite");
  const auto query = "SELECT node, scenario, cell, run FROM scores ORDER BY 1, 2, 3";
  const Rows once = table(scores, query);
  ASSERT_EQ(grow("runs").status, 0);
  EXPECT_EQ(table(scores, query), once);
}

TEST_F(EvaluationTest, TheRecipeSaysWhatIsAsked) {
  ASSERT_EQ(grow("runs", "--node davinci --set evaluation.enabled=false").status, 0);
  EXPECT_FALSE(std::filesystem::exists(out("runs") + "/scores.sqlite"));
  ASSERT_EQ(grow("runs",
                 "--node davinci --set 'evaluation.abilities=[\"A13.register\"]' --set "
                 "evaluation.n=7")
                .status,
            0);
  const Database scores(out("runs") + "/scores.sqlite");
  EXPECT_EQ(table(scores, "SELECT DISTINCT name, n FROM current WHERE cell = ''"),
            (Rows{{"A13.register", "7"}}));
  // Told before anything is grown.
  expect_error("grow " + recipe() + " --out " + out("none") +
                   " --set 'evaluation.abilities=[\"A13.registre\"]'",
               "no ability or scenario is called A13.registre; wanted one as A01",
               "did you mean A13.register?");
  EXPECT_FALSE(std::filesystem::exists(out("none") + "/nodes"));
}

// The plan has the number of items that are then evaluated.
TEST_F(EvaluationTest, ThePlanCountsTheQuestions) {
  const std::string some = " --set 'evaluation.abilities=[\"A13\"]' --set evaluation.n=0";
  const std::string plan = grow("runs", "--node davinci --dry-run" + some).text;
  EXPECT_THAT(plan, HasSubstr("training, with what is measured on the way: "));
  EXPECT_THAT(plan, HasSubstr(" question sets a node, 1 nodes: "));
  EXPECT_THAT(grow("runs", "--dry-run --seeds 2").text, HasSubstr("; 2 seeds: "));
  EXPECT_THAT(grow("runs", "--dry-run --no-eval").text, Not(HasSubstr("evaluation: ")));
  EXPECT_FALSE(std::filesystem::exists(out("runs")));
  ASSERT_EQ(grow("runs", "--node davinci" + some).status, 0);
  const Database scores(out("runs") + "/scores.sqlite");
  const Rows asked = table(scores, "SELECT count(*), count(DISTINCT scenario) FROM predictions");
  EXPECT_THAT(plan, HasSubstr("evaluation: " + asked[0][0] + " items of " + asked[0][1] + " "));
}

TEST_F(EvaluationTest, EvalAsksAboutTheWorldOfTheManifest) {
  ASSERT_EQ(grow("runs", "--no-eval").status, 0);
  const std::string eval = "eval " + out("runs") + " --ability A03.cloze,A13.register -n 6";
  const Output table = run_program(eval);
  EXPECT_EQ(table.status, 0) << table.text;
  EXPECT_THAT(table.text, HasSubstr("davinci"));
  EXPECT_THAT(table.text, HasSubstr("A13.register"));
  EXPECT_THAT(table.text, Not(HasSubstr("A13.register/")));
  EXPECT_THAT(table.text, HasSubstr("further rows, of cells, conditions and measures: --cells"));
  EXPECT_THAT(table.text, Not(HasSubstr(" nan")));
  const std::string cells = run_program(eval + " --cells").text;
  EXPECT_THAT(cells, HasSubstr("A13.register/"));
  EXPECT_THAT(cells, Not(HasSubstr(" nan")));
  EXPECT_THAT(cells, Not(HasSubstr("further rows")));
  // The command behind the scores is recorded in full, and a run without measurements left no row.
  EXPECT_EQ(lineage::table(Database(out("runs/scores.sqlite")), "SELECT command FROM runs"),
            (Rows{{"lineage " + eval}}));
  EXPECT_THAT(table.text, Not(HasSubstr("names no world")));
  const auto json = nlohmann::json::parse(run_program(eval + " --json", "2>/dev/null").text);
  ASSERT_GE(json.size(), 4u);
  for (const auto& row : json) EXPECT_LE(row["n"], 6) << row;

  // The same model without a word of its world is evaluated on another.
  Model model = load_model(node("runs", "davinci"));
  const std::string world = model.manifest.world;
  EXPECT_THAT(world, HasSubstr("seed = 7"));
  Manifest manifest = model.manifest;
  manifest.world.clear(), manifest.identity.clear();
  Checkpoint::write(folder / "older", manifest, *model.parameters, model.tokenizer.get());
  const Output older =
      run_program("eval " + out("older") + " --ability A03.cloze -n 6 --db " + out("older.sqlite"));
  EXPECT_EQ(older.status, 0) << older.text;
  EXPECT_THAT(older.text, HasSubstr("davinci: its manifest names no world; it is asked about the "
                                    "default one"));
  const auto questions = [&](const std::string& file) {
    return lineage::table(
        Database(out(file)),
        "SELECT question FROM items i JOIN scenarios c USING(scenario) WHERE c.name = 'A03.cloze' "
        "ORDER BY position");
  };
  EXPECT_NE(questions("older.sqlite"), questions("runs/scores.sqlite"));
}

// Each model is measured by a thread or two of its own, and as if it were alone.
TEST_F(EvaluationTest, ModelsSideBySideAreMeasuredAsOneAfterAnother) {
  ASSERT_EQ(grow("runs", "--no-eval").status, 0);
  const auto eval = [&](const std::string& db, const std::string& threads) {
    const Output o = run_program("eval " + out("runs") + " --ability A01,A06,A08,A26 -n 12 --db " +
                                 out(db) + " --threads " + threads);
    EXPECT_EQ(o.status, 0) << o.text;
    return measured_in(out(db));
  };
  const Rows alone = eval("alone.sqlite", "1");
  EXPECT_GT(alone.size(), 100u);
  EXPECT_EQ(eval("beside.sqlite", "3"), alone);
  EXPECT_EQ(table(Database(out("beside.sqlite")), "SELECT DISTINCT run FROM scores"),
            (Rows{{"1"}}));

  // One that cannot be evaluated is left out; two of one name are distinguished.
  Model model = load_model(node("runs", "tuned"));
  Checkpoint::write(folder / "some" / "nodes" / "a", model.manifest, *model.parameters,
                    model.tokenizer.get());
  Checkpoint::write(folder / "some" / "nodes" / "b", model.manifest, *model.parameters,
                    model.tokenizer.get());
  model.manifest.identity = "mute";
  Checkpoint::write(folder / "some" / "nodes" / "mute", model.manifest, *model.parameters);
  model.manifest.identity = "another";
  Checkpoint::write(folder / "some" / "nodes" / "c", model.manifest, *model.parameters,
                    model.tokenizer.get());
  const Output some = run_program("eval " + out("some") + " -n 6 --ability A01 --threads 2");
  EXPECT_EQ(some.status, 0) << some.text;
  EXPECT_THAT(some.text, HasSubstr("left out: "));
  EXPECT_THAT(some.text, HasSubstr("mute: has no tokenizer"));
  EXPECT_THAT(some.text, HasSubstr("tuned-another"));
}

TEST_F(EvaluationTest, ASmallTryReplacesNothing) {
  ASSERT_EQ(grow("runs", "--no-eval").status, 0);
  const std::string database = out("runs/scores.sqlite"), db = " --db " + database;
  const std::string eval = "eval " + node("runs", "davinci") + db + " --ability A13.register";
  ASSERT_EQ(run_program(eval + " -n 40").status, 0);
  const Output small = run_program(eval + " -n 8");
  EXPECT_EQ(small.status, 0);
  EXPECT_THAT(small.text, HasSubstr("the database has measurements with more items (up to 40), "
                                    "which reports go on to show: A13.register"));
  EXPECT_EQ(
      table(Database(database), "SELECT n FROM current WHERE name = 'A13.register' AND cell = ''"),
      (Rows{{"40"}}));

  // Nor do files of one name, evaluated one after the other, become one question set.
  for (const char* below : {"a", "b"}) std::filesystem::create_directories(folder / below);
  const std::string line = R"({"query": "q", "choices": ["a", "b"], "gold": 0})";
  write_text(folder / "a" / "q.jsonl", line);
  write_text(folder / "b" / "q.jsonl", line + "\n" + line);
  const std::string ask = "eval " + node("runs", "davinci") + db + " --file ";
  EXPECT_EQ(run_program(ask + out("a/q.jsonl")).status, 0);
  expect_error(ask + out("b/q.jsonl"),
               "has scores of another file under the name q (a/q.jsonl, not b/q.jsonl); wanted "
               "another name",
               "name the questions of this file with --name");
  EXPECT_EQ(run_program(ask + out("b/q.jsonl") + " --name other").status, 0);
}

TEST_F(EvaluationTest, AnInterruptedEvalSaysSo) {
  ASSERT_EQ(grow("runs", "--no-eval").status, 0);
  int status = 0;
  EXPECT_TRUE(run_and_signal(
      {"eval", out("runs"), "--tokens", "0"}, SIGTERM, [&] { return scores_so_far("runs") >= 1; },
      &status));
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 75);
}

TEST_F(EvaluationTest, EvalNamesWhatIsWrong) {
  expect_error("eval /no/such/run", "/no/such/run: holds no model; wanted a checkpoint's folder",
               "lineage grow RECIPE --out /no/such/run");
  testing::write_corpus(folder / "corpus", 10);
  write_text(folder / "small.toml", testing::small_recipe(folder / "corpus"));
  ASSERT_EQ(run_program("grow " + (folder / "small.toml").string() + " --out " + out("small") +
                        " --set pretrain.tokens=256")
                .status,
            0);
  const std::string model = out("small") + "/trees/small/davinci";
  expect_error("eval " + model,
               "reads other words than the micro-world's, whose abilities are asked",
               "name them with --file, see docs/formats.md");
  expect_error("eval " + model + " --ability A99", "no ability or scenario is called A99",
               "did you mean A");
  expect_error("eval " + model + " --file /no/such.jsonl", "/no/such.jsonl");
  EXPECT_NE(run_program("eval " + model + " -n 0").status, 0);
  write_text(folder / "no.sqlite", "this is no database, whatever its name says; far from it");
  expect_error("eval " + model + " --db " + out("no.sqlite"), "no.sqlite: reading failed",
               "move the file away");

  Model bare = load_model(model);
  Checkpoint::write(folder / "mute", bare.manifest, *bare.parameters);
  expect_error("eval " + out("mute"), "has no tokenizer; wanted one to read the questions with");
}

TEST_F(EvaluationTest, ReportShowsATreeOrSaysWhyNot) {
  ASSERT_EQ(grow("runs").status, 0);
  const Output text = run_program("report " + out("runs") + " -o " + out("page.html"));
  EXPECT_EQ(text.status, 0) << text.text;
  EXPECT_THAT(text.text, HasSubstr("davinci"));
  EXPECT_THAT(text.text, HasSubstr("tuned"));
  const Output json = run_program("report " + out("runs") + " --json", "2>/dev/null");
  const auto report = nlohmann::json::parse(json.text);
  EXPECT_EQ(report.at("nodes").size(), 2u);
  EXPECT_FALSE(report.at("scores").empty());
  EXPECT_EQ(report.at("nodes")[1].at("parents"), nlohmann::json({"davinci"}));
  write_text(folder / "export.json", json.text);
  EXPECT_THAT(run_program("report " + out("export.json") + " -o " + out("again.html")).text,
              HasSubstr("davinci"));
  expect_error("report /no/such/run", "/no/such/run: no such folder; wanted a run folder",
               "lineage grow RECIPE --out /no/such/run");
  expect_error("report " + out("runs") + " --tree none", "no tree none; wanted one of tiny");
  expect_error("report " + recipe(), "tiny.toml");
}

TEST_F(EvaluationTest, PruneListsAndRemovesWhatAnEditedRecipeLeaves) {
  ASSERT_EQ(grow("runs", "--no-eval").status, 0);
  const std::string prune = "prune " + out("runs");
  EXPECT_EQ(run_program(prune).text, "nothing can be removed\n");
  ASSERT_EQ(grow("runs", "--no-eval --set sft.epochs=1").status, 0);
  const Output list = run_program(prune);
  EXPECT_EQ(list.status, 0) << list.text;
  EXPECT_THAT(list.text, HasSubstr("node       " + out("runs") + "/nodes/tuned-"));
  EXPECT_THAT(list.text, HasSubstr(" in all; --yes removes it"));
  const auto json = nlohmann::json::parse(run_program(prune + " --json").text);
  ASSERT_EQ(json.at("things").size(), 1u);
  EXPECT_EQ(json.at("things")[0].at("kind"), "node");
  EXPECT_EQ(json.at("things")[0].at("bytes"), json.at("bytes"));
  EXPECT_EQ(json.at("removed"), false);
  EXPECT_TRUE(std::filesystem::exists(json.at("things")[0].at("path").get<std::string>()));
  EXPECT_THAT(run_program(prune + " --yes").text, HasSubstr(" in all; removed"));
  EXPECT_FALSE(std::filesystem::exists(json.at("things")[0].at("path").get<std::string>()));
  EXPECT_THAT(grow("runs", "--no-eval --set sft.epochs=1").text, HasSubstr("tuned: grown already"));
  expect_error("prune " + out("none"), "none: has no tree; wanted a run folder with at least one",
               "a run folder of which nothing is needed can be removed as a whole");
}

TEST_F(EvaluationTest, ATreeOfTextsIsMeasuredByQuestionsInFiles) {
  testing::write_corpus(folder / "corpus", 10);
  write_text(folder / "pets" / "test.jsonl",
             R"({"query": "the cat sees", "choices": [" the dog", " rain sun"], "gold": 0})");
  write_text(folder / "small.toml",
             testing::small_recipe("corpus", "[evaluation]\nfiles = [\"pets/*.jsonl\"]\n"));
  const std::string small = "grow " + (folder / "small.toml").string() + " --out " + out("small") +
                            " --set pretrain.tokens=256";
  const Output plan = run_program(small + " --dry-run");
  EXPECT_EQ(plan.status, 0);
  EXPECT_THAT(plan.text, HasSubstr("evaluation: about 1 items of 1 question sets a node, 1 nodes"));
  expect_error(small + " --set 'evaluation.files=[\"none.jsonl\"]'",
               "evaluation.files: none.jsonl: no such file or folder; wanted questions");
  EXPECT_FALSE(std::filesystem::exists(out("small")));
  ASSERT_EQ(run_program(small).status, 0);
  const Output report = run_program("report " + out("small") + " -o " + out("small.html"));
  EXPECT_THAT(report.text, HasSubstr("pets/test"));
  EXPECT_THAT(report.text, Not(HasSubstr("A01")));
}

}  // namespace
}  // namespace lineage
