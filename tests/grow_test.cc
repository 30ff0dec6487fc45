#include "lineage/stages/grow.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <fstream>

#include "lineage/base/error.h"
#include "lineage/base/file.h"
#include "lineage/base/json.h"
#include "lineage/base/testing.h"
#include "lineage/checkpoint/huggingface.h"
#include "lineage/checkpoint/model.h"
#include "lineage/comm/threads.h"
#include "lineage/run/testing.h"

namespace lineage {
namespace {

using testing::small_recipe;
using testing::TempFolder;
using testing::write_corpus;

std::string digest_of_node(const GrownNode& n) {
  return Checkpoint::open(n.folder).manifest().weights;
}

class GrowTest : public ::testing::Test {
 protected:
  GrowTest() { write_corpus(folder / "corpus", 40); }

  Recipe recipe(const std::string& more = {}, const std::vector<std::string>& sets = {}) {
    return parse_recipe(small_recipe(folder / "corpus", more), "small.toml", sets);
  }
  std::vector<GrownNode> grow_in(const std::string& out, const Recipe& r,
                                 std::function<bool()> interrupted = {}) {
    const auto ranks = single_process();
    return grow(r, {folder / out, {}, std::move(interrupted)}, *ranks, silent());
  }
  // Grows until an interruption after `steps` steps; the state is saved.
  void cut(const std::string& out, const Recipe& r, int steps) {
    EXPECT_THROW(grow_in(out, r, [steps]() mutable { return --steps < 0; }), Error);
  }
  std::string error_of(const std::string& more, const std::vector<std::string>& sets = {}) {
    try {
      grow_in("errors", recipe(more, sets));
    } catch (const Error& e) {
      return std::string(e.what()) + " | " + e.hint();
    }
    return "none";
  }

  TempFolder folder;
};

TEST_F(GrowTest, LearnsAndSkipsWhatIsGrown) {
  const auto first = grow_in("runs", recipe());
  ASSERT_EQ(first.size(), 1u);
  EXPECT_FALSE(first[0].cached);
  const Manifest m = Checkpoint::open(first[0].folder).manifest();
  EXPECT_EQ(m.stage, "pretrain");
  EXPECT_EQ(m.tokens, 20000 / 32 * 32);
  const auto& words = m.datasets.at("words");
  EXPECT_GT(words.at("epochs").get<double>(), 0.5);
  EXPECT_LT(words.at("heldout_nats_per_token").get<double>(), 3.2);  // an untrained one: 5.7
  EXPECT_TRUE(std::filesystem::exists(folder / "runs" / "trees" / "small" / "davinci"));
  EXPECT_TRUE(grow_in("runs", recipe())[0].cached);
}

TEST_F(GrowTest, NothingHeldOutGivesNoHeldOutLoss) {
  const auto nodes = grow_in("runs", recipe({}, {"sources.words.heldout=0"}));
  EXPECT_EQ(read_file(nodes[0].folder / "metrics.jsonl").find("heldout"), std::string::npos);
  const auto words = Checkpoint::open(nodes[0].folder).manifest().datasets.at("words");
  EXPECT_FALSE(words.contains("heldout_nats_per_token"));
  EXPECT_FALSE(words.contains("heldout_bits_per_byte"));
}

// What a preset grows is a model of a family that other programs load: exported and imported, it
// has the same logits.
TEST_F(GrowTest, ModelsOfPresetsAreThoseOfFamilies) {
  const std::pair<const char*, const char*> families[] = {
      {"gpt3", "gpt2"}, {"llama", "llama"}, {"qwen3", "qwen3"}};
  for (const auto& [preset, family] : families) {
    SCOPED_TRACE(preset);
    const Recipe small = recipe({}, {std::string("preset=") + preset, "pretrain.tokens=2_000"});
    const fs::path node = grow_in(preset, small)[0].folder;
    const fs::path out = folder / (std::string(preset) + "-out");
    export_huggingface(node, out);
    EXPECT_EQ(JsonObject::load(out / "config.json").get<std::string>("model_type"), family);
    import_huggingface(out, folder / (std::string(preset) + "-back"));
    const Model grown = load_model(node);
    const Model back = load_model(folder / (std::string(preset) + "-back"));
    const Tensor tokens = Tensor::from({1, 5}, std::vector<int32_t>{7, 1, 250, 3, 99});
    const Tensor a = grown.gpt->logits(grown.gpt->hidden(tokens));
    const Tensor b = back.gpt->logits(back.gpt->hidden(tokens));
    EXPECT_TRUE(std::ranges::equal(a.data<float>(), b.data<float>()));
  }
}

TEST_F(GrowTest, AnotherRunGivesTheSameModel) {
  EXPECT_EQ(digest_of_node(grow_in("a", recipe())[0]), digest_of_node(grow_in("b", recipe())[0]));
}

TEST_F(GrowTest, ResumesBitForBit) {
  const std::string straight = digest_of_node(grow_in("straight", recipe())[0]);
  for (int steps : {0, 6, 7, 33}) {
    const std::string out = "cut" + std::to_string(steps);
    cut(out, recipe(), steps);
    cut(out, recipe(), 3);  // twice
    const auto resumed = grow_in(out, recipe());
    EXPECT_EQ(digest_of_node(resumed[0]), straight) << "cut after " << steps;
    std::ifstream metrics(resumed[0].folder / "metrics.jsonl");
    int64_t last = 0, lines = 0;
    for (std::string line; std::getline(metrics, line);) {
      if (line.find("\"loss\"") == std::string::npos) continue;
      ++lines;
      const auto at = line.find("\"step\":");
      last = std::stoll(line.substr(at + 7));
    }
    EXPECT_EQ(lines, last);  // each step is there once
  }
}

TEST_F(GrowTest, MuonAndTheModernPresetResumeToo) {
  const std::string modern = "";
  const std::vector<std::string> sets = {"preset=modern", "pretrain.optimizer.lr=1e-3"};
  const std::string straight = digest_of_node(grow_in("straight", recipe(modern, sets))[0]);
  cut("cut", recipe(modern, sets), 20);
  EXPECT_EQ(digest_of_node(grow_in("cut", recipe(modern, sets))[0]), straight);
}

constexpr const char* kChild = R"(
[nodes.code]
stage = "pretrain"
parents = ["davinci"]
[nodes.code.pretrain]
tokens = 4096
)";

TEST_F(GrowTest, RegrowsOnlyWhatChanged) {
  const auto first = grow_in("runs", recipe(kChild));
  ASSERT_EQ(first.size(), 2u);
  EXPECT_EQ(Checkpoint::open(first[1].folder).manifest().parents,
            std::vector{digest_of_node(first[0])});
  const auto child = grow_in("runs", recipe(kChild, {"nodes.code.pretrain.tokens=8192"}));
  EXPECT_TRUE(child[0].cached);
  EXPECT_FALSE(child[1].cached);
  const auto both = grow_in("runs", recipe(kChild, {"pretrain.optimizer.lr=1e-3"}));
  EXPECT_FALSE(both[0].cached);
  EXPECT_FALSE(both[1].cached);
  const auto back = grow_in("runs", recipe(kChild, {"run.eval_every=3"}));  // decides nothing
  EXPECT_TRUE(back[0].cached && back[1].cached);
  write_corpus(folder / "corpus", 41);  // another document
  EXPECT_FALSE(grow_in("runs", recipe(kChild))[0].cached);
}

constexpr const char* kFamily = R"(
[nodes.small]
stage = "pretrain"
[nodes.small.model]
width = 16
[nodes.code]
stage = "pretrain"
parents = ["davinci"]
[nodes.code.pretrain]
tokens = 4096
[nodes.child]
stage = "pretrain"
parents = ["small"]
[nodes.child.pretrain]
tokens = 8192
)";

// Each node's share of 3 threads changes as the others start and finish.
TEST_F(GrowTest, NodesSideBySideComeOutBitForBit) {
  const auto ranks = single_process();
  const testing::UseThreads three(3);
  const auto grow_at_once = [&](const std::string& out, int at_once, std::function<bool()> stop) {
    GrowOptions options{folder / out, {}, std::move(stop)};
    options.at_once = at_once;
    return grow(recipe(kFamily), options, *ranks, silent());
  };
  const auto in_turn = grow_at_once("in_turn", 1, {});
  std::atomic<int> steps = 40;
  EXPECT_THROW(grow_at_once("beside", 0, [&] { return --steps < 0; }), Error);
  // Two had begun at the interruption; only finished nodes are linked to.
  EXPECT_TRUE(std::filesystem::exists(folder / "beside" / "nodes"));
  EXPECT_FALSE(std::filesystem::exists(folder / "beside" / "trees" / "small" / "code"));
  const auto beside = grow_at_once("beside", 0, {});
  ASSERT_EQ(beside.size(), 4u);
  for (size_t i = 0; i < beside.size(); ++i) {
    EXPECT_EQ(beside[i].name, in_turn[i].name);
    EXPECT_EQ(digest_of_node(beside[i]), digest_of_node(in_turn[i])) << beside[i].name;
    EXPECT_TRUE(std::filesystem::exists(folder / "beside" / "trees" / "small" / beside[i].name));
  }
}

TEST_F(GrowTest, SeedsAreTreesOfTheirOwnBesideEachOther) {
  const Recipe r = recipe(kChild);
  const auto ranks = single_process();
  const auto grow_seed = [&](uint64_t seed) {
    Recipe own = r;
    own.seed = seed;
    return grow(own, {folder / "runs", {}, {}, tree_of_seed(r, seed)}, *ranks, silent());
  };
  const auto first = grow_seed(r.seed), second = grow_seed(r.seed + 1);
  EXPECT_NE(digest_of_node(first[0]), digest_of_node(second[0]));
  const auto trees = folder / "runs" / "trees" / "small";
  EXPECT_EQ(Checkpoint::open(trees / "code").manifest().seed, r.seed);
  const std::string other = "seed-" + std::to_string(r.seed + 1);
  const Manifest m = Checkpoint::open(trees / other / "code").manifest();
  EXPECT_EQ(m.seed, r.seed + 1);
  EXPECT_EQ(m.parents, std::vector{digest_of_node(second[0])});
  EXPECT_EQ(m.datasets.at("words").at("digest"),
            Checkpoint::open(trees / "code").manifest().datasets.at("words").at("digest"));
  EXPECT_TRUE(grow_seed(r.seed)[1].cached && grow_seed(r.seed + 1)[1].cached);
}

TEST_F(GrowTest, ATreeLinksToNodesOfTheRecipeOnly) {
  grow_in("runs", recipe(kChild));
  const auto trees = folder / "runs" / "trees" / "small";
  EXPECT_TRUE(std::filesystem::exists(trees / "code"));
  grow_in("runs", recipe());
  EXPECT_FALSE(std::filesystem::exists(trees / "code"));
  EXPECT_TRUE(std::filesystem::exists(trees / "davinci"));
  EXPECT_TRUE(grow_in("runs", recipe(kChild))[1].cached);  // it was only a link
}

TEST_F(GrowTest, AControlIsMarkedAndStaysTheSameNode) {
  const auto plain = grow_in("runs", recipe(kChild));
  const Recipe r = recipe(kChild, {"nodes.code.control=true"});
  EXPECT_TRUE(r.node("code").control);
  EXPECT_FALSE(r.node("davinci").control);
  EXPECT_TRUE(grow_in("runs", r)[1].cached);
  const Recipe of = recipe(kChild, {"nodes.code.control_of=davinci"});
  EXPECT_TRUE(of.node("code").control);
  EXPECT_EQ(of.node("code").control_of, "davinci");
  EXPECT_TRUE(grow_in("runs", of)[1].cached);
  EXPECT_NE(of.toml.find("control_of = \"davinci\""), std::string::npos);
  EXPECT_NE(error_of(kChild, {"nodes.code.control_of=davinc"})
                .find("nodes.code.control_of names davinc; wanted another node | did you mean "
                      "davinci?"),
            std::string::npos);
  EXPECT_NE(error_of(kChild, {"nodes.code.control_of=code"}).find("names code; wanted another"),
            std::string::npos);
}

TEST_F(GrowTest, GrowsOneNodeAndItsAncestors) {
  const Recipe r = recipe(std::string(kChild) + "[nodes.other]\nstage = \"pretrain\"\n");
  const auto ranks = single_process();
  const auto grown = grow(r, {folder / "runs", {"code"}, {}}, *ranks, silent());
  ASSERT_EQ(grown.size(), 2u);
  EXPECT_EQ(grown[0].name, "davinci");
  EXPECT_EQ(grown[1].name, "code");
}

// One rank with four micro-batches computes the same as four ranks with one, up to rounding, and
// each is repeatable bit for bit.
TEST_F(GrowTest, RanksAndMicroBatchesAgree) {
  const auto train = [&](const std::string& out, int ranks, const std::string& micro) {
    GrownNode node;
    run_ranks(ranks, [&](Communicator& comm) {
      const auto grown =
          grow(recipe("", {"pretrain.micro_tokens=" + micro, "pretrain.tokens=5120"}),
               {folder / out, {}, {}}, comm, silent());
      if (comm.rank() == 0) node = grown[0];
    });
    return node;
  };
  const GrownNode one = train("one", 1, "64"), four = train("four", 4, "64");
  EXPECT_EQ(digest_of_node(train("four-again", 4, "64")), digest_of_node(four));
  const Model a = load_model(one.folder), b = load_model(four.folder);
  double difference = 0, size = 0;
  for (int64_t i = 0; i < a.parameters->numel(); ++i) {
    const double x = a.parameters->values().data<float>()[static_cast<size_t>(i)];
    const double y = b.parameters->values().data<float>()[static_cast<size_t>(i)];
    difference += (x - y) * (x - y);
    size += x * x;
  }
  EXPECT_LT(std::sqrt(difference / size), 1e-3);  // Adam magnifies rounding where gradients vanish
}

TEST_F(GrowTest, ResumesWithAnotherNumberOfRanks) {
  const Recipe r = recipe();
  cut("runs", r, 20);
  run_ranks(2, [&](Communicator& comm) {
    EXPECT_EQ(grow(r, {folder / "runs", {}, {}}, comm, silent()).size(), 1u);
  });
}

TEST_F(GrowTest, BadInputIsNamedBeforeAnythingIsTrained) {
  EXPECT_NE(
      error_of("[nodes.x]\nstage = \"pretrian\"\n").find("stage is \"pretrian\"; wanted one of"),
      std::string::npos);
  EXPECT_NE(error_of("[nodes.x]\nstage = \"pretrain\"\nparents = [\"davinc\"]\n")
                .find("no such node | did you mean davinci?"),
            std::string::npos);
  EXPECT_NE(error_of("[nodes.x]\nstage = \"pretrain\"\nparents = [\"y\"]\n"
                     "[nodes.y]\nstage = \"pretrain\"\nparents = [\"x\"]\n")
                .find("a cycle: "),
            std::string::npos);
  EXPECT_NE(error_of("", {"pretrain.batchtokens=3"}).find("batch_tokens"), std::string::npos);
  EXPECT_NE(error_of("", {"pretrian.tokens=3"}).find("pretrain"), std::string::npos);
  EXPECT_NE(error_of("", {"sources.words.paths=[\"/does/not/exist\"]"}).find("/does/not/exist"),
            std::string::npos);
  EXPECT_NE(error_of("", {"pretrain.tokens=7"}).find("at least one row of 32"), std::string::npos);
  EXPECT_NE(error_of("", {"pretrain.mixture={wrds=1.0}"}).find("did you mean words?"),
            std::string::npos);
  EXPECT_NE(error_of("", {"preset=gpt5"}).find("wanted one of gpt3, modern, llama, qwen3"),
            std::string::npos);
}

TEST_F(GrowTest, WhatCannotFitIsKnownBeforeItsDataIsRead) {
  const std::string said = error_of("", {"model.layers=400", "model.width=16384", "model.heads=1"});
  EXPECT_NE(said.find("nodes.davinci: needs about "), std::string::npos) << said;
  EXPECT_NE(said.find(" of memory; this machine has "), std::string::npos) << said;
  EXPECT_NE(
      error_of("", {"model.vocab=100"})
          .find("the tokenizer has 300 tokens; the model has 100 rows and wants a tokenizer of "
                "at most as many | leave model.vocab out"),
      std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(folder / "errors" / "data"));
}

// The default is the tokenizer's number, which also enters the identity.
TEST_F(GrowTest, TheVocabularyIsTheTokenizers) {
  const std::vector<std::string> fast = {"pretrain.tokens=512"};
  const auto by_default = grow_in("runs", recipe("", fast));
  EXPECT_EQ(load_model(by_default[0].folder).config.vocab, 300);
  EXPECT_TRUE(grow_in("runs", recipe("", {fast[0], "model.vocab=300"}))[0].cached);
}

TEST_F(GrowTest, ACorpusWithoutTextSaysWhy) {
  const auto corpus = folder / "corpus";
  const auto expect = [&](const std::string& why) {
    EXPECT_EQ(error_of(""), "source words: " + corpus.string() + ": " + why +
                                "; wanted at least one | check paths, include and the filters of "
                                "this source");
  };
  std::filesystem::remove_all(corpus);
  testing::write_text(corpus / "a.bin", std::string("ELF\0\1\2", 6));
  testing::write_text(corpus / "b.txt", "");
  expect("2 files, no document left: 1 dropped (1 binary)");
  std::filesystem::remove(corpus / "a.bin");
  expect("1 file, no document left (all empty)");
}

TEST_F(GrowTest, ADivergingRunStopsAndKeepsItsLastState) {
  const std::string said = error_of("", {"pretrain.optimizer.lr=1e30", "pretrain.optimizer.clip=0",
                                         "pretrain.schedule.kind=constant"});
  EXPECT_NE(said.find("davinci: diverged at step"), std::string::npos) << said;
  EXPECT_NE(said.find("lower optimizer.lr"), std::string::npos) << said;
}

TEST_F(GrowTest, ARunThatEndsDivergedWritesNoModel) {
  const std::string said = error_of("", {"pretrain.optimizer.lr=1e30", "pretrain.optimizer.clip=0",
                                         "pretrain.schedule.kind=constant", "pretrain.tokens=768"});
  EXPECT_NE(said.find("davinci: "), std::string::npos) << said;
  EXPECT_NE(said.find("wanted a finite one"), std::string::npos) << said;
  EXPECT_NE(said.find("lower optimizer.lr"), std::string::npos) << said;
}

// Notes of a run, to be looked at.
class Notes final : public Progress {
 public:
  void update(std::string_view, double, std::string_view) override {}
  void note(std::string_view line) override { all += std::string(line) + "\n"; }
  std::string all;
};

TEST_F(GrowTest, NodesOfAParentThatWasGrownAgainAreNamed) {
  const auto notes_of = [&](const std::vector<std::string>& sets, std::vector<std::string> nodes) {
    Notes notes;
    const auto ranks = single_process();
    grow(recipe(kChild, sets), {folder / "runs", std::move(nodes), {}}, *ranks, notes);
    return notes.all;
  };
  const std::vector<std::string> fast = {"pretrain.tokens=1024", "nodes.code.pretrain.tokens=512"};
  std::vector<std::string> changed = fast;
  changed.push_back("pretrain.optimizer.lr=1e-3");
  const std::string fresh = notes_of(fast, {});
  EXPECT_EQ(fresh.find("has taken the place"), std::string::npos);
  EXPECT_EQ(fresh.find("trains again"), std::string::npos);
  const std::string told = notes_of(changed, {"davinci"});
  EXPECT_NE(told.find("davinci: trains again: pretrain.optimizer.lr is 0.001, and was 0.003"),
            std::string::npos)
      << told;
  EXPECT_NE(told.find("code in " + (folder / "runs" / "trees" / "small").string() +
                      ": grown from a parent that another one has taken the place of"),
            std::string::npos)
      << told;
  const std::string all = notes_of(changed, {});
  EXPECT_EQ(all.find("has taken the place"), std::string::npos);
  EXPECT_NE(all.find("code: trains again: "), std::string::npos) << all;
}

TEST_F(GrowTest, AVocabularyThatIsNotReachedIsTold) {
  Notes notes;
  const Recipe r = recipe("", {"tokenizer.vocab=100000"});
  const auto tokenizer = recipe_tokenizer(r, folder / "tokenizers", notes);
  EXPECT_NE(
      notes.all.find(fmt::format("tokenizer: {} tokens instead of 100000: ", tokenizer->vocab())),
      std::string::npos)
      << notes.all;
  notes.all.clear();
  recipe_tokenizer(r, folder / "tokenizers", notes);  // from the cache
  EXPECT_NE(notes.all.find("instead of 100000"), std::string::npos) << notes.all;
  notes.all.clear();
  recipe_tokenizer(recipe(), folder / "tokenizers", notes);
  EXPECT_EQ(notes.all.find("instead of"), std::string::npos) << notes.all;
}

TEST_F(GrowTest, TwoRunsInOneFolderDoNotMix) {
  const Recipe r = recipe();
  cut("runs", r, 3);
  std::filesystem::path node;
  for (const auto& entry : std::filesystem::directory_iterator(folder / "runs" / "nodes"))
    node = entry.path();
  const FolderLock held(node);
  try {
    grow_in("runs", r);
    FAIL();
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("in use by another run"), std::string::npos);
  }
}

TEST_F(GrowTest, AllSourcesAreCheckedBeforeTheFirstIsRead) {
  const std::string tokenizer = (folder / "tokenizer").string();
  grow_in("other", recipe());
  std::filesystem::copy(folder / "other" / "tokenizers", tokenizer);
  std::string file;
  for (const auto& entry : std::filesystem::directory_iterator(tokenizer))
    if (entry.path().filename().string()[0] != '.') file = entry.path().string();
  const std::string error =
      error_of("[sources.zz]\npaths = [\"/no/such\"]\n", {"tokenizer.path=\"" + file + "\""});
  EXPECT_NE(error.find("source zz: /no/such: no such file or folder"), std::string::npos) << error;
  EXPECT_FALSE(std::filesystem::exists(folder / "errors" / "data"));
}

}  // namespace
}  // namespace lineage
