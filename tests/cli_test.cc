// The program as a user meets it: its output, its errors, and a run that is killed.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <random>
#include <sstream>
#include <string>
#include <thread>

#include "lineage/checkpoint/checkpoint.h"
#include "lineage/run/testing.h"
#include "lineage/sandbox/testing.h"
#include "program.h"

namespace lineage {
namespace {

using testing::Output;
using testing::small_recipe;
using testing::TempFolder;
using testing::write_corpus;
using testing::write_text;

Output run(const std::string& arguments) { return testing::run_program(arguments); }

class CliTest : public ::testing::Test {
 protected:
  CliTest() {
    write_corpus(folder / "corpus", 40);
    write_text(folder / "small.toml", small_recipe(folder / "corpus"));
  }
  std::string grow(const std::string& out, const std::string& more = {}) {
    return "grow " + (folder / "small.toml").string() + " --out " + (folder / out).string() + " " +
           more;
  }
  std::string model(const std::string& out) {
    return (folder / out / "trees" / "small" / "davinci").string();
  }
  void expect_error(const std::string& arguments, const std::string& what,
                    const std::string& help = {}, int status = 1) {
    const Output out = run(arguments);
    EXPECT_EQ(out.status, status) << out.text;
    EXPECT_NE(out.text.find("error: "), std::string::npos) << out.text;
    EXPECT_NE(out.text.find(what), std::string::npos) << out.text;
    EXPECT_NE(out.text.find(help.empty() ? "" : "help:  " + help), std::string::npos) << out.text;
  }

  TempFolder folder;
};

int64_t lines_of(const std::filesystem::path& file) {
  std::ifstream in(file);
  int64_t lines = 0;
  for (std::string line; std::getline(in, line);) ++lines;
  return lines;
}

// Starts a growth and kills it with SIGKILL once its metrics have `lines` lines.
void grow_and_kill(const std::string& recipe, const std::filesystem::path& out, int64_t lines) {
  int64_t seen = 0;
  testing::run_and_signal({"grow", recipe, "--out", out.string()}, SIGKILL, [&] {
    std::error_code error;
    for (const auto& node : std::filesystem::directory_iterator(out / "nodes", error))
      seen = lines_of(node.path() / "metrics.jsonl");
    return seen >= lines;
  });
  EXPECT_GE(seen, lines);
}

TEST_F(CliTest, ARunKilledAtARandomStepEndsWithTheSameDigest) {
  ASSERT_EQ(run(grow("straight")).status, 0);
  const auto straight = Checkpoint::open(model("straight")).manifest().weights;
  const int64_t steps = 78;
  for (int i = 0; i < 3; ++i) {
    const int64_t at = 1 + std::random_device()() % (steps - 1);
    SCOPED_TRACE("killed after step " + std::to_string(at));
    const std::string out = "killed" + std::to_string(i);
    grow_and_kill((folder / "small.toml").string(), folder / out, at);
    const Output resumed = run(grow(out));
    ASSERT_EQ(resumed.status, 0) << resumed.text;
    EXPECT_EQ(Checkpoint::open(model(out)).manifest().weights, straight);
  }
}

TEST_F(CliTest, GrowsCompletesScoresAndTells) {
  const Output plan = run(grow("runs", "--dry-run"));
  EXPECT_EQ(plan.status, 0);
  EXPECT_NE(plan.text.find("davinci"), std::string::npos) << plan.text;
  EXPECT_NE(plan.text.find("free here: "), std::string::npos) << plan.text;
  EXPECT_EQ(plan.text.find("evaluation: "), std::string::npos) << plan.text;  // no micro-world
  EXPECT_FALSE(std::filesystem::exists(folder / "runs"));                     // nothing was written

  ASSERT_EQ(run(grow("runs")).status, 0);
  EXPECT_NE(run(grow("runs")).text.find("davinci: grown already"), std::string::npos);

  const std::string complete = "complete " + model("runs") + " --prompt 'the cat' -n 12 --seed 4";
  const Output first = run(complete);
  EXPECT_EQ(first.status, 0);
  EXPECT_EQ(first.text.find("the cat"), 0u) << first.text;
  EXPECT_EQ(run(complete).text, first.text);
  EXPECT_EQ(run(complete + " --threads 1").text, first.text);

  const Output score = run("score " + model("runs") + " " + (folder / "corpus" / "3.txt").string());
  EXPECT_NE(score.text.find("bits per byte"), std::string::npos) << score.text;
  std::ofstream(folder / "marked.txt") << "\xEF\xBB\xBF" << read_file(folder / "corpus" / "3.txt");
  EXPECT_EQ(run("score " + model("runs") + " " + (folder / "marked.txt").string()).text,
            score.text);
  // Several files are scored together.
  const auto tokens = [&](const std::string& files) {
    return nlohmann::json::parse(run("score " + model("runs") + " --json " + files).text)["tokens"];
  };
  const std::string three = (folder / "corpus" / "3.txt").string();
  EXPECT_EQ(tokens(three + " " + three + " " + three), 3 * tokens(three).get<int>());
  write_text(folder / "wide.txt", std::string("\xFF\xFEt\0h\0e\0", 8));
  expect_error("score " + model("runs") + " " + (folder / "wide.txt").string(),
               "wide.txt: is UTF-16 text; wanted UTF-8 text", "convert it: iconv -f UTF-16");
  expect_error("score " + model("runs") + " " + folder.path().string(), ": Is a directory",
               "name a file in it");
  EXPECT_NE(run("info " + model("runs")).text.find("pretrain (davinci)"), std::string::npos);
  const auto again = folder / "hf";
  EXPECT_EQ(run("export hf " + model("runs") + " " + again.string()).status, 0);
  EXPECT_EQ(run("import hf " + again.string() + " --out " + (folder / "back").string()).status, 0);
  EXPECT_EQ(
      run("complete " + (folder / "back").string() + " --prompt 'the cat' -n 12 --seed 4").text,
      first.text);
}

TEST_F(CliTest, ARewardModelJudgesAnswers) {
  std::string judged;
  for (int i = 0; i < 40; ++i)
    judged += R"({"prompt": "say )" + std::to_string(i) +
              R"(", "chosen": "a cat", "rejected": "no)" + std::to_string(i) + "\"}\n";
  write_text(folder / "judged.jsonl", judged);
  write_text(folder / "small.toml",
             small_recipe(folder / "corpus",
                          "[preferences.judged]\npaths = [\"judged.jsonl\"]\n"
                          "[reward]\npreferences = \"judged\"\n"
                          "[nodes.judge]\nstage = \"reward\"\n"
                          "parents = [\"davinci\"]\n"));
  ASSERT_EQ(run(grow("runs")).status, 0);
  const std::string judge = (folder / "runs" / "trees" / "small" / "judge").string(),
                    answers = (folder / "judged.jsonl").string(),
                    text = (folder / "corpus" / "3.txt").string();
  const Output scores = run("score " + judge + " " + answers + " --reward");
  EXPECT_EQ(scores.status, 0) << scores.text;
  EXPECT_NE(scores.text.find("judged.jsonl:40\n"), std::string::npos) << scores.text;
  EXPECT_NE(scores.text.find("mean of 40 answers"), std::string::npos) << scores.text;
  const Output json = run("score " + judge + " " + answers + " --reward --json");
  std::istringstream lines(json.text);
  nlohmann::json last;
  double sum = 0;
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with('{')) continue;  // a note
    last = nlohmann::json::parse(line);
    sum += last.value("reward", 0.0);
  }
  EXPECT_NEAR(last.at("mean").get<double>(), sum / 40, 1e-9) << json.text;
  write_text(folder / "long.jsonl", R"({"prompt": ")" + std::string(100, 'x') +
                                        R"(", "completion": "yes"})" + "\n" + judged);
  const std::string cut =
      run("score " + judge + " " + (folder / "long.jsonl").string() + " --reward --too-long drop")
          .text;
  EXPECT_NE(cut.find("note: 1 dropped (1 prompt too long)"), std::string::npos) << cut;
  EXPECT_NE(cut.find("note: --too-long is drop, of 32 tokens"), std::string::npos) << cut;

  expect_error("score " + model("runs") + " " + answers + " --reward",
               "davinci: is a language model; wanted a reward model to judge answers",
               "stage reward grows one");
  expect_error("score " + judge + " " + text,
               "judge: is a reward model; wanted a language model to predict texts",
               "--reward has it judge answers");
  write_text(folder / "none.jsonl", "{\"prompt\": \"a\"}\n");
  expect_error("score " + judge + " " + (folder / "none.jsonl").string() + " --reward",
               "none.jsonl:1: ", "correct the record");
  const auto usage = [&](const std::string& more, const std::string& what) {
    const Output out = run("score " + judge + " " + answers + more);
    EXPECT_EQ(out.status, 2) << out.text;
    EXPECT_NE(out.text.find(what), std::string::npos) << out.text;
  };
  usage(" --reward --overlap 3", "score: --overlap with --reward; wanted one of them");
  usage(" --too-long drop", "score: --too-long without --reward; wanted both");
  usage(" --reward --too-long cut", "wanted one of cut_front, cut_end, drop");
}

TEST_F(CliTest, AnAdapterIsExportedAndReadOntoItsBase) {
  std::string asked;
  for (int i = 0; i < 40; ++i)
    asked += R"({"prompt": "say )" + std::to_string(i) + R"(", "completion": "a cat"})" + "\n";
  write_text(folder / "asked.jsonl", asked);
  write_text(folder / "small.toml",
             small_recipe(folder / "corpus",
                          "[conversations.asked]\npaths = [\"asked.jsonl\"]\n[sft]\n"
                          "batch_tokens = 256\n[sft.lora]\nrank = 2\n[nodes.tuned]\n"
                          "stage = \"sft\"\nparents = [\"davinci\"]\n"));
  ASSERT_EQ(run(grow("runs")).status, 0);
  const std::string tuned = (folder / "runs" / "trees" / "small" / "tuned").string(),
                    adapter = (folder / "adapter").string(), back = (folder / "back").string();
  const Output out = run("export peft " + tuned + " " + adapter);
  EXPECT_EQ(out.status, 0) << out.text;
  EXPECT_NE(out.text.find("note: a gpt2 has queries, keys and values in one layer"),
            std::string::npos)
      << out.text;
  const std::string import = "import peft " + adapter + " --base ";
  const Output in = run(import + model("runs") + " --out " + back);
  EXPECT_EQ(in.status, 0) << in.text;
  const std::string complete = " --prompt 'the cat' -n 12 --seed 4";
  // Before its text there is a note on the node's template, which the adapter's model lacks.
  const std::string text = run("complete " + tuned + complete).text;
  EXPECT_TRUE(text.ends_with(run("complete " + back + complete).text)) << text;
  expect_error(import + tuned + " --out " + (folder / "more").string(),
               "the adapter is of a base with weights ", "name the model that it was trained on");
  expect_error("export peft " + model("runs") + " " + (folder / "more").string(),
               "has no adapter; wanted a model that was tuned with one",
               "a stage trains one with [STAGE.lora]");
}

TEST(Cli, TheReferenceOfKeysIsTheProgramsOwn) {
  std::ifstream file(std::string(LINEAGE_SOURCE_DIR) + "/docs/recipe-keys.md");
  const std::string page((std::istreambuf_iterator<char>(file)), {});
  const Output keys = testing::run_program("grow --keys");
  ASSERT_EQ(keys.status, 0) << keys.text;
  EXPECT_EQ(page, keys.text) << "write it again: lineage grow --keys > docs/recipe-keys.md";
}

TEST_F(CliTest, ErrorsNameThePlaceAndWhatHelps) {
  expect_error("grow /no/such.toml", "/no/such.toml: cannot open", "check the path");
  expect_error(grow("x", "--set pretrain.batchtokens=3"), "batchtokens", "");
  expect_error("complete /no/such/model -p a", "/no/such/model");
  write_text(folder / "broken.toml", "seed = \n");
  expect_error("grow " + (folder / "broken.toml").string(), "broken.toml:1");
}

TEST_F(CliTest, ACommandLineThatIsNotUnderstoodNamesTheNearestAndExitsWith2) {
  const auto expect = [&](const std::string& arguments, const std::string& what,
                          const std::string& help = {}) {
    SCOPED_TRACE(arguments);
    expect_error(arguments, what, help, 2);
  };
  expect("", "lineage: no command follows; wanted one of grow, eval");
  expect("grwo", "lineage: no command is called \"grwo\"; did you mean grow?", "lineage --help");
  expect("generate m", "lineage: no command is called \"generate\"; did you mean complete?");
  expect("zzzz", "lineage: no command is called \"zzzz\"; wanted one of grow, ");
  expect("import hff d", "import: no command is called \"hff\"; did you mean hf?",
         "lineage import --help");
  expect("bench trian", "bench: no command is called \"trian\"; did you mean train?");
  expect("world", "world: no command follows; wanted one of show, audit");
  expect("complete m --promt x", "complete: no option is called --promt; did you mean --prompt?");
  expect("complete m --dry-run", "no option is called --dry-run; grow has it");
  expect("complete m -x", "complete: no option is called -x", "lineage complete --help");
  expect("complete -p x", "complete: MODEL is missing", "MODEL is a checkpoint's folder");
  expect("complete m -p", "complete: no value follows -p; wanted one");
  expect("complete m -p Once upon a time", "complete: \"upon\" is one argument too many");
  expect("complete m -n 3 -n 4", "complete: -n is given twice; wanted it once");
  expect("score m f --json=yes", "score: --json has the value \"yes\"; wanted none");
  expect("import hf m", "import hf: --out is missing", "--out is the checkpoint's folder");
  expect("bench train --config huge", "--config is \"huge\"; wanted one of tiny, small, gpt2");
  expect("world show --color red", "--color is \"red\"; wanted one of auto, always, never");
  expect("report --json --markdown", "report: --json and --markdown are given");
  expect("grow r.toml --set pretrain", "--set is \"pretrain\"; wanted KEY=VALUE");
}

TEST_F(CliTest, NumbersOutOfRangeNameTheOptionTheValueAndTheRange) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"complete m -n 1e20", "--max-tokens (-n) is \"1e20\"; wanted a whole number from 0 to"},
      {"complete m -n 99999999999999999999", "--max-tokens (-n) is 99999999999999999999; wanted"},
      {"complete m -n -5", "--max-tokens (-n) is -5; wanted a whole number from 0 to 1000000000"},
      {"complete m -t -1", "--temperature (-t) is -1; wanted a number from 0 to 100"},
      {"complete m -t nan", "--temperature (-t) is \"nan\"; wanted a number from 0 to 100"},
      {"complete m -t inf", "--temperature (-t) is \"inf\"; wanted a number from 0 to 100"},
      {"complete m --top-p 2", "--top-p is 2; wanted a number above 0, at most 1"},
      {"complete m --top-p 0", "--top-p is 0; wanted a number above 0, at most 1"},
      {"complete m --top-k -1", "--top-k is -1; wanted a whole number from 0 to"},
      {"complete m --count 0", "--count is 0; wanted a whole number from 1 to 4096"},
      {"chat m -n 0", "--max-tokens (-n) is 0; wanted a whole number from 1 to 1000000000"},
      {"complete m --seed -1",
       "--seed is -1; wanted a whole number from 0 to 18446744073709551615"},
      {"complete m --threads -3", "--threads is -3; wanted a whole number from 0 to 1024"},
      {"grow r.toml --threads 100000", "--threads is 100000; wanted a whole number from 0 to 1024"},
      {"grow r.toml --threads two", "--threads is \"two\"; wanted a whole number"},
      {"grow r.toml --seeds 0", "--seeds is 0; wanted a whole number from 1 to"},
      {"grow r.toml -j 2.5", "--jobs (-j) is 2.5; wanted a whole number from 0 to 1024"},
      {"score m f --overlap -2", "--overlap is -2; wanted a whole number from 0"},
      {"eval m -n 0", "--n is 0; wanted a whole number from 1 to"},
      {"eval m --shots -1", "--shots is -1; wanted a whole number from 0 to"},
      {"bench train --seconds 0", "--seconds is 0; wanted a number above 0"},
      {"bench matmul --rows 0", "--rows is 0; wanted a whole number from 1"},
      {"world show -n 0", "--n is 0; wanted a whole number from 1"},
      {"selftest --programs 0", "--programs is 0; wanted a whole number from 1"}};
  for (const auto& [arguments, what] : cases) {
    const Output out = run(arguments);
    EXPECT_EQ(out.status, 2) << arguments;
    EXPECT_EQ(out.text.find("error: " + what), 0u) << arguments << "\n" << out.text;
  }
}

// Where the system allows no sandbox, the refusal is the behaviour.
TEST_F(CliTest, SelftestSaysWhetherTheSandboxWorks) {
  const Output out = run("selftest --sandbox");
  if (testing::sandbox_absence().empty()) {
    EXPECT_EQ(out.status, 0) << out.text;
    EXPECT_EQ(out.text.find("the sandbox works: /usr/bin/bwrap runs Python 3."), 0u) << out.text;
  } else {
    EXPECT_EQ(out.status, 1) << out.text;
    EXPECT_EQ(out.text.find("error: sandbox: "), 0u) << out.text;
    EXPECT_NE(out.text.find("help: "), std::string::npos) << out.text;
  }
  const Output alone = run("selftest --sandbox --programs 5");
  EXPECT_EQ(alone.status, 2);
  EXPECT_EQ(alone.text.find("error: selftest: --programs without --cpython; wanted both"), 0u);
}

TEST_F(CliTest, AnEmptyPathIsRefusedAndEatsNoOption) {
  for (const char* arguments :
       {"grow r.toml --out ''", "grow r.toml --out= --threads 1", "report -o ''", "complete ''",
        "score m ''", "import hf '' --out x", "eval m --db ''"}) {
    const Output out = run(arguments);
    EXPECT_EQ(out.status, 2) << arguments;
    EXPECT_NE(out.text.find("is empty; wanted "), std::string::npos) << arguments << out.text;
  }
}

TEST_F(CliTest, OptionsStandBeforeAndBehindPositionals) {
  ASSERT_EQ(run(grow("runs")).status, 0);
  const std::string m = model("runs"), text = (folder / "corpus" / "3.txt").string();
  const Output behind = run("complete " + m + " -p 'the cat' -n 4 --seed 4 --stop '[x]' --stop {}");
  ASSERT_EQ(behind.status, 0) << behind.text;
  for (const std::string& other :
       {"complete --stop '[x]' --stop {} " + m + " -p 'the cat' -n 4 --seed 4",
        "complete -n4 --seed=4 --prompt='the cat' " + m,
        "complete -p='the cat' -n 4 --seed 4 -- " + m})
    EXPECT_EQ(run(other).text, behind.text) << other;
  EXPECT_EQ(run("complete " + m + " -p -n -n 0").text, "-n\n");  // a prompt that looks like one
  EXPECT_EQ(run("score --json " + m + " " + text).text,
            run("score " + m + " " + text + " --json").text);
  EXPECT_EQ(run("help complete").text, run("complete --help").text);
  EXPECT_EQ(run("help complete").status, 0);
}

// The signals of a scheduler before it ends a job, and of a closing terminal.
TEST_F(CliTest, EverySignalToStopSavesTheStateAndExitsWith75) {
  const std::vector<std::pair<int, std::string>> signals = {
      {SIGTERM, "term"}, {SIGINT, "int"}, {SIGHUP, "hup"}, {SIGUSR1, "usr1"}};
  for (const auto& [signal, name] : signals) {
    SCOPED_TRACE(name);
    int status = 0;
    ASSERT_TRUE(testing::run_and_signal(
        {"grow", (folder / "small.toml").string(), "--out", (folder / name).string(), "--set",
         "pretrain.tokens=2_000_000"},
        signal,
        [&] {
          std::error_code error;
          for (const auto& node :
               std::filesystem::directory_iterator(folder / name / "nodes", error))
            if (lines_of(node.path() / "metrics.jsonl") > 0) return true;
          return false;
        },
        &status));
    ASSERT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 75);
    bool saved = false;
    for (const auto& node : std::filesystem::directory_iterator(folder / name / "nodes"))
      for (const auto& file : std::filesystem::directory_iterator(node.path()))
        saved |= file.path().filename().string().starts_with("training-");
    EXPECT_TRUE(saved);
  }
}

TEST_F(CliTest, ADryRunIsAlsoJson) {
  const Output out = testing::run_program(grow("runs", "--dry-run --json"), "2>/dev/null");
  ASSERT_EQ(out.status, 0) << out.text;
  const auto plan = nlohmann::json::parse(out.text);
  EXPECT_EQ(plan.at("recipe"), "small");
  EXPECT_EQ(plan.at("fits"), true);
  ASSERT_EQ(plan.at("nodes").size(), 1u);
  const auto& node = plan.at("nodes")[0];
  EXPECT_EQ(node.at("node"), "davinci");
  EXPECT_EQ(node.at("tokens"), 20000 / 32 * 32);
  EXPECT_GT(node.at("seconds").get<double>(), 0);
  EXPECT_FALSE(std::filesystem::exists(folder / "runs"));
  EXPECT_EQ(run(grow("runs", "--json")).status, 2);
}

TEST_F(CliTest, APlanThatDoesNotFitFailsAfterItIsPrinted) {
  // 170 billion parameters: no step of such a model is run to measure its time.
  const std::string huge =
      "--set model.layers=96 --set model.width=12288 --set model.heads=96 --dry-run";
  const Output table = run(grow("runs", huge));
  EXPECT_EQ(table.status, 1);
  EXPECT_NE(table.text.find("training, with what is measured on the way: "), std::string::npos)
      << table.text;
  EXPECT_NE(table.text.find("nodes.davinci: needs about "), std::string::npos) << table.text;
  EXPECT_NE(table.text.find("help:  lower "), std::string::npos) << table.text;
  const Output json = testing::run_program(grow("runs", huge + " --json"), "2>/dev/null");
  EXPECT_EQ(json.status, 1);
  const auto plan = nlohmann::json::parse(json.text);
  EXPECT_EQ(plan.at("fits"), false);
  EXPECT_NE(plan.at("problem").get<std::string>().find("of memory"), std::string::npos);
  // So many steps that their metrics fill the disk; the plan itself takes no memory for them.
  const Output steps = testing::run_command(
      "ulimit -v 4000000; " LINEAGE_BINARY " " +
      grow("runs", "--dry-run --threads 1 --set pretrain.tokens=100_000_000_000_000 2>&1"));
  EXPECT_EQ(steps.status, 1);
  EXPECT_NE(steps.text.find("of disk; "), std::string::npos) << steps.text;
  EXPECT_NE(steps.text.find(" years"), std::string::npos) << steps.text;
}

// grow and its dry run refuse the same.
TEST_F(CliTest, WhatTheDryRunAcceptsGrowAccepts) {
  write_text(folder / "lines.jsonl", "PAR1 and what a Parquet file holds");
  write_text(folder / "file", "");
  const std::vector<std::string> wrong = {
      "--set tokenizer.path='\"/no/such\"'", "--set tokenizer.vocab=100",
      "--set sources.words.kind='\"jsonl\"' --set sources.words.paths='[\"" +
          (folder / "lines.jsonl").string() + "\"]'"};
  for (const std::string& more : wrong) {
    SCOPED_TRACE(more);
    const Output dry = run(grow("runs", more + " --dry-run")), grown = run(grow("runs", more));
    EXPECT_EQ(dry.status, 1) << dry.text;
    EXPECT_EQ(grown.status, 1) << grown.text;
    EXPECT_EQ(dry.text.substr(std::min(dry.text.find("error: "), dry.text.size())),
              grown.text.substr(std::min(grown.text.find("error: "), grown.text.size())));
    EXPECT_FALSE(std::filesystem::exists(folder / "runs" / "nodes"));
  }
  for (const char* more : {"--dry-run", ""})
    expect_error(grow("file", more), (folder / "file").string() + ": is a file; wanted a folder",
                 "choose another with --out");
  expect_error(grow("file/below", "--dry-run"), ": is a file; wanted a folder");
}

TEST_F(CliTest, ARecipeMayComeFromStandardInput) {
  const std::string recipe = (folder / "small.toml").string();
  const Output dry = run("grow - --dry-run --out " + (folder / "runs").string() + " <" + recipe);
  EXPECT_EQ(dry.status, 0) << dry.text;
  EXPECT_NE(dry.text.find("stdin: 1 nodes"), std::string::npos) << dry.text;
}

TEST_F(CliTest, DamageIsSeenAndNothingElseIsLost) {
  ASSERT_EQ(run(grow("runs")).status, 0);
  const auto weights = std::filesystem::path(model("runs")) / "weights.safetensors";
  const auto size = std::filesystem::file_size(weights);
  {
    std::fstream file(weights, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(size - 9));
    file.put('\x55');
  }
  expect_error("complete " + model("runs") + " -p the", "weights.safetensors");
  std::filesystem::resize_file(weights, size / 2);
  expect_error("complete " + model("runs") + " -p the", "weights.safetensors");
  std::filesystem::remove(std::filesystem::path(model("runs")) / "manifest.json");
  EXPECT_EQ(run(grow("runs")).status, 0);  // it is grown again
}

// `ulimit -f` fails writes as a disk does that fills up while a run is under way.
TEST_F(CliTest, AFullDiskLosesNothingThatIsGrown) {
  ASSERT_EQ(run(grow("straight")).status, 0);
  const auto straight = Checkpoint::open(model("straight")).manifest().weights;
  grow_and_kill((folder / "small.toml").string(), folder / "full", 30);
  std::filesystem::path node;
  for (const auto& entry : std::filesystem::directory_iterator(folder / "full" / "nodes"))
    node = entry.path();
  const auto states = [&] {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(node))
      if (entry.path().extension() == ".safetensors") names.push_back(entry.path().filename());
    return names;
  };
  const auto before = states();
  ASSERT_FALSE(before.empty());

  const std::string limited =
      "-c 'ulimit -f 100; exec " LINEAGE_BINARY " " + grow("full") + " 2>&1'";
  FILE* pipe = ::popen(("bash " + limited).c_str(), "r");
  std::string said;
  for (int c; (c = std::fgetc(pipe)) != EOF;) said += static_cast<char>(c);
  EXPECT_EQ(WEXITSTATUS(::pclose(pipe)), 1) << said;
  EXPECT_NE(said.find("error: " + node.string() + "/training-"), std::string::npos) << said;
  EXPECT_NE(said.find(": cannot write "), std::string::npos) << said;
  EXPECT_NE(said.find("help:  see how large a file may grow here: ulimit -f"), std::string::npos);
  EXPECT_EQ(states(), before);  // the state to resume from, and no half of another

  ASSERT_EQ(run(grow("full")).status, 0);
  EXPECT_EQ(Checkpoint::open(model("full")).manifest().weights, straight);
}

TEST_F(CliTest, ASecondRunInTheSameFolderIsRefused) {
  const pid_t child = ::fork();
  const std::string recipe = (folder / "small.toml").string(), out = (folder / "runs").string();
  if (child == 0) {
    const int null = ::open("/dev/null", O_WRONLY);
    ::dup2(null, STDOUT_FILENO);
    ::dup2(null, STDERR_FILENO);
    ::execl(LINEAGE_BINARY, "lineage", "grow", recipe.c_str(), "--out", out.c_str(), "--set",
            "pretrain.tokens=2_000_000", nullptr);
    ::_exit(127);
  }
  std::filesystem::path node;
  while (node.empty() && ::waitpid(child, nullptr, WNOHANG) == 0) {
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(out + "/nodes", error))
      if (std::filesystem::exists(entry.path() / "metrics.jsonl")) node = entry.path();
    std::this_thread::yield();
  }
  expect_error(grow("runs", "--set pretrain.tokens=2_000_000"),
               node.string() + ": in use by another run (process " + std::to_string(child) + ")",
               "wait for that run, or name another folder with --out");
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
}

TEST_F(CliTest, MpiRanksTrainTheSameModelEachTime) {
  const auto mpirun = [&](const std::string& out) {
    const std::string command =
        "OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 mpirun --oversubscribe "
        "--bind-to none -np 2 " LINEAGE_BINARY " " +
        grow(out, "--threads 1") + " >/dev/null 2>&1";
    return std::system(command.c_str());
  };
  if (std::system("command -v mpirun >/dev/null") != 0) GTEST_SKIP() << "mpirun is not installed";
  ASSERT_EQ(mpirun("a"), 0);
  ASSERT_EQ(mpirun("b"), 0);
  EXPECT_EQ(Checkpoint::open(model("a")).manifest().weights,
            Checkpoint::open(model("b")).manifest().weights);
  // A rank that fails ends all of them, with a status.
  write_text(folder / "small.toml", small_recipe(folder / "nothing-here"));
  EXPECT_NE(mpirun("c"), 0);
}

}  // namespace
}  // namespace lineage
