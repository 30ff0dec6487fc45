#include "lineage/run/prune.h"

#include <gtest/gtest.h>

#include "lineage/base/enum_index.h"
#include "lineage/base/error.h"
#include "lineage/base/folder.h"
#include "lineage/base/interrupted.h"
#include "lineage/run/models.h"
#include "lineage/run/recipe_run.h"
#include "lineage/run/testing.h"

namespace lineage {
namespace {

using Strings = std::vector<std::string>;
using testing::write_model;
using testing::write_text;

class PruneTest : public ::testing::Test {
 protected:
  // An untrained node NAME-dddddddddddd, whose identity and weights are that digit.
  fs::path node(const std::string& name, char digit, const Strings& parents = {}) const {
    const fs::path at = run / "nodes" / (name + "-" + std::string(12, digit));
    write_model(at, digit, [&](Manifest& m) {
      m.identity = std::string(64, digit), m.node = name, m.parents = parents;
    });
    write_text(at / "metrics.jsonl", "{}\n");
    write_text(at / ".lock", "1");
    return at;
  }
  static std::string weights(const fs::path& node) {
    return Checkpoint::open(node).manifest().weights;
  }
  void link(const std::string& name, const fs::path& to) const {
    replace_link(run / "trees" / name, to);
  }
  // "kind path" of the things found, paths below the run, with their descriptions.
  Strings found(const PruneReport& report) const {
    Strings all;
    for (const UnnamedThing& t : report.things) {
      EXPECT_GT(t.bytes, 0);
      std::string line = std::string(enum_names(t.kind)[enum_index(t.kind)]) + " " +
                         t.path.lexically_relative(run).string();
      if (!t.about.empty()) line += ": " + t.about;
      if (!t.stays.empty()) line += "; stays: " + t.stays;
      all.push_back(line);
    }
    return all;
  }
  // Lists, removes, and finds nothing any more.
  Strings pruned() const {
    const Strings listed = found(list_unnamed(run));
    EXPECT_EQ(found(prune(run)), listed);
    EXPECT_EQ(found(list_unnamed(run)), Strings());
    return listed;
  }
  Strings nodes() const {
    Strings all;
    for (const auto& entry : fs::directory_iterator(run / "nodes"))
      all.push_back(entry.path().filename().string());
    std::ranges::sort(all);
    return all;
  }

  testing::TempFolder folder;
  fs::path run = folder / "run";
};

TEST_F(PruneTest, MeasurementsAndAnswersGoWithTheirNode) {
  link("one/davinci", node("davinci", 'a'));
  const fs::path former = node("former", 'd');
  for (const char* file : {"reward.json", "feedback.json", "answers.jsonl", "answers-hot.jsonl",
                           "heldout-answers.jsonl", "heldout-answers-hot.jsonl"})
    write_text(former / file, "{}\n");
  EXPECT_EQ(pruned(), Strings{"node nodes/former-dddddddddddd"});
  EXPECT_FALSE(fs::exists(former));
}

TEST_F(PruneTest, EveryTreeAndSeedNamesItsNodes) {
  const fs::path shared = node("davinci", 'a'), second = node("davinci", 'b'),
                 own = node("tuned", 'c');
  node("former", 'd');
  link("one/davinci", shared), link("two/davinci", shared), link("two/tuned", own);
  link("two/seed-9/davinci", second);
  EXPECT_EQ(found(list_unnamed(run)), Strings{"node nodes/former-dddddddddddd"});
  EXPECT_EQ(nodes().size(), 4u) << "a list removes nothing";
  EXPECT_EQ(pruned(), Strings{"node nodes/former-dddddddddddd"});
  fs::remove_all(run / "trees" / "two");
  EXPECT_EQ(pruned(),
            (Strings{"node nodes/davinci-bbbbbbbbbbbb", "node nodes/tuned-cccccccccccc"}));
  EXPECT_EQ(nodes(), Strings{"davinci-aaaaaaaaaaaa"});
}

TEST_F(PruneTest, WhatANamedNodeWasGrownFromIsNamedToo) {
  const fs::path root = node("root", 'a'), former = node("davinci", 'b', {weights(root)}),
                 fresh = node("davinci", 'c'), tuned = node("tuned", 'd', {weights(former)});
  link("tree/davinci", fresh), link("tree/tuned", tuned);
  EXPECT_EQ(pruned(), Strings());
  link("tree/tuned", node("tuned", 'e', {weights(fresh)}));
  EXPECT_EQ(pruned(), (Strings{"node nodes/davinci-bbbbbbbbbbbb", "node nodes/root-aaaaaaaaaaaa",
                               "node nodes/tuned-dddddddddddd"}));
}

TEST_F(PruneTest, ACutNodeStaysWhileItsTreeIsHalfGrown) {
  const fs::path cut = run / "nodes" / "tuned-eeeeeeeeeeee";
  link("tree/davinci", node("davinci", 'a'));
  link("tree/.growing/tuned", cut);
  write_text(run / "data" / "text-0123456789abcdef" / "corpus.json", "{}");
  const auto expect_kept = [&] {
    const PruneReport report = list_unnamed(run);
    EXPECT_EQ(found(report), Strings());
    EXPECT_EQ(report.notes, Strings{(run / "trees" / "tree").string() +
                                    ": is half grown, so tokenised data and tokenizers stay"});
  };
  expect_kept();  // not begun yet
  write_text(cut / ".lock", "1");
  write_text(cut / "training-000000000003.safetensors", "state");
  expect_kept();
  fs::remove_all(run / "trees" / "tree" / ".growing");
  EXPECT_EQ(pruned(), (Strings{"node nodes/tuned-eeeeeeeeeeee: cut before it was grown",
                               "data data/text-0123456789abcdef: unfinished"}));
}

TEST_F(PruneTest, StatesOfGrownNodesGo) {
  const fs::path grown = node("davinci", 'a');
  link("tree/davinci", grown);
  write_text(grown / "training-000000000003.safetensors", "state");
  write_text(grown / "best.safetensors.partial.12.0", "weights");
  write_text(grown / "training-notes.txt", "mine");
  EXPECT_EQ(pruned(), Strings{"state nodes/davinci-aaaaaaaaaaaa: its node is grown"});
  EXPECT_TRUE(fs::exists(grown / "training-notes.txt"));
  EXPECT_TRUE(Checkpoint::exists(grown));
}

TEST_F(PruneTest, WhatARunHoldsStays) {
  link("tree/davinci", node("davinci", 'a'));
  const fs::path held = node("tuned", 'b');
  {
    const FolderLock lock(held);
    const Strings stays{"node nodes/tuned-bbbbbbbbbbbb; stays: in use by process " +
                        std::to_string(::getpid())};
    EXPECT_EQ(found(list_unnamed(run)), stays);
    EXPECT_EQ(found(prune(run)), stays);
    EXPECT_EQ(prune(run).bytes(), 0);
    EXPECT_TRUE(Checkpoint::exists(held));
  }
  EXPECT_EQ(pruned(), Strings{"node nodes/tuned-bbbbbbbbbbbb"});
}

TEST_F(PruneTest, WhatLineageDidNotWriteStays) {
  const fs::path elsewhere = folder / "elsewhere";
  write_text(elsewhere / "manifest.json", "mine");
  link("tree/davinci", node("davinci", 'a'));
  const fs::path mixed = node("tuned", 'b');
  write_text(mixed / "notes.txt", "mine");
  fs::create_directory_symlink(elsewhere, mixed / "link");
  fs::create_directory_symlink(elsewhere, run / "nodes" / "moved-cccccccccccc");
  write_model(run / "nodes" / "imported-dddddddddddd", 'd', [](Manifest&) {});
  write_text(run / "nodes" / "plain" / ".lock", "");
  write_text(run / "data" / "mine" / "train-1.tokens", "mine");
  write_text(run / "tokenizers" / "mine.json", "mine");
  EXPECT_EQ(found(prune(run)),
            Strings{"node nodes/tuned-bbbbbbbbbbbb: link is not Lineage's and stays"});
  EXPECT_EQ(nodes(), (Strings{"davinci-aaaaaaaaaaaa", "imported-dddddddddddd", "moved-cccccccccccc",
                              "plain", "tuned-bbbbbbbbbbbb"}));
  EXPECT_TRUE(fs::exists(mixed / "notes.txt"));
  EXPECT_FALSE(fs::exists(mixed / "manifest.json"));
  EXPECT_TRUE(fs::exists(elsewhere / "manifest.json"));
  EXPECT_TRUE(fs::exists(run / "data" / "mine" / "train-1.tokens"));
  EXPECT_TRUE(fs::exists(run / "tokenizers" / "mine.json"));
}

TEST_F(PruneTest, WithoutATreeNothingIsTouched) {
  node("davinci", 'a');
  for (const bool empty_tree : {false, true}) {
    if (empty_tree) write_text(run / "trees" / "tree" / "growth.json", "{}");
    try {
      prune(run);
      FAIL();
    } catch (const Error& e) {
      EXPECT_EQ(e.what(), run.string() +
                              ": has no tree; wanted a run folder with at least one, as "
                              "trees say what is needed");
    }
  }
  EXPECT_EQ(nodes().size(), 1u);
  EXPECT_THROW(list_unnamed(folder / "none"), Error);
}

TEST_F(PruneTest, ALinkToATreeElsewhereNamesWhatItLeadsTo) {
  const fs::path a = node("davinci", 'a');
  fs::create_directories(folder / "kept");
  fs::create_directory_symlink(a, folder / "kept" / "davinci");
  fs::create_directories(run / "trees");
  fs::create_directory_symlink(folder / "kept", run / "trees" / "kept");
  fs::create_directory_symlink(run / "trees", run / "trees" / "circle");
  EXPECT_EQ(pruned(), Strings());
}

// Real trees: every stage's files are known, caches are recognised by their content.
class PruneGrownTest : public PruneTest {
 protected:
  std::optional<Report> grow(const Recipe& recipe, std::function<bool()> interrupted = {}) const {
    RunOptions o;
    o.grow.out = run;
    o.grow.interrupted = std::move(interrupted);
    return run_recipe(recipe, o, *single_process(), silent());
  }
  static Recipe world(const Strings& sets = {}) {
    return parse_recipe(testing::tiny_world_recipe(R"(
[nodes.best]
stage = "feedme"
parents = ["tuned"]
[nodes.best.feedme]
prompts = 4
samples = 2
epochs = 1
batch_tokens = 512
min_rating = 1
[nodes.judge]
stage = "reward"
parents = ["tuned"]
[nodes.judge.reward]
prompts = 4
samples = 2
max_tokens = 8
heldout = 4
[nodes.filter]
stage = "moderation"
parents = ["tuned"]
[nodes.filter.moderation]
prompts = 40
set_aside = 20
heldout = 20
epochs = 2
)"),
                        "tiny.toml", sets);
  }
  static std::string kind_of(const std::string& line) { return line.substr(0, line.find('-')); }
};

TEST_F(PruneGrownTest, WhatAnEditedRecipeLeavesBehindGoesWhole) {
  const auto before = grow(world());
  EXPECT_EQ(pruned(), Strings());
  const auto after = grow(world({"pretrain.tokens=5120"}));
  Strings kinds;
  for (const std::string& line : pruned()) kinds.push_back(kind_of(line));
  EXPECT_EQ(kinds,
            (Strings{"node nodes/best", "node nodes/davinci", "node nodes/filter",
                     "node nodes/judge", "node nodes/tuned", "scores scores.sqlite: of 3 models"}));
  EXPECT_EQ(nodes().size(), 5u);
  const auto again = grow(world({"pretrain.tokens=5120"}));
  ASSERT_EQ(again->scores.size(), after->scores.size());
  EXPECT_EQ(again->scores[0].score, after->scores[0].score);
  EXPECT_EQ(again->runs.size(), after->runs.size());
}

TEST_F(PruneGrownTest, ACutRunGoesOnAfterAPrune) {
  grow(world());
  int steps = 0;
  const Strings edited = {"pretrain.tokens=5120", "run.checkpoint_every=1"};
  EXPECT_THROW(grow(world(edited), [&] { return ++steps > 3; }), Interrupted);
  EXPECT_EQ(pruned(), Strings()) << "the old nodes are the tree's, the cut one is to be grown";
  EXPECT_EQ(nodes().size(), 6u);
  grow(world(edited));
  EXPECT_FALSE(fs::exists(run / "trees" / "tiny" / ".growing"));
  EXPECT_EQ(nodes().size(), 10u);

  // Cut and then edited again: no recipe wants the cut node any more.
  steps = 0;
  EXPECT_THROW(grow(world({"pretrain.tokens=6144"}), [&] { return ++steps > 3; }), Interrupted);
  grow(world(edited));
  EXPECT_EQ(pruned().size(), 5u + 1u + 1u);
  EXPECT_EQ(nodes().size(), 5u);
}

TEST_F(PruneGrownTest, ANodeIsToBeGrownUntilItIsGrown) {
  const fs::path tree = run / "trees" / "tiny";
  EXPECT_THROW(grow(world(), [&] { return fs::exists(tree / "davinci"); }), Interrupted);
  Strings to_grow;
  for (const auto& entry : fs::directory_iterator(tree / ".growing"))
    to_grow.push_back(entry.path().filename().string());
  std::ranges::sort(to_grow);
  EXPECT_EQ(to_grow, (Strings{"best", "filter", "judge", "tuned"}));
}

TEST_F(PruneGrownTest, TokenisedDataAndTokenizersGoWithTheirLastNode) {
  testing::write_corpus(folder / "corpus", 10);
  const auto recipe = [&](const std::string& vocab) {
    return parse_recipe(testing::small_recipe(folder / "corpus"), "small.toml",
                        {"pretrain.tokens=512", "tokenizer.vocab=" + vocab});
  };
  grow(recipe("300"));
  EXPECT_EQ(pruned(), Strings());
  grow(recipe("290"));
  const Strings gone = pruned();
  ASSERT_EQ(gone.size(), 3u);
  EXPECT_EQ(kind_of(gone[0]), "node nodes/davinci");
  EXPECT_EQ(kind_of(gone[1]), "data data/words");
  EXPECT_EQ(gone[2].find("tokenizer tokenizers/"), 0u);
  EXPECT_EQ(distinct_folders(find_models(run)).size(), 1u);
  grow(recipe("290"), [] { return true; });  // all is there: nothing is interrupted
}

}  // namespace
}  // namespace lineage
