// What lies around the program: folders with other things in them, names that lead elsewhere,
// places that cannot be written to, other processes. Nothing is lost, and the fault is named.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <map>
#include <optional>
#include <string>
#include <thread>

#include "lineage/base/error.h"
#include "lineage/base/file.h"
#include "lineage/base/rng.h"
#include "lineage/checkpoint/huggingface.h"
#include "lineage/checkpoint/model.h"
#include "lineage/checkpoint/training_state.h"
#include "lineage/run/testing.h"
#include "program.h"

namespace lineage {
namespace {

using testing::Output;
using testing::run_program;
using testing::TempFolder;
using testing::write_corpus;
using testing::write_text;

// A recipe whose nodes grow in no time.
std::string tiny_recipe(const fs::path& corpus, const std::string& nodes) {
  return R"(
[tokenizer]
vocab = 262
sample_bytes = 2000
[model]
layers = 1
width = 8
heads = 1
context = 16
vocab = 0
[sources.words]
paths = [")" +
         corpus.string() + R"("]
heldout = 0.1
[pretrain]
tokens = 64
batch_tokens = 32
)" + nodes;
}

std::string node(const std::string& name) {
  return "[nodes.\"" + name + "\"]\nstage = \"pretrain\"\n";
}

// Every file below a folder with its content; links with where they lead.
std::map<std::string, std::string> content_of(const fs::path& folder) {
  std::map<std::string, std::string> content;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    const std::string name = entry.path().lexically_relative(folder).string();
    if (entry.is_symlink())
      content[name] = "-> " + fs::read_symlink(entry.path()).string();
    else
      content[name] = entry.is_directory() ? "/" : read_file(entry.path());
  }
  return content;
}

// Whether all of `before` is there still, as it was.
void expect_kept(const std::map<std::string, std::string>& before, const fs::path& folder) {
  const auto after = content_of(folder);
  for (const auto& [name, text] : before) {
    const auto it = after.find(name);
    EXPECT_TRUE(it != after.end() && it->second == text) << name << " was lost or changed";
  }
}

class Surroundings : public ::testing::Test {
 protected:
  Surroundings() {
    write_corpus(folder / "corpus", 12);
    recipe("r.toml", node("a") + node("b"));
  }
  fs::path recipe(const std::string& name, const std::string& nodes,
                  const std::string& before = {}) {
    write_text(folder / name, before + tiny_recipe(folder / "corpus", nodes));
    return folder / name;
  }
  std::string grow(const std::string& out, const std::string& more = {}) {
    return "grow " + (folder / "r.toml").string() + " --threads 1 --out '" +
           (folder / out).string() + "' " + more;
  }
  void expect_error(const std::string& arguments, const std::string& what, int status = 1,
                    const std::string& redirect = "2>&1") {
    const Output out = run_program(arguments, redirect);
    EXPECT_EQ(out.status, status) << arguments << "\n" << out.text;
    EXPECT_NE(out.text.find(what), std::string::npos) << arguments << "\n" << out.text;
    EXPECT_EQ(out.text.find("a bug in Lineage"), std::string::npos) << out.text;
  }
  // A GPT-2 of theirs; `seed` makes another one.
  fs::path gpt2(const std::string& name, uint64_t seed = 1) {
    GptConfig config;
    config.layers = 1, config.width = 8, config.heads = 1, config.context = 8, config.vocab = 11;
    const Model model = make_model(config, false);
    model.parameters->initialize(seed);
    Manifest m;
    m.config = frozen_model_config(config);
    Checkpoint::write(folder / ("native-" + name), m, *model.parameters);
    export_huggingface(folder / ("native-" + name), folder / name);
    return folder / name;
  }
  TempFolder folder;
};

TEST_F(Surroundings, AnImportReplacesNothingButItself) {
  const fs::path from = gpt2("theirs"), other = gpt2("others", 2), to = folder / "model";
  import_huggingface(from, to);
  write_text(to / "notes.txt", "mine");
  const auto before = content_of(to);
  const auto import = [&](const fs::path& source, const fs::path& target) {
    return "import hf " + source.string() + " --out " + target.string();
  };
  expect_error(import(other, to), "model: holds another checkpoint, theirs (weights ");
  EXPECT_EQ(content_of(to), before);
  EXPECT_EQ(run_program(import(from, to)).status, 0);  // the same again
  EXPECT_EQ(read_file(to / "notes.txt"), "mine");

  write_text(folder / "work/huggingface/thesis.tex", "mine");
  write_text(folder / "work/tokenizer.json", "{}");
  const auto work = content_of(folder / "work");
  expect_error(import(from, folder / "work"),
               "work: is a folder that holds other things, such as huggingface; wanted a new or");
  EXPECT_EQ(content_of(folder / "work"), work);
  const auto source = content_of(from);
  expect_error(import(from, from), "theirs: is the folder that is read");
  expect_error(import(from, from / "inside"), "lies in the folder that is read");
  expect_error(import(from, folder.path()), "holds the folder that is read");
  EXPECT_EQ(content_of(from), source);
  write_text(folder / "file", "x");
  expect_error(import(from, folder / "file"), "file: is a file; wanted a folder");
  expect_error("export hf " + to.string() + " " + (folder / "work").string(), "is there already");
  expect_error("export hf " + to.string() + " " + (folder / "file").string(),
               "file: is a file; wanted a folder");
  EXPECT_EQ(content_of(folder / "work"), work);
  // The rest of a killed import is not foreign.
  write_text(folder / "cut/.lineage-incoming/weights.safetensors", "half");
  EXPECT_EQ(run_program(import(from, folder / "cut")).status, 0);
}

// Whatever folder is named, foreign files in it are there afterwards.
TEST_F(Surroundings, WhateverOthersWroteSurvives) {
  const fs::path from = gpt2("theirs"), model = folder / "imported";
  import_huggingface(from, model);
  const Model loaded = load_model(model);
  const std::string names[] = {"manifest.json", "tokenizer.json", "weights.safetensors",
                               "huggingface",   "config.json",    "training-1.safetensors",
                               "notes",         ".committed",     ".incoming"};
  const Rng rng(3);
  uint64_t at = 0;
  int written = 0;
  for (int round = 0; round < 30; ++round) {
    const fs::path to = folder / ("round" + std::to_string(round));
    if (rng.below(3, at++) == 0) import_huggingface(from, to);
    const uint64_t files = rng.below(4, at++);
    std::map<std::string, std::string> mine;
    fs::create_directories(to);
    for (uint64_t i = 0; i < files; ++i) {
      fs::path name = names[rng.below(std::size(names), at++)];
      if (rng.below(2, at++) == 0) name /= names[rng.below(std::size(names), at++)];
      std::error_code failed;
      fs::create_directories((to / name).parent_path(), failed);
      if (failed || fs::exists(to / name, failed) || failed) continue;
      write_text(to / name, "mine");
      mine[name.string()] = "mine";
    }
    const auto attempt = [&](const auto& body) {
      try {
        body();
        ++written;
      } catch (const Error&) {  // refused
      }
      expect_kept(mine, to);
    };
    attempt([&] { import_huggingface(from, to); });
    attempt([&] { export_huggingface(model, to); });
    attempt([&] { Checkpoint::write(to, loaded.manifest, *loaded.parameters); });
    attempt([&] {
      save_training_state(to, 7, {}, {});
      remove_training_state(to);
    });
  }
  EXPECT_GT(written, 30);
}

TEST_F(Surroundings, ANameThatLeadsElsewhereIsRefusedBeforeAnythingIsGrown) {
  const auto refuse = [&](const fs::path& file, const std::string& what) {
    expect_error("grow " + file.string() + " --out " + (folder / "runs").string(), what);
    EXPECT_FALSE(fs::exists(folder / "runs"));
    expect_error("grow " + file.string() + " --dry-run", what);
  };
  refuse(recipe("up.toml", node("../../x")), "up.toml:17: the name of a node holds /");
  refuse(recipe("abs.toml", node((folder / "abs").string())), "the name of a node holds /");
  refuse(recipe("long.toml", node(std::string(260, 'x'))), "the name of a node has 260 bytes");
  refuse(recipe("dots.toml", node("a"), "name = \"..\"\n"),
         "dots.toml:1: name: the name of a recipe begins with a dot");
  refuse(recipe("sep.toml", node("a"), "name = \"a/b\"\n"), "the name of a recipe holds /");
  refuse(recipe("seed.toml", node("seed-2")), "a node is called seed-2");
  refuse(recipe("json.toml", node("growth.json")), "a node is called growth.json");
  refuse(recipe("source.toml", node("a") + "[sources.\"../s\"]\npaths = [\"x\"]\n"),
         "source.toml:19: the name of a source holds /");
  refuse(recipe("corpus.toml", node("a") + "[corpora.\"/c\"]\ntokens = 1000\n"),
         "corpus.toml:19: the name of a corpus holds /");
  refuse(recipe("talk.toml", node("a") + "[conversations.\"a\\nb\"]\npaths = [\"x\"]\n"),
         "the name of a conversation set holds the control character 0x0a");
  refuse(recipe("demo.toml", node("a") + "[demonstrations.\".x\"]\n"),
         "the name of a demonstration set begins with a dot");
  refuse(recipe("judged.toml", node("a") + "[preferences.\".x\"]\npaths = [\"x\"]\n"),
         "the name of a preference set begins with a dot");
  expect_error("grow " + (folder / "r.toml").string() + " --set name=../x --dry-run",
               "--set name=../x: name: the name of a recipe holds /");
}

TEST_F(Surroundings, AnOutThatCannotBeIsNamed) {
  write_text(folder / "file", "x");
  fs::create_symlink("loop", folder / "loop");
  expect_error(grow("file"), "file: is a file; wanted a folder");
  expect_error(grow("file/runs"), "file: is a file; wanted a folder");
  expect_error(grow("file", "--dry-run"), "file: is a file; wanted a folder");
  expect_error(grow("loop"), "Too many levels of symbolic links");
  expect_error(grow(std::string(300, 'x')), "File name too long");
  const std::string r = "grow " + (folder / "r.toml").string() + " --threads 1 ";
  expect_error(r + "--out /dev/null/x --dry-run", "/dev/null: is a device; wanted a folder");
  expect_error(r + "--out /proc/x", "/proc");
  for (const char* arguments : {"info ''", "complete '' -p x", "score '' x", "report ''",
                                "eval '' -n 1", "import hf x --out ''", "export hf x ''"}) {
    const Output out = run_program(arguments);
    EXPECT_NE(out.status, 0) << arguments;
    EXPECT_NE(out.text.find("is empty; wanted a path"), std::string::npos) << out.text;
  }
  EXPECT_NE(run_program(r + "--out ''").text.find("--out (-o) is empty"), std::string::npos);
  expect_error("info " + (folder / "loop").string(), "Too many levels of symbolic links");
  expect_error("info " + (folder / std::string(300, 'x')).string(), "File name too long");
}

TEST_F(Surroundings, OutputThatCannotBeWrittenIsAnError) {
  if (!fs::exists("/dev/full")) GTEST_SKIP() << "this machine has no /dev/full";
  const fs::path model = folder / "model";
  import_huggingface(gpt2("theirs"), model);
  for (const std::string& arguments :
       {"info " + model.string(), "info --json " + model.string(), std::string("--help"),
        std::string("grow --keys"), std::string("grow --help"), std::string("--version"),
        std::string("world show A12"), grow("runs")}) {
    const Output out = run_program(arguments, "2>&1 >/dev/full");
    EXPECT_EQ(out.status, 1) << arguments << "\n" << out.text;
    EXPECT_NE(out.text.find("standard output: cannot write: "), std::string::npos)
        << arguments << "\n"
        << out.text;
  }
  EXPECT_EQ(
      run_program("report " + (folder / "runs").string() + " --json", "2>&1 >/dev/full").status, 1);
  const std::string davinci = (folder / "runs/trees/r/a").string();
  expect_error("complete " + davinci + " -p the -n 3", "standard output: cannot write", 1,
               "2>&1 >/dev/full");
  expect_error("score " + davinci + " " + (folder / "corpus/1.txt").string(),
               "standard output: cannot write", 1, "2>&1 >/dev/full");
  EXPECT_EQ(run_program("info " + davinci, ">&-").status, 1);
  EXPECT_EQ(run_program(grow("silent"), "2>/dev/full").status, 0);  // notes are not the result
}

TEST_F(Surroundings, AReportReplacesReportsAlone) {
  ASSERT_EQ(run_program(grow("runs")).status, 0);
  const std::string report = "report " + (folder / "runs").string() + " --out ";
  const auto refuse = [&](const std::string& name, const std::string& what) {
    const std::string before = read_file(folder / name);
    expect_error(report + (folder / name).string(), what);
    expect_error(report + (folder / name).string() + " --json", what);
    EXPECT_EQ(read_file(folder / name), before);
  };
  refuse("runs/trees/r/a/weights.safetensors", "is there already, and is no report");
  refuse("r.toml", "is there already, and is no report");
  write_text(folder / "index.html", "<!doctype html><title>mine</title>");
  refuse("index.html", "is there already, and is no report");
  expect_error(report + folder.path().string(), "is a folder; wanted a file");
  expect_error(report + (folder / "none/page.html").string(), "none: no such folder");
  expect_error(report + "/dev/null --json", "is a device or a pipe");
  for (const std::string kind : {"--json", "--markdown", ""})
    for (int times = 0; times < 2; ++times)
      EXPECT_EQ(run_program(report + (folder / ("page" + kind)).string() + " " + kind).status, 0);
  expect_error("report " + (folder / "runs/trees/r").string() + " --tree r --json",
               "no folder of trees, of which --tree could name r");
  // A report from elsewhere does not say where its page goes.
  std::string evil = read_file(folder / "page--json");
  const size_t name = evil.find("\"name\": \"r\"");
  ASSERT_NE(name, std::string::npos);
  evil.replace(name, 11, "\"name\": \"../r\"");
  write_text(folder / "evil.json", evil);
  expect_error("report " + (folder / "evil.json").string(), "the name of a recipe holds /");
}

// A process of the program, its standard error in a file.
class Started {
 public:
  Started(const std::string& arguments, fs::path log) : log_(std::move(log)) {
    child_ = ::fork();
    if (child_ != 0) return;
    const std::string command =
        "exec " LINEAGE_BINARY " " + arguments + " >/dev/null 2>'" + log_.string() + "'";
    ::execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
    ::_exit(127);
  }
  ~Started() {
    if (child_ > 0) ::kill(child_, SIGKILL), ::waitpid(child_, nullptr, 0);
  }
  // Waits until it has said so; false: it ended before.
  bool says(const std::string& what) {
    for (;;) {
      const bool ended = ::waitpid(child_, &status_, WNOHANG) != 0;
      if (ended) child_ = 0;
      if (log().find(what) != std::string::npos) return true;
      if (ended) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
  }
  void signal(int number) const { ::kill(child_, number); }
  int end() {
    if (child_ > 0) ::waitpid(child_, &status_, 0);
    child_ = 0;
    return WIFEXITED(status_) ? WEXITSTATUS(status_) : -1;
  }
  std::string log() const { return fs::exists(log_) ? read_file(log_) : std::string(); }

 private:
  fs::path log_;
  pid_t child_;
  int status_ = 0;
};

TEST_F(Surroundings, TwoGrowthsOfOneFolderShareItsCaches) {
  Started a(grow("runs", "--node a"), folder / "a.log");
  Started b(grow("runs", "--node b"), folder / "b.log");
  EXPECT_EQ(a.end(), 0) << a.log();
  EXPECT_EQ(b.end(), 0) << b.log();
  for (const char* name : {"a", "b"})
    EXPECT_TRUE(Checkpoint::exists(folder / "runs/trees/r" / name)) << name;
  EXPECT_EQ((a.log() + b.log()).find("error"), std::string::npos) << a.log() << b.log();
}

TEST_F(Surroundings, AGrowthWaitsForTheCacheThatAnotherProcessMakes) {
  ASSERT_EQ(run_program(grow("first")).status, 0);
  const auto only_one = [&](const std::string& below, const std::string& end) {
    for (const auto& entry : fs::directory_iterator(folder / "first" / below))
      if (entry.path().filename().string().ends_with(end)) return entry.path().filename().string();
    return std::string();
  };
  const std::string cache = only_one("data", ""), tokenizer = only_one("tokenizers", ".lock");
  const std::string me = "waiting for process " + std::to_string(::getpid());
  Progress& quiet = silent();
  std::optional<FolderLock> trains(std::in_place, folder / "runs/tokenizers",
                                   LockWait{"tokenizer", quiet}, tokenizer);
  std::optional<FolderLock> tokenises(folder / "runs/data" / cache);
  Started waiting(grow("runs"), folder / "waiting.log");
  ASSERT_TRUE(waiting.says("tokenizer: " + me)) << waiting.log();
  trains.reset();
  ASSERT_TRUE(waiting.says("source words: " + me)) << waiting.log();
  waiting.signal(SIGINT);
  EXPECT_NE(waiting.end(), 0);
  EXPECT_TRUE(waiting.says("interrupted while another process makes it")) << waiting.log();

  Started again(grow("runs"), folder / "again.log");
  ASSERT_TRUE(again.says("source words: " + me)) << again.log();
  tokenises.reset();
  EXPECT_EQ(again.end(), 0) << again.log();
  EXPECT_TRUE(Checkpoint::exists(folder / "runs/trees/r/a"));
}

}  // namespace
}  // namespace lineage
